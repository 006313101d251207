"""What a run had accepted is read back over HTTP: all of it agrees, and each thing changed behind its back is found."""

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import COUNTRY, FIGI, Row, account, investor, order, read_csv, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_sandbox import Desk, desk
from sandbox_api import get

from connectors.sandbox.server import Sandbox
from pipelines.cli.main import run
from pipelines.compare.reading_back import Result
from pipelines.compare.verify import Verification, verify
from pipelines.load import load
from pipelines.replay import replay
from schemas.errors import ConfigError, UnreachableError
from schemas.states import State

SAMPLES = Path(__file__).parents[1] / "samples"
MARKETS = "labels:InvestorRecord/Details/Markets"
WORTH = "metric:InvestorRecord/Details/NetWorth"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def lines(found: Verification) -> list[dict[str, Any]]:
    """The lines of verify.parquet of the keys that do not agree."""
    every: list[dict[str, Any]] = pq.read_table(found.file).to_pylist()
    assert len({line["key"] for line in every}) == found.counts.total()
    return [line for line in every if line["result"] != "agree"]


def agrees(found: Verification) -> bool:
    """Whether every key was read back, and all agree."""
    read = found.counts.total()
    return (found.exit_code, lines(found), found.existence_only) == (0, [], "") and found.accepted == read > 0


def placement(serial: int = 1, changes: Mapping[str, str] | None = None) -> Row:
    """A row of place-blocks without fault."""
    row = {
        **{"placement_scope": "MyScope", "placement_code": f"P{serial:04d}", "quantity": "100", "state": "New"},
        **{"side": "Buy", "time_in_force": "Day", "type": "Market", "created_date": "2026-11-20T08:15:00+01:00"},
        **{"block_scope": "MyScope", "block_code": f"B{serial:04d}", FIGI: "BBG000000001"},
        **{"counterparty": "Broker", "property:Placement/Details/Desk": "Desk 1"},
    }
    return row | dict(changes or {})


def execution(serial: int = 1) -> Row:
    """A row of executions without fault."""
    return {
        **{"execution_scope": "MyScope", "execution_code": f"E{serial:04d}", "quantity": "100", "state": "Filled"},
        **{"placement_scope": "MyScope", "placement_code": f"P{serial:04d}", "side": "Buy", "type": "Market"},
        **{"created_date": "2026-11-20", "price": "10.05", "price_currency": "GBP", "settlement_currency": "GBP"},
        **{"settlement_fx_rate": "1", "counterparty": "Broker", FIGI: "BBG000000001"},
    }


@pytest.mark.parametrize("dialect", ["2.1", "2.3"])
def test_records_and_accounts_agree_after_their_load(tmp_path: Path, dialect: str) -> None:
    kind = {"account_type": "JointPersonal" if dialect == "2.1" else "Joint", "scope": "MyScope"}
    rich = {MARKETS: "UK|NO", WORTH: "10.50", f"{WORTH}@unit": "GBP", "scope": "MyScope", "description": "Since 2016"}
    people = [investor(n, {**rich, f"{WORTH}@effective_from": "2020-01-01"}) for n in range(1, 9)]
    with desk(tmp_path, dialect) as here:
        assert agrees(here.verify(here.load("investor-records", people, dialect=dialect)))
        accounts = [account(n, holder, kind) for n in range(1, 6) for holder in (n, n + 1)]
        assert agrees(here.verify(here.load("investment-accounts", accounts, dialect=dialect)))
        assert agrees(here.verify(here.load("orders", [order(1, 1)], dialect=dialect)))


@pytest.mark.parametrize("operation", ["investor-records", "orders"])
def test_every_column_of_an_operation_is_read_back_alike(place: Desk, operation: str) -> None:
    rows = read_csv(SAMPLES / operation / "full.csv")
    if operation == "orders":  # LUSID wants one side of a block
        rows = [{**row, "side": row["side"] or "Buy", "order_side": ""} for row in rows]
    report = place.load(operation, rows)
    assert report.rows[State.ACCEPTED] == report.rows_read
    assert agrees(place.verify(report))


def test_a_trading_day_agrees_step_by_step(place: Desk) -> None:
    day: dict[str, list[Row]] = {
        "orders": [order(n // 2, n, {"portfolio_scope": "Funds", "portfolio_code": "PF1"}) for n in range(2, 12)],
        "place-blocks": [placement(n) for n in range(1, 6)],
        "update-placements": [{"placement_scope": "MyScope", "placement_code": "P0001", "quantity": "150"}],
        "executions": [execution(n) for n in range(1, 4)],
        "allocate": [{"placement_scope": "MyScope", "placement_code": f"P{n:04d}"} for n in range(1, 4)],
        "cancel-placements": [{"placement_scope": "MyScope", "placement_code": "P0005"}],
        "move-orders": [
            {"order_scope": "MyScope", "order_code": "O0011", "block_scope": "MyScope", "block_code": "B0009"}
        ],
        "cancel-orders": [{"order_scope": "MyScope", "order_code": "O0010"}],
    }
    runs = {}
    for operation, rows in day.items():
        runs[operation] = place.load(operation, rows)
        assert runs[operation].exit_code == 0, runs[operation].reasons
        assert agrees(place.verify(runs[operation])), operation
    made = [each["id"] for each in get(place.sandbox, "allocations").json()["values"]]
    rows = [{"allocation_scope": each["scope"], "allocation_code": each["code"]} for each in made]
    booked = place.load("book-transactions", rows)
    assert booked.exit_code == 0, booked.reasons
    assert agrees(place.verify(booked))
    for each in made:
        place.remove("allocations", each["code"])
    assert {each["result"] for name in (booked, runs["allocate"]) for each in lines(place.verify(name))} == {"missing"}
    changed = place.verify(runs["place-blocks"])
    assert (changed.counts, changed.exit_code) == ({"later": 1, "agree": 4}, 0)
    assert [(line["result"], line["member"], line["found"]) for line in lines(changed)] == [
        ("later", "quantity", "150")
    ]


def setting(*path: str, to: Any) -> Callable[[Any], None]:
    """What sets the member at a path of a document."""

    def change(document: Any) -> None:
        for member in path[:-1]:
            document = document[member]
        document[path[-1]] = to

    return change


def test_a_value_changed_and_a_record_removed_behind_its_back_are_found(place: Desk) -> None:
    report = place.load("investor-records", [investor(n, {MARKETS: "UK|NO"}) for n in range(1, 9)])
    place.change("investorrecords", "IR_0003", setting("displayName", to="Somebody"))
    place.change("investorrecords", "IR_0004", setting("properties", MARKETS.partition(":")[2], to={}))
    place.change("investorrecords", "IR_0005", setting("investor", "investorIdentifiers", to={}))
    place.remove("investorrecords", "IR_0006")
    found = place.verify(report)
    assert (found.exit_code, found.counts) == (3, {"agree": 4, "differ": 3, "missing": 1})
    said = [(each["key"], each["rows"], each["result"], each["member"], each["expected"]) for each in lines(found)]
    person = "investor.investorIdentifiers[Person/HrSystem1/InternalId]"
    assert said == [
        ("IR_0003", [3], "differ", "displayName", "Investor 3"),
        ("IR_0004", [4], "differ", "properties[InvestorRecord/Details/Markets]", '["UK","NO"]'),
        ("IR_0005", [5], "differ", person, "P0005"),
        ("IR_0006", [6], "missing", None, None),
    ]
    assert [each["found"] for each in lines(found)] == ["Somebody", "{}", None, None]
    assert stat.S_IMODE(found.file.stat().st_mode) == 0o600
    assert {path.name for path in report.run_dir.iterdir()} - {"verify.parquet"} == {
        *("manifest.json", "journal.jsonl", "outcomes.parquet", "failures.csv", "report.html")
    }


def test_an_order_on_another_instrument_is_found(place: Desk) -> None:
    report = place.load("orders", [order(n // 2, n) for n in range(2, 10)])
    place.change("orders", "O0003", setting("instrumentIdentifiers", "Instrument/default/Figi", to="BBG000000002"))
    place.change("orders", "O0005", setting("lusidInstrumentId", to="LUID_ZZZZZZZZ"))
    place.remove("orders", "O0008")
    found = place.verify(report)
    assert (found.exit_code, found.counts) == (3, {"agree": 1, "differ": 2, "missing": 1})
    figi = "instrumentIdentifiers[Instrument/default/Figi]"
    assert [(each["key"], each["member"], each["found"]) for each in lines(found)] == [
        ("MyScope/B0001", f"orders[MyScope/O0003].{figi}", "BBG000000002"),
        ("MyScope/B0002", "orders[MyScope/O0005].lusidInstrumentId", "LUID_ZZZZZZZZ"),
        ("MyScope/B0004", "orders[MyScope/O0008]", None),
    ]


def test_another_holder_and_one_too_many_are_found(place: Desk) -> None:
    place.load("investor-records", [investor(n) for n in range(1, 9)])
    report = place.load("investment-accounts", [account(n, n) for n in range(1, 6)])
    held = {
        "key": "Holder9",
        "identifiers": {"InvestorRecord/ExternalIdentifier/ExternalIRId": "IR_0009"},
        "_record": 1,
    }
    place.change("investmentaccounts", "IA_0002", lambda document: document["accountHolders"].append(held))
    place.change("investmentaccounts", "IA_0003", lambda document: document["accountHolders"][0].update(held))
    found = place.verify(report)
    assert [(each["key"], each["member"]) for each in lines(found)] == [
        ("IA_0002", "accountHolders[Holder9]"),
        ("IA_0003", "accountHolders[Holder3]"),
        ("IA_0003", "accountHolders[Holder9]"),
    ]


def test_what_somebody_changed_after_the_run_is_no_difference_of_it(place: Desk) -> None:
    first = place.load("investor-records", [investor(n) for n in range(1, 6)])
    place.load("investor-records", [investor(n, {COUNTRY: "Chile"}) for n in range(1, 3)] + [investor(3)])
    found = place.verify(first)
    assert found.existence_only.startswith("its extract has changed")
    write_csv(place.folder / "investor-records.csv", [investor(n) for n in range(1, 6)])
    found = place.verify(first)
    assert (found.exit_code, found.counts) == (0, {"later": 2, "agree": 3})


def test_of_a_run_with_rejects_only_what_was_accepted_is_read_back(place: Desk) -> None:
    rows = [investor(1), investor(2, {"display_name": ""}), investor(1), investor(3), investor(4), investor(5)]
    report = place.load("investor-records", [*rows, investor(5, {COUNTRY: "Chile"})], duplicates="last")
    found = place.verify(report)
    assert (found.exit_code, found.accepted, found.counts) == (0, 4, {"agree": 4})
    replayed = replay(report.run_id, runs=place.runs)
    assert (replayed.rows[State.INVALID], place.verify(replayed).counts) == (1, {})


def test_a_block_with_rows_in_several_files_is_read_back_once(place: Desk) -> None:
    files = [[order(n, 10 * n + part) for n in range(1, 6)] for part in (1, 2)]
    paths = [write_csv(place.folder / f"{number}.csv", rows) for number, rows in enumerate(files)]
    report = load("orders", paths, target=place.sandbox.url, runs=place.runs)
    assert agrees(place.verify(report))
    assert place.verify(report).accepted == 5
    place.change("orders", "O0032", setting("quantity", to=7))
    assert [(each["key"], each["found"]) for each in lines(place.verify(report))] == [("MyScope/B0003", "7")]


@pytest.mark.parametrize(("sample", "read"), [("3", 3), ("10%", 2), ("0.1%", 1), ("100%", 20), ("999", 20)])
def test_a_sample_reads_back_so_many_keys(place: Desk, sample: str, read: int) -> None:
    report = place.load("investor-records", [investor(n) for n in range(20)])
    found = place.verify(report, sample)
    assert (found.accepted, found.counts) == (20, {"agree": read})
    assert pq.read_table(found.file).num_rows == read


@pytest.mark.parametrize("operation", ["investor-records", "orders"])
def test_without_the_unchanged_extract_only_existence_is_checked(place: Desk, operation: str) -> None:
    rows, kind, code = [investor(n) for n in range(1, 7)], "investorrecords", "IR_0002"
    if operation == "orders":
        rows, kind, code = [order(n, n) for n in range(1, 7)], "blocks", "B0002"
    report = place.load(operation, rows)
    place.remove(kind, code)
    extract = place.folder / f"{operation}.csv"
    extract.write_text(extract.read_text().replace("Norway", "Sweden").replace("100", "101"))
    found = place.verify(report)
    assert (found.exit_code, found.counts) == (3, {"agree": 5, "missing": 1})
    assert found.existence_only == f"its extract has changed ({extract})"
    extract.unlink()
    found = place.verify(report)
    assert (found.counts, found.existence_only) == (
        {"agree": 5, "missing": 1},
        f"its extract cannot be read ({extract})",
    )


def test_accounts_that_no_list_shows_need_their_extract(place: Desk) -> None:
    place.load("investor-records", [investor(1)])
    report = place.load("investment-accounts", [account(1)])
    (place.folder / "investment-accounts.csv").unlink()
    with pytest.raises(ConfigError, match="LUSID lists no investment accounts in dialect"):
        place.verify(report)


def test_a_run_that_left_nothing_to_read_cannot_be_verified(place: Desk) -> None:
    dry = place.load("investor-records", [investor(1)], dry_run=True)
    gone = load("investor-records", place.folder / "investor-records.csv", target="sandbox", runs=place.runs)
    for report, said in ((dry, "was a dry run"), (gone, "a sandbox in memory, which is gone")):
        with pytest.raises(ConfigError, match=said):
            place.verify(report)
    for name in ("no-such-run", str(place.folder)):
        assert run(["verify", name, "--runs", str(place.runs)]) == 2
    for sample in ("0", "half", "101%", "1.5", "-1"):
        assert run(["verify", gone.run_id, "--runs", str(place.runs), "--sample", sample]) == 2


def test_while_lusid_is_away_nothing_is_said_of_any_key(place: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    report = place.load("investor-records", [investor(1)], patience=0)
    monkeypatch.setattr("connectors.lusid.client.CHECK_RETRIES", 0)  # so that nobody waits
    place.sandbox.__exit__()
    with pytest.raises(UnreachableError):
        place.verify(report)
    assert not (report.run_dir / "verify.parquet").exists()
    assert UnreachableError.exit_code == 4


def test_the_command_prints_counts_and_names_keys_but_no_values(
    place: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    report = place.load("investor-records", [investor(n) for n in range(1, 6)])
    place.change("investorrecords", "IR_0003", setting("displayName", to="Somebody"))
    assert run(["verify", "latest", "--runs", str(place.runs)]) == 3
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"investor-records: 5 keys accepted, 5 read back in {place.sandbox.url}"
    assert [line.split(":")[0].split() for line in said[1:3]] == [["4", "agree"], ["1", "differ"]]
    assert said[3:] == [
        f"  differ: IR_0003 ({place.folder}/investor-records.csv row 3) displayName",
        f"Every key, with what was sent and what LUSID holds: {report.run_dir}/verify.parquet",
    ]
    assert not any("Somebody" in line or "Investor 3" in line for line in said)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
records = st.lists(
    st.fixed_dictionaries(
        {"display_name": texts, COUNTRY: texts | st.just(""), "description": texts | st.just("")},
        optional={
            WORTH: st.decimals(-1000, 1000, places=4).map("{:f}".format),
            f"{COUNTRY}@effective_from": st.datetimes().map(lambda when: f"{when.isoformat()}Z"),
            MARKETS: st.lists(st.sampled_from(["UK", "NO", "a b"]), min_size=1).map("|".join),
        },
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.untraced
@settings(max_examples=8)
@given(rows=records, repeats=st.lists(st.integers(0, 11), max_size=3), batch_size=st.integers(1, 12))
def test_after_a_load_of_any_rows_all_that_was_accepted_agrees(
    shared: Sandbox, tmp_path_factory: pytest.TempPathFactory, rows: list[Row], repeats: list[int], batch_size: int
) -> None:
    made = [investor(n, changes) for n, changes in enumerate(rows)]
    made += [made[n] for n in repeats if n < len(made)]
    columns = list(dict.fromkeys(name for row in made for name in row))
    folder = tmp_path_factory.mktemp("any")
    path = write_csv(folder / "a.csv", [dict.fromkeys(columns, "") | row for row in made])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_ACCESS_TOKEN", shared.access_token)
        report = load("investor-records", path, target=shared.url, runs=folder, batch_size=batch_size)
        found = verify(report.run_id, runs=folder)
    assert (found.exit_code, found.counts[Result.AGREE]) == (0, report.keys[State.ACCEPTED])
    assert found.accepted == report.keys[State.ACCEPTED]
