"""What is wrong with one load alone: it is refused by file and operation, what needs it is held, the rest is loaded."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import account, investor, order, read_csv, write_csv
from operation_facts import FACTS
from scripted_lusid import ScriptedLusid, Taking, nothing_there, refused

from pipelines.cli import main as cli
from pipelines.load import carry_out
from pipelines.loading.spec import LoadSpec
from pipelines.nights.backfill import backfill
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.nights.trading_day import trading_day
from pipelines.operations.table import OPERATIONS
from pipelines.report.notify import reduced
from pipelines.report.report import Report
from pipelines.sample.day import write_day
from schemas.errors import AuthError, ConfigError, NoLusidError, UnreachableError
from schemas.states import Verdict
from schemas.verdicts import Colour

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")


@pytest.fixture(name="night")
def a_night(tmp_path: Path) -> Path:
    """Two investors, an account for each, two orders."""
    folder = tmp_path / "tonight"
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(n) for n in (1, 2)])
    write_csv(folder / "accounts.csv", [account(n, n) for n in (1, 2)])
    write_csv(folder / "orders.csv", [order(n, n) for n in (1, 2)])
    return folder


def spoil(file: Path) -> str:
    """Gives a file a header that no operation has; returns what it was."""
    text = file.read_text()
    file.write_text(f"x{text}")
    return text


def loaded(night: NightlyReport) -> list[str]:
    return [report.operation for report in night.reports]


def told(night: NightlyReport) -> tuple[list[str], list[str], tuple[str, ...]]:
    """The loads that ended, those that were refused, and those that were held."""
    return loaded(night), [each.operation for each in night.refused], night.held


@pytest.mark.parametrize(
    ("spoilt", "ended", "held"),
    [
        ("investors.csv", ["orders"], ("investment-accounts",)),
        ("accounts.csv", ["investor-records", "orders"], ()),
        ("orders.csv", ["investor-records", "investment-accounts"], ()),
    ],
)
@pytest.mark.parametrize("rules", ["", "order: [orders, investor-records, investment-accounts]\nweekend: []\n"])
def test_a_wrong_header_keeps_back_what_needs_it_alone_and_the_night_continues_with_just_that(
    spoilt: str, ended: list[str], held: tuple[str, ...], rules: str, night: Path
) -> None:
    if rules:
        (night / "night.yaml").write_text(rules)
    text, lusid = spoil(night / spoilt), Taking()
    with ScriptedLusid(lusid) as running:
        options: dict[str, Any] = {"target": running.url, "runs": night.parent / "runs", "once": True}
        first = nightly(night, **options)
        (operation,) = (each.operation for each in first.refused)
        assert told(first) == (sorted(ended, key=loaded(first).index), [operation], held)
        assert (first.exit_code, first.verdict, first.colour) == (2, Verdict.ERROR, Colour.RED)
        assert f", red: {operation} ({night / spoilt}): the header: " in first.headline
        assert first.headline.endswith(
            f"{''.join(f'; {each} held' for each in held)}; {2 * len(ended)} rows, none to correct"
        )
        (night / spoilt).write_text(text)
        second = nightly(night, **options)
        assert (second.exit_code, second.refused, second.held, len(second.reports)) == (0, (), (), 3)
        assert {r.run_id for r in first.reports} < {r.run_id for r in second.reports}
    assert set(lusid.posted.values()) == {1}
    assert len(lusid.posted) == 6
    assert not list(options["runs"].glob("night-*.json"))


def test_a_night_of_which_nothing_fits_is_told_whole_and_sends_nothing(night: Path) -> None:
    for file in ("investors.csv", "accounts.csv", "orders.csv"):
        spoil(night / file)
    (night / "orders.csv").write_bytes(b"")
    lusid = Taking()
    with ScriptedLusid(lusid) as running:
        ended = nightly(night, target=running.url, runs=night.parent / "runs")
    assert told(ended) == ([], ["investor-records", "orders"], ("investment-accounts",))
    assert (ended.exit_code, ended.page is not None, lusid.posted) == (2, True, {})
    assert str(ended.refused[1]) == f"orders: {night / 'orders.csv'}: the file is empty: it has no header"


def test_what_is_told_of_a_refused_load_stands_in_every_place(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(night / "investors.csv")
    runs = night.parent / "runs"
    words = ["nightly", str(night), "--target", "sandbox", "--runs", str(runs), "--date", "2026-11-27"]
    assert cli.run(words) == 2
    shown = capsys.readouterr()
    why = f"investor-records ({night / 'investors.csv'}): the header: "
    assert why in shown.out.splitlines()[0]
    assert "investment-accounts held" in shown.out.splitlines()[0]
    assert shown.out.count("bulkload nightly") == 1
    assert "investment-accounts: held, because investor-records was refused" in shown.err
    assert cli.run([*words, "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert [text.startswith(why) for text in document["refused"]] == [True]
    assert (document["held"], document["error"], document["verdict"]) == (["investment-accounts"], None, "error")
    assert [run["operation"] for run in document["runs"]] == ["orders"]
    assert document["next"].startswith("bulkload nightly ")
    posted = reduced(document)["text"]
    assert posted.startswith(f"bulkload red: {night}: error: {why}")
    assert posted.endswith("; investment-accounts held; 2 rows, none to correct")
    page = Path(document["page"]).read_text().partition("What to fix first")[2]
    assert page.index(why) < page.index("Mend the extract, its header or its mapping")
    assert "investment-accounts held until it is loaded." in page
    assert cli.run(["sql", "SELECT refused FROM nights LIMIT 1", "--runs", str(runs), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[["investor-records"]]]


def test_what_is_held_stands_under_what_holds_it(night: Path) -> None:
    (night / "night.yaml").write_text("require: [orders]\nweekend: []\n")
    (night / "orders.csv").unlink()
    spoil(night / "investors.csv")
    ended = nightly(night, target="sandbox", runs=night.parent / "runs")
    assert (ended.missing[0].holds, ended.refused[0].holds) == ((), ("investment-accounts",))
    assert ended.page is not None
    items = ended.page.read_text().split("<li>")[1:]
    assert [item.startswith("<h3>investor-records (") for item in items if "investment-accounts held" in item] == [True]


@pytest.mark.parametrize("error", [AuthError("401"), UnreachableError("gone"), NoLusidError("a proxy")])
def test_what_would_end_any_load_ends_the_night(error: Exception, night: Path) -> None:
    def carried(spec: LoadSpec) -> Report:
        if spec.operation.name == "investment-accounts":
            raise error
        return carry_out(spec)

    ended = nightly(night, carry_out=carried, target="sandbox", runs=night.parent / "runs")
    assert told(ended) == (["investor-records"], [], ())
    assert (ended.error, ended.not_started) == (error, ("orders",))


@pytest.mark.parametrize("limit", [{"max_create": "1"}, {"max_failures": "0"}])
def test_a_load_that_its_own_limit_stops_keeps_back_what_needs_it_and_resumes(
    limit: dict[str, Any], night: Path
) -> None:
    write_csv(night / "orders.csv", [order(1, 1)])
    write_csv(night / "investors.csv", [investor(1), investor(2), investor(3, {"display_name": ""})])
    with ScriptedLusid(Taking()) as running:
        options: dict[str, Any] = {"target": running.url, "runs": night.parent / "runs"}
        ended = nightly(night, **limit, **options)
        assert told(ended) == (["investor-records", "orders"], [], ("investment-accounts",))
        assert [each.verdict for each in ended.reports] == [Verdict.STOPPED, Verdict.COMPLETE]
        assert (ended.exit_code, ended.error) == (4, None)
        assert "investment-accounts held; investor-records stopped; " in ended.headline
        if "max_create" in limit:
            again = nightly(night, max_create="9", **options)
            assert [r.run_id for r in again.reports if r.operation != "investment-accounts"] == [
                r.run_id for r in ended.reports
            ]
            assert (again.exit_code, again.held) == (3, ())


def test_a_load_that_lusid_stops_ends_the_night(night: Path) -> None:
    with ScriptedLusid(lambda call: nothing_there(call) if call.method == "GET" else refused(status=403)) as running:
        ended = nightly(night, target=running.url, runs=night.parent / "runs")
    assert told(ended) == (["investor-records"], [], ())
    assert ended.not_started == ("investment-accounts", "orders")


def test_a_day_goes_on_without_what_is_refused_and_derives_nothing_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "day"
    write_day(folder, blocks=3)
    write_csv(folder / "cancel-orders.csv", [{"nonsense": "1"}])
    options: dict[str, Any] = {"target": f"sandbox:{tmp_path / 'lusid.db'}", "runs": tmp_path / "runs"}
    text = spoil(folder / "executions.csv")
    first = trading_day(folder, **options)
    assert told(first) == (
        ["orders", "place-blocks"],
        ["cancel-orders", "executions"],
        ("allocate", "book-transactions"),
    )
    (folder / "executions.csv").write_text(text)
    (folder / "cancel-orders.csv").unlink()
    second = trading_day(folder, **options)
    assert (second.exit_code, loaded(second)[2:]) == (0, ["executions", "allocate", "book-transactions"])
    assert [r.run_id for r in second.reports][:2] == [r.run_id for r in first.reports]


def test_a_backfill_tells_the_date_whole_whose_header_is_wrong_and_later_dates_wait(tmp_path: Path) -> None:
    for day in (25, 26, 27):
        folder = tmp_path / f"202611{day}"
        folder.mkdir()
        write_csv(folder / "investors.csv", [investor(day)])
        write_csv(folder / "orders.csv", [order(day, day)])
    text = spoil(tmp_path / "20261126" / "investors.csv")
    first, last = date(2026, 11, 25), date(2026, 11, 27)
    options: dict[str, Any] = {"target": f"sandbox:{tmp_path / 'lusid.db'}", "runs": tmp_path / "runs"}
    ended = backfill(str(tmp_path / "{date:%Y%m%d}"), first, last, **options)
    assert [told(night) for _, night in ended.nights] == [
        (["investor-records", "orders"], [], ()),
        (["orders"], ["investor-records"], ()),
    ]
    assert (ended.not_started, ended.exit_code) == ((last,), 2)
    (tmp_path / "20261126" / "investors.csv").write_text(text)
    again = backfill(str(tmp_path / "{date:%Y%m%d}"), first, last, **options)
    assert (again.done_before, again.exit_code) == ((first,), 0)
    assert again.nights[0][1].reports[1].run_id == ended.nights[1][1].reports[0].run_id


def test_a_feed_that_another_load_holds_refuses_its_load_alone(night: Path) -> None:
    def carried(spec: LoadSpec) -> Report:
        if spec.operation.name == "investor-records":
            raise ConfigError("feed crm is being loaded: --wait SECONDS waits for it")
        return carry_out(spec)

    ended = nightly(night, carry_out=carried, target="sandbox", runs=night.parent / "runs")
    assert told(ended) == (["orders"], ["investor-records"], ("investment-accounts",))


def test_files_of_a_refused_load_are_named_up_to_three(night: Path) -> None:
    (night / "investors.csv").unlink()
    for n in range(5):
        (night / f"investors-{n}.csv").write_text("x\n1\n")
    ended = nightly(night, target="sandbox", runs=night.parent / "runs")
    named = ", ".join(str(night / f"investors-{n}.csv") for n in range(3))
    assert str(ended.refused[0]).startswith(f"investor-records ({named} and 2 others): ")


def test_which_operations_need_which_is_what_their_rows_refer_to() -> None:
    found = {
        name: {other.name for other in OPERATIONS.values() if operation.depends_on(other)}
        for name, operation in OPERATIONS.items()
    }
    assert found == {name: each.needs for name, each in FACTS.items()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_reference_is_to_one_of_the_entities_that_are_declared(name: str) -> None:
    operation = OPERATIONS[name]
    for refs in (operation.needs, operation.provides, operation.completes):
        found = {ref for row in read_csv(SAMPLES / name / "full.csv") for ref in refs(row)}
        assert all(ref.startswith(tuple(f"{entity}{end}" for entity in refs.entities for end in "=/")) for ref in found)


def test_a_preflight_of_a_night_names_the_load_whose_header_is_wrong(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(night / "accounts.csv")
    runs = night.parent / "runs"
    assert cli.run(["nightly", str(night), "--target", "sandbox", "--runs", str(runs), "--preflight"]) == 2
    why = f"bulkload: investment-accounts ({night / 'accounts.csv'}): the header: "
    assert capsys.readouterr().err.splitlines()[-1].startswith(why)
    assert not list(runs.glob("*/manifest.json"))
