"""A plan says what a load does, key by key, before anything is sent; the load does exactly that, or says why not."""

import json
import shlex
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import COUNTRY, IR_ID, PERSON, Row, account, investor, order, read_csv, write_csv
from kept_sandbox import Desk, desk
from planned import WHAT_IT_DOES, lines
from sandbox_api import created, post

from pipelines.cli.main import run
from pipelines.compare.plan import PlanReport
from pipelines.compare.reading_back import Result
from pipelines.nights.nightly import nightly
from pipelines.options import Progress
from pipelines.report.advice import next_step
from pipelines.report.report import Report
from pipelines.report.summary import Summary
from pipelines.resume import resume
from schemas.errors import ConfigError
from schemas.states import State, Verdict

INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"
WORTH = "metric:InvestorRecord/Details/NetWorth"
MARKETS = "labels:InvestorRecord/Details/Markets"
COUNTRY_KEY = COUNTRY.removeprefix("property:")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def counts(planned: PlanReport) -> dict[str, int]:
    """Keys by effect, those of none left out."""
    return {effect: count for effect, count in planned.plan.counts().items() if count}


def kept(rows: Mapping[State, int]) -> dict[str, int]:
    """Rows by state, those of none left out."""
    return {state.value: count for state, count in rows.items() if count}


def load_planned(place: Desk, planned: PlanReport, rows: list[Row], **options: Any) -> Report:
    """Loads rows as they were planned."""
    return place.load("investor-records", rows, plan=str(planned.plan.file), **options)


def defined(column: str, **more: str) -> dict[str, Any]:
    """A property definition of texts."""
    domain, scope, code = column.partition(":")[2].split("/")
    kind = {"scope": "system", "code": "string"}
    return {"domain": domain, "scope": scope, "code": code, "displayName": code, "dataTypeId": kind, **more}


SEGMENT = "property:InvestorRecord/Details/Segment"
CONTRY = "property:InvestorRecord/Details/Contry"
SECOND_DAY: dict[int, Row] = {
    7: {COUNTRY: "Sweden"},
    70: {"display_name": "Ida Wang"},
    77: {COUNTRY: "Chad", "display_name": "Bo Ek"},
    700: {PERSON: "P0001"},
    770: {COUNTRY: "Peru"},
}


def second_day() -> list[Row]:
    """1,000 records, five of them changed, and ten new ones, which alone have a segment."""
    return [investor(n, {SEGMENT: "Private" if n > 1000 else "", **SECOND_DAY.get(n, {})}) for n in range(1, 1011)]


@pytest.fixture
def defined_place(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose sandbox has the definitions of the first day."""
    identifiers = [defined(column, constraintStyle="Identifier") for column in (IR_ID, PERSON)]
    with desk(tmp_path, known={"propertyDefinitions": [*identifiers, defined(COUNTRY)]}) as found:
        yield found


def test_the_second_day_is_asked_planned_guarded_loaded_and_verified(defined_place: Desk) -> None:
    place = defined_place
    first = [investor(n) for n in range(1, 1001)]
    assert place.load("investor-records", first).verdict is Verdict.COMPLETE
    second = second_day()

    # Preflight: the key that is misspelt, and what is not defined.
    misspelt = [{CONTRY if name == COUNTRY else name: cell for name, cell in row.items()} for row in second]
    written = place.folder / "definitions.json"
    asked = place.preflight("investor-records", misspelt, written)
    assert asked.exit_code == 3
    assert {(each.name, each.rows): each.problem for each in asked.findings} == {
        (CONTRY.partition(":")[2], 1010): f"is not defined: did you mean {COUNTRY_KEY}?",
        (SEGMENT.partition(":")[2], 10): "is not defined",
    }
    requests = {each["body"]["code"]: each for each in json.loads(written.read_bytes())["requests"]}
    assert requests.keys() == {"Contry", "Segment"}
    created(post(place.sandbox, requests["Segment"]["path"].removeprefix("/api/"), requests["Segment"]["body"]))
    assert place.preflight("investor-records", second).exit_code == 0
    assert len(place.documents("investorrecords")) == 1000

    # Plan: the rest, member by member.
    planned = place.plan("investor-records", second)
    assert counts(planned) == {"create": 10, "change": 5, "same": 995}
    assert planned.plan.members == {f"properties[{COUNTRY_KEY}]": 3, "displayName": 2, "investor": 1}
    told = {(each["key"], each["member"]): (each["held"], each["sent"]) for each in lines(planned) if each["member"]}
    assert told[("IR_0007", f"properties[{COUNTRY_KEY}]")] == ("Norway", "Sweden")
    assert told[("IR_0077", "displayName")] == ("Investor 77", "Bo Ek")
    assert len(told) == 6
    page = planned.plan.page.read_text()
    assert all(text in page for text in ("Ida Wang", "Investor 70", "IR_1010", "995"))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (planned.plan.file, planned.plan.page))

    # Guard: a version that would change 30 % of the extract.
    wrong = [row | ({COUNTRY: "Oslo"} if n % 10 < 3 else {}) for n, row in enumerate(second)]
    before = place.documents("investorrecords")
    stopped = place.load("investor-records", wrong, max_change="1%")
    assert (stopped.exit_code, stopped.requests, kept(stopped.rows)) == (4, 0, {"not_sent": 1010})
    assert stopped.warnings[-1].endswith("plan.html says what would be")
    assert stopped.warnings[-1].startswith("305 of 1,010 keys would change, more than --max-change 1% allows: nothing")
    assert place.documents("investorrecords") == before

    # Load: what was planned, but for what somebody else has changed.
    somebody = place.load("investor-records", [investor(70, {"display_name": "Eve"})])
    assert somebody.rows[State.ACCEPTED] == 1
    report = load_planned(place, planned, second, max_change=5, max_create="1%")
    assert (report.exit_code, report.requests) == (3, 1)
    assert kept(report.rows) == {"accepted": 14, "unchanged": 995, "stale": 1}
    assert report.changes == {"created": 10, "updated": 4}
    (failure,) = read_csv(report.run_dir / "failures.csv")
    assert (failure["_key"], failure["_state"], failure["_code"]) == ("IR_0070", "stale", "ChangedSincePlan")
    assert "version" in failure["_message"]
    assert next_step(Summary.of_run(report.run_dir)).startswith("Somebody changed in LUSID what was planned")
    foreseen = {each["key"]: WHAT_IT_DOES[each["effect"]] for each in lines(planned)} | {"IR_0070": ("stale", None)}
    done = pq.read_table(report.run_dir / "outcomes.parquet").to_pylist()
    assert {each["key"]: (each["state"], each["change"]) for each in done} == foreseen

    # Verify: all agree; then each of three differences that nobody told of.
    found = place.verify(report)
    assert (found.exit_code, found.counts[Result.AGREE]) == (0, 14)
    place.change("investorrecords", "IR_0007", lambda held: held.update(displayName="Mallory"))
    place.change("investorrecords", "IR_1001", lambda held: held["properties"].pop(COUNTRY_KEY))
    place.remove("investorrecords", "IR_1002")
    found = place.verify(report)
    assert (found.exit_code, dict(found.counts)) == (3, {"agree": 11, "differ": 2, "missing": 1})
    differing = [each for each in pq.read_table(found.file).to_pylist() if each["result"] != "agree"]
    assert {(each["key"], each["result"], each["member"]) for each in differing} == {
        ("IR_0007", "differ", "displayName"),
        ("IR_1001", "differ", f"properties[{COUNTRY_KEY}]"),
        ("IR_1002", "missing", None),
    }


def test_a_plan_that_nothing_contradicts_is_sent_and_nothing_else(place: Desk) -> None:
    place.load("investor-records", [investor(n) for n in range(1, 6)])
    rows = [investor(n, {COUNTRY: "Chad"} if n == 2 else None) for n in range(1, 7)]
    planned = place.plan("investor-records", rows, out=place.folder / "tonight.parquet")
    assert shlex.split(planned.next)[-2:] == ["--plan", str(place.folder / "tonight.parquet")]
    versions = {n: held["version"]["asAtVersionNumber"] for n, held in place.documents("investorrecords").items()}
    report = load_planned(place, planned, rows)
    assert (report.verdict, report.exit_code) == (Verdict.COMPLETE, 0)
    assert kept(report.rows) == {"accepted": 2, "unchanged": 4}
    after = {n: held["version"]["asAtVersionNumber"] for n, held in place.documents("investorrecords").items()}
    assert Counter(after.values()) == {1: 5, 2: 1}
    assert {n for n in versions if after[n] != versions[n]} == {2}


def test_what_vanished_and_what_came_since_the_plan_is_stale(place: Desk) -> None:
    place.load("investor-records", [investor(1), investor(2), investor(3)])
    rows = [investor(1), investor(2, {COUNTRY: "Chad"}), investor(3), investor(4), investor(5)]
    planned = place.plan("investor-records", rows)
    place.remove("investorrecords", "IR_0002")
    place.load("investor-records", [investor(3, {COUNTRY: "Peru"}), investor(4)])
    report = load_planned(place, planned, rows)
    assert kept(report.rows) == {"accepted": 1, "unchanged": 1, "stale": 3}
    assert [row["_key"] for row in read_csv(report.run_dir / "failures.csv")] == ["IR_0002", "IR_0003", "IR_0004"]


def test_keys_that_have_left_the_feed_are_counted_and_the_feed_stays_as_it_is(place: Desk) -> None:
    first, second = [investor(n) for n in range(1, 6)], [investor(n) for n in (1, 3, 4, 6)]
    fed: dict[str, Any] = {"feed": "crm", "date": "2026-11-20"}
    assert place.plan("investor-records", first, **fed).document().keys["vanished"] == 0  # a feed that has nothing yet
    place.load("investor-records", first, **fed)
    files = {path: path.read_bytes() for path in (place.runs / "feeds").rglob("*") if path.is_file()}
    assert place.plan("investor-records", second).document().keys["vanished"] is None
    planned = place.plan("investor-records", second, **fed)
    assert planned.document().keys == {"create": 1, "change": 0, "clear": 0, "same": 3, "refuse": 0, "vanished": 2}
    assert "2 keys of the feed's last extract are not in this one" in planned.plan.page.read_text()
    assert {path: path.read_bytes() for path in (place.runs / "feeds").rglob("*") if path.is_file()} == files
    with pytest.raises(ConfigError, match="leave out changed_only, or plan"):
        load_planned(place, planned, second, **fed, changed_only=True)
    stopped = load_planned(place, planned, second, **fed, max_vanished="30%")
    assert (stopped.exit_code, stopped.requests) == (4, 0)
    words = shlex.split(planned.next)
    assert run(words[1:]) == 0
    (last,) = place.runs.glob("*/vanished.csv")
    assert [key for row in read_csv(last) for key in row.values()] == ["IR_0002", "IR_0005"]
    heard = Heard()
    late = place.plan("investor-records", second, feed="crm", date="2026-11-19", progress=heard)
    assert late.plan.vanished == 0
    assert heard.notes[-1].startswith("4 keys are of an older date than the feed has loaded")


def test_a_value_that_is_not_in_effect_yet_is_sent(place: Desk) -> None:
    since = f"{COUNTRY}@effective_from"
    place.load("investor-records", [investor(1, {since: "2020-01-01"})])
    planned = place.plan("investor-records", [investor(1, {COUNTRY: "Chad", since: "2099-01-01"})])
    assert [(each["effect"], each["sent"]) for each in lines(planned)] == [("change", "Chad")]


ROWS = [investor(n, {"scope": "MyScope"}) for n in (1, 2)]


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([ROWS[0]], {}, "the content of the extract"),
        (ROWS, {"mode": "Atomic"}, "the mode"),
        (ROWS, {"dialect": "2.3"}, "the dialect"),
        (ROWS, {"mapping": True}, "the mapping"),
        (ROWS, {"target": "sandbox"}, "the target"),
        (ROWS, {"null": "Norway"}, "was made with other options"),
    ],
    ids=["extract", "mode", "dialect", "mapping", "target", "option"],
)
def test_the_plan_of_another_load_is_refused(place: Desk, rows: list[Row], options: Any, said: str) -> None:
    planned = place.plan("investor-records", ROWS)
    if "mapping" in options:
        names = "\n".join(f'  "{name}": "{name}"' for name in ROWS[0])
        options = {"mapping": place.folder / "m.yaml"}
        options["mapping"].write_text(f"operation: investor-records\ncolumns:\n{names}\n")
    with pytest.raises(ConfigError, match=said):
        load_planned(place, planned, rows, **options)
    assert place.documents("investorrecords") == {}


def test_a_plan_of_another_operation_or_none_at_all_is_refused(place: Desk) -> None:
    planned = place.plan("investor-records", ROWS)
    with pytest.raises(ConfigError, match="is of another load, this differs: the operation"):
        place.load("orders", [order()], plan=str(planned.plan.file))
    for path in (place.folder / "none.parquet", place.folder / "investor-records.csv", planned.prepared.run_dir):
        with pytest.raises(ConfigError, match=r"cannot be read|is no plan"):
            place.load("investor-records", ROWS, plan=str(path))
    with pytest.raises(ConfigError, match=r"plan.html is no plan, or it is damaged: \S+plan.parquet beside it is"):
        place.load("investor-records", ROWS, plan=str(planned.plan.page))
    with pytest.raises(ConfigError, match="follows no plan: leave out plan, or dry_run"):
        load_planned(place, planned, ROWS, dry_run=True)
    with pytest.raises(ConfigError, match="this load belongs to no feed"):
        place.load("investor-records", ROWS, max_vanished=3)
    with pytest.raises(ConfigError, match="max_change takes a number of keys or a percentage up to 100%"):
        place.load("investor-records", ROWS, max_change="many")
    with pytest.raises(ConfigError, match="what allocate does cannot be planned"):
        place.plan("allocate", [{"placement_scope": "S", "placement_code": "P"}])


def test_a_limit_that_is_none_is_told_by_its_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["load", "orders", "orders.csv", "--target", "sandbox", "--max-change", "101%"]) == 2
    assert capsys.readouterr().err.startswith(
        "bulkload: --max-change takes a number of keys or a percentage up to 100%"
    )


def test_a_guarded_run_goes_on_with_a_larger_limit_and_with_its_plan(place: Desk) -> None:
    place.load("investor-records", [investor(n) for n in range(1, 5)])
    rows = [investor(n, {COUNTRY: "Chad"}) for n in (1, 2)] + [investor(n) for n in (3, 4, 5)]
    planned = place.plan("investor-records", rows)
    stopped = load_planned(place, planned, rows, max_change=1, max_create=0)
    assert (stopped.exit_code, stopped.requests, stopped.rows[State.NOT_SENT]) == (4, 0, 5)
    planned.plan.file.unlink()
    words = shlex.split(str(stopped.document().next))
    assert words[1:3] == ["resume", stopped.run_id]
    assert words[-4:] == ["--max-change", "2", "--max-create", "1"]
    again = resume(stopped.run_id, runs=place.runs)
    assert (again.exit_code, again.requests) == (4, 0)
    assert run(words[1:]) == 0
    (report,) = [found for found in [place.verify(stopped)] if found.exit_code == 0]
    assert report.accepted == 3
    assert run(["report", stopped.run_id, "--runs", str(place.runs)]) == 0


def test_a_guard_of_a_feed_goes_by_what_it_last_had_accepted_and_reads_nothing(place: Desk) -> None:
    fed: dict[str, Any] = {"feed": "crm", "date": "2026-11-20"}
    place.load("investor-records", [investor(n) for n in range(1, 11)], **fed)
    second = [investor(n, {COUNTRY: "Chad"} if n < 4 else {}) for n in range(1, 13)]
    place.load("investor-records", [investor(9, {COUNTRY: "Peru"})])  # by somebody else: the feed knows nothing of it

    def reads() -> int:
        return sum(1 for method, path, _ in place.sandbox.calls if method == "GET" and "investorrecords" in path)

    before = reads()
    for limits, said in (
        (
            {"max_change": 2},
            "3 of 12 keys would change, more than --max-change 2 allows: nothing was sent; `bulkload plan`",
        ),
        ({"max_create": "10%"}, "2 of 12 keys would be new to LUSID, more than --max-create 10% allows"),
    ):
        heard = Heard()
        stopped = place.load("investor-records", second, progress=heard, **fed, **limits)
        assert (stopped.exit_code, stopped.requests) == (4, 0)
        assert stopped.warnings[-1].startswith(said)
        assert "investor-records: guarded by what feed crm last had accepted; LUSID is not read" in heard.notes
    assert place.load("investor-records", second, max_change=3, max_create=2, **fed).exit_code == 0
    assert reads() == before
    stopped = place.load("investor-records", [investor(1)], max_change=0, max_clear=0, **fed)  # hashes tell no clearing
    assert (stopped.exit_code, reads() > before) == (4, True)


def test_a_guard_without_a_plan_makes_one_and_sends_all_that_it_lets_through(place: Desk) -> None:
    place.load("investor-records", [investor(1), investor(2)])
    report = place.load("investor-records", [investor(1), investor(2, {COUNTRY: "Chad"})], max_change="50%")
    assert (kept(report.rows), report.exit_code) == ({"accepted": 2}, 0)
    assert (report.run_dir / "plan.parquet").exists()


def test_a_night_that_its_guard_stopped_goes_on_with_a_larger_limit(place: Desk) -> None:
    folder = place.folder / "tonight"
    folder.mkdir()
    place.load("investor-records", [investor(1)])
    write_csv(folder / "investors.csv", [investor(1, {COUNTRY: "Chad"}), investor(2)])
    given: dict[str, Any] = {"target": place.sandbox.url, "runs": place.runs, "patience": 1}
    stopped = nightly(folder, max_change=0, max_create=1, **given)
    assert (stopped.exit_code, [kept(each.rows) for each in stopped.reports]) == (4, [{"not_sent": 2}])
    assert nightly(folder, max_change=0, max_create=1, **given).exit_code == 4
    again = nightly(folder, max_change=1, max_create=1, **given)
    assert (again.exit_code, [kept(each.rows) for each in again.reports]) == (0, [{"accepted": 2}])
    assert [each.run_id for each in again.reports] == [each.run_id for each in stopped.reports]


def test_orders_that_are_there_are_the_same_and_others_of_their_id_refused(place: Desk) -> None:
    there = [order(1, 1), order(2, 2), order(2, 3)]
    assert place.load("orders", there).rows[State.ACCEPTED] == 3
    rows = [order(1, 1), order(2, 2), order(2, 3), order(2, 4), order(3, 5)]
    planned = place.plan("orders", rows)
    assert {each["key"]: each["effect"] for each in lines(planned)} == {
        "MyScope/B0001": "same",
        "MyScope/B0002": "create",
        "MyScope/B0003": "create",
    }
    report = place.load("orders", rows, plan=str(planned.plan.file))
    assert kept(report.rows) == {"accepted": 4, "unchanged": 1}
    other = [order(1, 1, {"quantity": "7"})]
    planned = place.plan("orders", other)
    assert (planned.exit_code, counts(planned)) == (3, {"refuse": 1})
    report = place.load("orders", other, plan=str(planned.plan.file))
    assert kept(report.rows) == {"invalid": 1}
    assert read_csv(report.run_dir / "failures.csv")[0]["_code"] == "Exists"
    assert place.load("orders", other).rows[State.FAILED] == 1


def test_what_changes_only_what_is_there_is_refused_where_nothing_is(place: Desk) -> None:
    place.load("orders", [order(1, 1), order(2, 2)])
    rows = [
        {"order_scope": "MyScope", "order_code": f"O000{n}", "quantity": q} for n, q in ((1, "100"), (2, "7"), (3, "7"))
    ]
    planned = place.plan("update-orders", rows)
    assert [(each["effect"], each["member"], each["code"]) for each in lines(planned)] == [
        ("same", None, None),
        ("change", "quantity", None),
        ("refuse", None, "NotThere"),
    ]
    report = place.load("update-orders", rows, plan=str(planned.plan.file))
    assert kept(report.rows) == {"accepted": 1, "unchanged": 1, "invalid": 1}


class Heard(Progress):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("dialect", ["2.1", "2.3"])
def test_accounts_are_planned_by_list_or_one_by_one_as_is_said(tmp_path: Path, dialect: str) -> None:
    kind = {"account_type": "JointPersonal" if dialect == "2.1" else "Joint", "scope": "MyScope"}
    changes = {"scope": "MyScope"} if dialect == "2.3" else {}
    first = [account(n, holder, kind) for n in range(1, 5) for holder in (1, 2)]
    with desk(tmp_path, dialect) as here:
        here.load("investor-records", [investor(n, changes) for n in (1, 2, 3)], dialect=dialect)
        here.load("investment-accounts", first, dialect=dialect)
        second = [*first[1:], account(5, 1, kind)]  # the first account loses its first holder
        heard = Heard()
        planned = here.plan("investment-accounts", second, dialect=dialect, progress=heard)
        assert counts(planned) == {"create": 1, "change": 1, "same": 3}
        (changed,) = [each for each in lines(planned) if each["effect"] == "change"]
        assert (changed["key"], changed["member"], changed["sent"]) == ("IA_0001", "accountHolders[Holder1]", None)
        said = "LUSID lists no investment accounts in dialect 2.1: 5 reads, one for each identifier"
        assert heard.notes.count(said) == (dialect == "2.1")
        report = here.load("investment-accounts", second, dialect=dialect, plan=str(planned.plan.file))
        assert (kept(report.rows), report.changes) == ({"accepted": 2, "unchanged": 6}, {"created": 1, "updated": 1})
        assert here.verify(report).exit_code == 0
