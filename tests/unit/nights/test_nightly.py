"""A night over real folders into a real sandbox: what is loaded, what is held, what ends it."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import account, investor, order, write_csv

from connectors.lusid.client import LusidClient
from connectors.lusid.settings import LusidSettings
from connectors.sandbox.server import Sandbox
from connectors.targets import Target, open_target
from pipelines.account import failed_references
from pipelines.load import carry_out
from pipelines.loading.spec import CarryOut, LoadSpec
from pipelines.nights.folder import find_extracts, operation_of
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport, worst
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.errors import BalanceError, ConfigError, UnreachableError
from schemas.settings import LoadOptions
from schemas.states import STATES, State, Verdict

DATA = Path(__file__).resolve().parents[3] / "data"
OPERATIONS = ["investor-records", "investment-accounts", "orders"]


class Heard(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@contextmanager
def sandbox() -> Iterator[Target]:
    """An embedded sandbox that stays open, so that it can be asked afterwards."""
    with open_target("sandbox", LoadOptions(), lambda _: None) as target:
        yield target


def counted(report: Report) -> dict[str, tuple[int, int]]:
    """(rows, keys) of each state that has any."""
    return {s.value: (report.rows[s], report.keys[s]) for s in STATES if report.rows[s] or report.keys[s]}


def listed(client: LusidClient, path: str) -> list[Mapping[str, Any]]:
    """Every entity of one of the API's lists."""
    found: list[Mapping[str, Any]] = []
    page: str | None = None
    while True:
        body = client.get(path, {"limit": "500", **({"page": page} if page else {})}).body
        found += body["values"]
        page = body.get("nextPage")
        if not page:
            return found


def accepted_keys(report: Report) -> set[str]:
    lines = pq.read_table(report.run_dir / "outcomes.parquet", columns=["key", "state"]).to_pylist()
    return {line["key"] for line in lines if line["state"] == State.ACCEPTED}


def identifiers(entities: list[Mapping[str, Any]], name: str) -> list[str]:
    return sorted(entity["identifiers"][name]["value"]["labelValue"] for entity in entities)


def failures(report: Report) -> list[dict[str, str]]:
    with (report.run_dir / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def a_folder(tmp_path: Path, **rows: list[dict[str, str]]) -> Path:
    """A night's folder with one CSV file for each name."""
    folder = tmp_path / "extracts"
    folder.mkdir()
    for name, lines in rows.items():
        write_csv(folder / f"{name}.csv", lines)
    return folder


def the_night(tmp_path: Path) -> Path:
    return a_folder(tmp_path, investors=[investor(1)], accounts=[account(1, holder=1)], orders=[order()])


@pytest.mark.untraced
@pytest.mark.parametrize("folder", ["sample", "client"])
def test_accounts_whose_holder_was_refused_are_held_and_name_it_and_the_sandbox_agrees_to_the_row(
    folder: str, tmp_path: Path
) -> None:
    with sandbox() as target:
        night = nightly(DATA / folder, target=target, runs=tmp_path)
        client = target.client
        lists = {n: listed(client, f"/api/{n}") for n in ("investorrecords", "investmentaccounts", "blocks", "orders")}
    assert night.exit_code == 3
    assert [counted(report) for report in night.reports] == [
        {"accepted": (1000, 1000), "invalid": (7, 6), "duplicate": (1, 0)},
        {"accepted": (1837, 1195), "invalid": (4, 2), "held": (4, 3), "failed": (2, 2)},
        {"accepted": (2994, 797), "invalid": (3, 2), "failed": (6, 3)},
    ]
    investors, accounts, orders = night.reports
    held = [(r["_key"], r["_row"], r["_code"], r["_message"]) for r in failures(accounts) if r["_state"] == "held"]
    holder = "InvestorRecord/ExternalIdentifier/ExternalIRId"
    assert held == [
        ("IA_Z0000001", "60", "ParentFailed", f"{holder}=IR_Z0000001 is invalid (row 42)"),
        ("IA_Z0000003", "333", "ParentFailed", f"{holder}=IR_Z0000002 is invalid (row 107)"),
        ("IA_Z0000007", "1000", "SameRequest", "row 1001 of the same investment account is held"),
        ("IA_Z0000007", "1001", "ParentFailed", f"{holder}=IR_Z0000005 is invalid (row 388)"),
    ]
    assert identifiers(lists["investorrecords"], holder) == sorted(accepted_keys(investors))
    ia_id = "InvestmentAccount/ExternalIdentifier/ExternalIAId"
    assert identifiers(lists["investmentaccounts"], ia_id) == sorted(accepted_keys(accounts))
    blocks = sorted(f"{block['id']['scope']}/{block['id']['code']}" for block in lists["blocks"])
    assert blocks == sorted(accepted_keys(orders))
    assert len(lists["orders"]) == orders.rows[State.ACCEPTED]


def test_records_of_a_person_who_was_refused_are_held_and_so_are_their_accounts(tmp_path: Path) -> None:
    persons = [{"identifier:Person/HrSystem1/InternalId": f"P000{n}", "display_name": "Jane Doe"} for n in (1, 2)]
    persons[1]["display_name"] = ""
    investors = [investor(1), investor(2)]
    accounts = [account(1, holder=1), account(2, holder=2)]
    folder = a_folder(tmp_path, persons=persons, investors=investors, accounts=accounts)
    with sandbox() as target:
        night = nightly(folder, target=target, runs=tmp_path)
    assert [report.operation for report in night.reports] == ["persons", "investor-records", "investment-accounts"]
    found = [(line["_row"], line["_state"], line["_message"]) for r in night.reports for line in failures(r)]
    assert found[1:] == [
        ("2", "held", "Person/HrSystem1/InternalId=P0002 is invalid (row 2)"),
        ("2", "held", "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0002 is held (row 2)"),
    ]


def test_csv_wins_over_parquet_beside_it_and_a_note_says_so(tmp_path: Path) -> None:
    heard = Heard()
    night = nightly(DATA / "sample", progress=heard, dry_run=True, runs=tmp_path)
    assert (
        night.notes
        == tuple(heard.notes)
        == tuple(
            f"{name}.parquet: skipped, because {name}.csv beside it is the same extract"
            for name in ("investors", "accounts", "orders")
        )
    )


def test_a_dry_run_sends_nothing_and_still_holds(tmp_path: Path) -> None:
    night = nightly(DATA / "sample", dry_run=True, runs=tmp_path, target="http://127.0.0.1:9/api")
    assert [report.requests for report in night.reports] == [0, 0, 0]
    assert night.reports[1].keys[State.HELD] == 3
    assert night.exit_code == 3


def test_a_missing_extract_is_noted_and_skipped(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, orders=[order()])
    heard = Heard()
    night = nightly(folder, progress=heard, target="sandbox", runs=tmp_path / "runs")
    assert [report.operation for report in night.reports] == ["orders"]
    assert night.exit_code == 0
    assert (
        night.notes
        == tuple(heard.notes)
        == (
            f"investor-records: {folder} holds no extract of this name, so none is loaded",
            f"investment-accounts: {folder} holds no extract of this name, so none is loaded",
        )
    )


def test_a_folder_without_any_extract_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holders.csv").write_text("a\n1\n")
    with pytest.raises(ConfigError) as refused:
        nightly(tmp_path, target="sandbox", runs=tmp_path / "runs")
    assert refused.value.message.startswith(
        f"the folder {tmp_path} holds no extract: none of persons*, legal-entities*, "
    )
    assert refused.value.message.endswith(", investor-records*, investors*, investment-accounts*, accounts*, orders*")
    assert not (tmp_path / "runs").exists()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere cannot be read: No such file or directory$"):
        nightly(tmp_path / "nowhere", target="sandbox")


def test_duplicates_are_picked_where_a_row_is_a_request_and_noted_where_not(tmp_path: Path) -> None:
    twice = [investor(1), investor(1, {"display_name": "Later"})]
    folder = a_folder(tmp_path, investors=twice, accounts=[account(1, 1), account(1, 1, {"display_name": "Other"})])
    heard = Heard()
    night = nightly(folder, progress=heard, target="sandbox", runs=tmp_path / "runs", duplicates="last")
    said = (
        "investment-accounts: --duplicates last does not apply, as all rows of one investment account make one request"
    )
    assert said in night.notes
    assert said in heard.notes
    assert [counted(report) for report in night.reports] == [
        {"accepted": (1, 1), "duplicate": (1, 0)},
        {"invalid": (2, 1)},
    ]


def test_an_account_whose_holder_came_in_with_another_row_is_not_held(tmp_path: Path) -> None:
    twice = [investor(1), investor(1, {"display_name": ""})]
    folder = a_folder(tmp_path, investors=twice, accounts=[account(1, 1)])
    night = nightly(folder, target="sandbox", runs=tmp_path / "runs", duplicates="last")
    assert [counted(report) for report in night.reports] == [
        {"accepted": (1, 1), "invalid": (1, 0)},
        {"accepted": (1, 1)},
    ]


def vanishing(folder: Path) -> CarryOut:
    """What carries out loads, with the investors' extract gone before the books of its load are closed."""

    class Gone(Progress):
        def sending(self, settled: int, total: int) -> None:
            (folder / "investors.csv").unlink(missing_ok=True)

    return lambda spec: carry_out(replace(spec, progress=Gone()))


@pytest.mark.parametrize("gone", [True, False])
def test_accounts_are_not_loaded_when_it_is_not_known_which_to_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, gone: bool
) -> None:
    nameless = [investor(n, {"display_name": ""}) for n in (2, 3)]
    accounts = [account(n, n) for n in (1, 2, 3)]
    folder = a_folder(tmp_path, investors=[investor(1), *nameless], accounts=accounts, orders=[order()])
    if not gone:
        monkeypatch.setattr(failed_references, "MOST", 1)
    carrier = vanishing(folder) if gone else carry_out
    night = nightly(folder, carry_out=carrier, target="sandbox", runs=tmp_path / "runs")
    assert [counted(report) for report in night.reports] == [
        {"accepted": (1, 1), "invalid": (2, 2)},
        {"accepted": (1, 1)},
    ]
    assert [report.operation for report in night.reports] == ["investor-records", "orders"]
    why = f"its extract cannot be read again: {folder}/investors.csv: cannot be read: No such file or directory"
    assert night.error is not None
    assert night.error.message == (
        "investment-accounts: not loaded, because it is not known which rows depend on failures in "
        f"investor-records ({why if gone else 'more than 1 references failed'}); fix that, then load them"
    )
    assert night.exit_code == 4


def test_one_mapping_for_the_whole_night_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"put <operation>\.yaml into its folder"):
        nightly(the_night(tmp_path), mapping=tmp_path / "m.yaml")


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("investors.csv", "investor-records"),
        ("Investor_Records-2026.CSV.gz", "investor-records"),
        ("accounts_01.csv.zst", "investment-accounts"),
        ("investment-accounts.parquet", "investment-accounts"),
        ("orders.tsv", "orders"),
        ("orders.xlsx", None),
        ("investor.csv", None),
        ("my-orders.csv", None),
        ("_orders.csv", None),
        (".orders.csv", None),
    ],
)
def test_a_file_is_known_by_how_its_name_begins_and_ends(name: str, operation: str | None, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert operation_of(tmp_path / name) == operation


def test_a_folder_and_several_files_of_one_extract_are_loaded_together(tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    (folder / "Accounts_parts").mkdir(parents=True)
    write_csv(folder / "Accounts_parts" / "part1.csv", [account(1)])
    write_csv(folder / "investors_a.csv", [investor(1)])
    write_csv(folder / "investors_b.csv", [investor(2)])
    found = find_extracts(folder)
    assert [extract.paths for extract in found.extracts] == [
        (folder / "investors_a.csv", folder / "investors_b.csv"),
        (folder / "Accounts_parts",),
    ]
    night = nightly(folder, target="sandbox", runs=tmp_path / "runs")
    assert [report.rows[State.ACCEPTED] for report in night.reports] == [2, 1]


def test_one_form_of_an_extract_is_loaded_and_the_others_are_noted(tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    (folder / "orders").mkdir(parents=True)
    for ending in (".parquet", ".csv.zst", ".csv.gz"):
        (folder / f"Orders{ending}").touch()
    found = find_extracts(folder)
    assert found.extracts[0].paths == (folder / "Orders.csv.gz",)
    assert found.notes[2:] == (
        "Orders.csv.zst: skipped, because Orders.csv.gz beside it is the same extract",
        "Orders.parquet: skipped, because Orders.csv.gz beside it is the same extract",
        "orders: skipped, because Orders.csv.gz beside it is the same extract",
    )


def test_extracts_that_belong_to_no_operation_are_named(tmp_path: Path) -> None:
    folder = the_night(tmp_path)
    for name in ("acounts.csv", "placements.parquet", "_ignored.csv", "readme.txt"):
        (folder / name).touch()
    assert find_extracts(folder).notes == (
        "not loaded, because their names do not begin like an extract's: acounts.csv, placements.parquet",
    )


def dying(at: str, error: Exception | None) -> CarryOut:
    """What carries out loads, until an operation at which it raises, or stops early."""

    def until_then(spec: LoadSpec) -> Report:
        if spec.operation.name == at and error is not None:
            raise error
        report = carry_out(spec)
        return replace(report, verdict=Verdict.STOPPED) if spec.operation.name == at else report

    return until_then


def test_a_load_that_stops_early_ends_the_night_and_the_others_are_noted(tmp_path: Path) -> None:
    heard = Heard()
    folder, runs = the_night(tmp_path), tmp_path / "runs"
    night = nightly(folder, progress=heard, carry_out=dying("investor-records", None), target="sandbox", runs=runs)
    assert [report.operation for report in night.reports] == ["investor-records"]
    assert (
        night.notes
        == tuple(heard.notes)
        == (
            "investment-accounts: not started, because investor-records did not finish",
            "orders: not started, because investor-records did not finish",
        )
    )
    assert night.exit_code == 4


def test_an_error_in_a_later_load_is_reported_beside_the_loads_that_ended(tmp_path: Path) -> None:
    folder, runs = the_night(tmp_path), tmp_path / "runs"
    unreachable = UnreachableError("gone")
    night = nightly(folder, carry_out=dying("investment-accounts", unreachable), target="sandbox", runs=runs)
    assert [report.operation for report in night.reports] == ["investor-records"]
    assert night.notes == ("orders: not started, because investment-accounts did not finish",)
    assert (night.error, night.exit_code) == (unreachable, 4)
    document = night.document("bulkload nightly tonight").as_json()
    assert document == {
        "night": str(folder),
        "date": night.day.isoformat() if night.day else None,
        "target": "sandbox",
        "exit_code": 4,
        "error": "gone",
        "notes": list(night.notes),
        "runs": [night.reports[0].document().as_json()],
        "verdict": "stopped",
        "colour": "red",
        "missing": [],
        "refused": [],
        "held": [],
        "page": str(night.page),
        "verified": [],
        "next": "bulkload nightly tonight",
    }


def test_an_error_of_the_first_load_is_raised_because_nothing_was_done(tmp_path: Path) -> None:
    carrier = dying("investor-records", UnreachableError("gone"))
    with pytest.raises(UnreachableError):
        nightly(the_night(tmp_path), carry_out=carrier, target="sandbox", runs=tmp_path / "runs")


@pytest.mark.parametrize(("error", "code"), [(BalanceError("off"), 5), (UnreachableError("gone"), 4)])
def test_a_later_error_gives_the_night_its_exit_code(error: Exception, code: int, tmp_path: Path) -> None:
    load_orders_badly = dying("orders", error)
    night = nightly(the_night(tmp_path), carry_out=load_orders_badly, target="sandbox", runs=tmp_path / "runs")
    assert ([report.exit_code for report in night.reports], night.exit_code) == ([0, 0], code)


def test_the_worst_exit_code_of_a_night_is_its_own() -> None:
    assert [worst(codes) for codes in ([], [0], [0, 3], [3, 2], [2, 4, 3], [4, 5, 0])] == [0, 0, 3, 2, 4, 5]
    assert NightlyReport(Path(), (), "sandbox").exit_code == 0


def test_loads_that_share_a_target_count_their_own_retries(tmp_path: Path) -> None:
    folder = the_night(tmp_path)
    with Sandbox(token="t", faults="script=503;ok;503;503;ok,retry-after=0") as running:
        settings = LusidSettings.model_validate({"lusid_url": running.url, "access_token": "t"})
        with LusidClient(settings, sleep=lambda _: None) as client:
            night = nightly(folder, target=Target(client, running.url), runs=tmp_path / "runs")
    assert [report.retries for report in night.reports] == [1, 2, 0]
    assert [report.operation for report in night.reports] == OPERATIONS


@pytest.mark.parametrize(("patience", "accepted"), [(20.0, 3), (0.0, 2)])
def test_the_target_that_a_night_shares_has_the_nights_patience(
    patience: float, accepted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.001)
    (tmp_path / "night").mkdir()
    write_csv(tmp_path / "night" / "investors.csv", [investor(n) for n in range(3)])
    options: dict[str, Any] = {"runs": tmp_path / "runs", "batch_size": 1, "concurrency": 1, "patience": patience}
    with Sandbox(token="t", faults=f"script={';'.join(['503'] * 8)};ok") as running:
        night = nightly(tmp_path / "night", target=running.url, **options)
    assert [report.rows[State.ACCEPTED] for report in night.reports] == [accepted]
