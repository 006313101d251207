"""A trading day over real folders into a real sandbox: from orders to transactions, exactly, and once."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from builders import FIGI, Row, read_csv, write_csv
from run_checks import check_books
from sandbox_api import get
from scripted_lusid import Call, Reply, Rule, refused, sandbox, scripted

from connectors.lusid.client import Answer
from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli
from pipelines.load import carry_out, load
from pipelines.loading.spec import LoadSpec
from pipelines.nights import trading_day
from pipelines.nights.report import NightlyReport
from pipelines.options import Progress
from pipelines.report.report import Report
from pipelines.sample.day import write_day
from schemas.errors import ConfigError, FatalError, RejectedError, StoppedError, UnreachableError
from schemas.nights.owners import Party
from schemas.states import STATES, State, Verdict

DATA = Path(__file__).resolve().parents[3] / "data"
LISTS = ("orders", "blocks", "placements", "executions", "allocations")
CHAIN = ["orders", "place-blocks", "executions", "allocate", "book-transactions"]
Document = dict[str, Any]


class Heard(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def listed(sandbox: Sandbox, path: str) -> list[Document]:
    """Every entity of one of the API's lists, numbers exact."""
    found: list[Document] = []
    page: dict[str, str] = {}
    while True:
        body = json.loads(get(sandbox, path, **page).content, parse_float=Decimal, parse_int=Decimal)
        found += body["values"]
        if not body.get("nextPage"):
            return found
        page = {"page": body["nextPage"]}


def everything(sandbox: Sandbox, portfolios: Iterable[str]) -> dict[str, list[Document]]:
    """All that the sandbox's lists say, transactions of the portfolios included.

    Not the version of a block: an upsert is a new version, even one that changes nothing.
    """
    lists = {kind: listed(sandbox, kind) for kind in LISTS}
    for block in lists["blocks"]:
        del block["version"]
    paths = [f"transactionportfolios/{portfolio}/transactions" for portfolio in sorted(portfolios)]
    return {**lists, "transactions": [each for path in paths for each in listed(sandbox, path)]}


def code(resource_id: Document) -> str:
    return str(resource_id["code"])


def totals(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The sum of each name's numbers."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for name, number in pairs:
        sums[name] += number
    return dict(sums)


def counted(report: Report) -> dict[str, int]:
    return {s.value: report.rows[s] for s in STATES if report.rows[s]}


def states(day: NightlyReport) -> dict[str, dict[str, int]]:
    """Each load's rows by state."""
    return {report.operation: counted(report) for report in day.reports}


def held(day: NightlyReport, operation: str) -> dict[str, str]:
    """What is said of each key that is held."""
    (report,) = (each for each in day.reports if each.operation == operation)
    rows = report.failures[report.failures["_state"] == State.HELD.value]
    return dict(zip(rows["_key"], rows["_message"], strict=True))


def a_day(tmp_path: Path, blocks: int = 4, **more: list[Row]) -> Path:
    """A drawn day's folder; other extracts beside it."""
    folder = tmp_path / "day"
    write_day(folder, blocks=blocks)
    for name, rows in more.items():
        write_csv(folder / f"{name.replace('_', '-')}.csv", rows)
    return folder


def change(path: Path, fits: Callable[[Row], bool], **cells: str) -> list[int]:
    """Changes cells of rows of a file; gives their numbers from 1."""
    rows = read_csv(path)
    changed = [number for number, row in enumerate(rows, 1) if fits(row)]
    for number in changed:
        rows[number - 1] |= cells
    write_csv(path, rows)
    return changed


def placement(placement_code: str) -> Row:
    return {"placement_scope": "MyScope", "placement_code": placement_code}


def portfolios_of(folder: Path) -> set[str]:
    return {f"{row['portfolio_scope']}/{row['portfolio_code']}" for row in read_csv(folder / "orders.csv")}


@pytest.mark.untraced
@pytest.mark.parametrize("blocks", [150, pytest.param(500, marks=pytest.mark.soak)])
def test_what_was_executed_of_many_blocks_is_booked_to_the_last_digit_and_a_second_time_changes_nothing(
    tmp_path: Path, blocks: int
) -> None:
    folder, runs = a_day(tmp_path, blocks), tmp_path / "runs"
    with sandbox() as (lusid, target):
        day = trading_day.trading_day(folder, target=target, runs=runs)
        first = everything(lusid, portfolios_of(folder))
        again = trading_day.trading_day(folder, target=target, runs=runs)
        second = everything(lusid, portfolios_of(folder))
    assert [report.operation for report in day.reports] == CHAIN
    assert (day.exit_code, again.exit_code) == (0, 0)
    assert {report.operation: report.verdict for report in again.reports} == dict.fromkeys(CHAIN[:4], Verdict.COMPLETE)
    assert again.notes == ("book-transactions: nothing to load after allocate",)
    assert first == second

    orders, placements, fills = (read_csv(folder / f"{name}.csv") for name in CHAIN[:3])
    assert len({row["block_code"] for row in orders}) == blocks
    executed_of_placement = totals((row["placement_code"], Decimal(row["quantity"])) for row in fills)
    executed = totals((row["block_code"], executed_of_placement[row["placement_code"]]) for row in placements)
    ordered = {row["order_code"]: Decimal(row["quantity"]) for row in orders}
    block_of = {row["order_code"]: row["block_code"] for row in orders}

    booked = totals((code(each["orderId"]), each["units"]) for each in first["transactions"])
    allocated = totals((code(each["allocatedOrderId"]), each["quantity"]) for each in first["allocations"])
    assert booked == allocated
    assert len(first["transactions"]) == len(first["allocations"])
    assert all(booked[order] <= ordered[order] for order in booked)
    assert totals((block_of[order], units) for order, units in booked.items()) == executed
    per_fill = totals((code(each["executionIds"][0]), each["quantity"]) for each in first["allocations"])
    assert per_fill == {row["execution_code"]: Decimal(row["quantity"]) for row in fills}
    assert per_fill == {code(each["id"]): each["quantity"] for each in first["executions"]}
    whole = [
        block for block, units in executed.items() if units == sum(ordered[o] for o in ordered if block_of[o] == block)
    ]
    assert blocks < 5 * len(whole) < 4 * blocks
    assert all(booked[order] == ordered[order] for order in ordered if block_of[order] in whole)
    home = {code(each["id"]): each["portfolioId"] for each in first["orders"]}
    assert all(home[code(each["allocatedOrderId"])] == each["portfolioId"] for each in first["allocations"])


def test_placements_executions_and_allocations_of_a_failed_block_are_held_and_name_it(tmp_path: Path) -> None:
    codes = ["PLAC000002-1", "PLAC000003-1", "PLAC000004-1"]
    folder = a_day(tmp_path, 6, allocate=[placement(each) for each in codes])
    orders = folder / "orders.csv"
    change(orders, lambda row: row["block_code"] == "BLOCK000002", quantity="many")
    there = [row for row in read_csv(orders) if row["block_code"] == "BLOCK000003"]
    other = {"Buy": "Sell", "Sell": "Buy"}[there[0]["side"]]
    with sandbox() as (lusid, target):
        load("orders", write_csv(tmp_path / "before.csv", [there[0] | {"side": other}]), target=target, runs=tmp_path)
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
        found = everything(lusid, portfolios_of(folder))
    assert day.exit_code == 3
    placed = held(day, "place-blocks")
    assert set(placed) == {f"MyScope/{r['placement_code']}" for r in read_csv(folder / "place-blocks.csv")
                           if r["block_code"] in ("BLOCK000002", "BLOCK000003")}  # fmt: skip
    assert placed["MyScope/PLAC000002-1"].startswith("Block=MyScope/BLOCK000002 is invalid (row ")
    assert placed["MyScope/PLAC000003-1"].startswith("Block=MyScope/BLOCK000003 is failed (row ")
    fills = held(day, "executions")
    assert {key[12:20] for key in fills} == {key.removeprefix("MyScope/PLAC") for key in placed}
    assert all(text.startswith(f"Placement=MyScope/PLAC{key[12:20]} is held (row ") for key, text in fills.items())
    assert {key: text.split(" (")[0] for key, text in held(day, "allocate").items()} == {
        f"MyScope/{each}": f"Placement=MyScope/{each} is held" for each in codes[:2]
    }
    assert states(day)["allocate"] == {"accepted": 1, "held": 2}
    assert {code(each["placementIds"][0]) for each in found["allocations"]} == {"PLAC000004-1"}
    booked = {code(each["allocationId"]) for each in found["transactions"]}
    assert booked == {code(each["id"]) for each in found["allocations"]}
    assert states(day)["book-transactions"] == {"accepted": len(booked)}


def test_a_placement_one_of_whose_executions_failed_is_not_allocated_until_it_is_corrected(tmp_path: Path) -> None:
    folder, runs = a_day(tmp_path), tmp_path / "runs"
    fills = read_csv(folder / "executions.csv")
    several = Counter(row["placement_code"] for row in fills).most_common(1)[0][0]
    torn = next(row for row in fills if row["placement_code"] == several)
    (number,) = change(folder / "executions.csv", lambda row: row == torn, price="dear")
    with sandbox() as (lusid, target):
        day = trading_day.trading_day(folder, target=target, runs=runs)
        without = {code(each["executionIds"][0]) for each in listed(lusid, "allocations")}
        change(folder / "executions.csv", lambda row: row["price"] == "dear", price=torn["price"])
        cured = trading_day.trading_day(folder, target=target, runs=runs)
        allocated = totals((code(e["executionIds"][0]), e["quantity"]) for e in listed(lusid, "allocations"))
    assert day.exit_code == 3
    assert held(day, "allocate") == {f"MyScope/{several}": f"ExecutionOf=MyScope/{several} is invalid (row {number})"}
    assert without == {row["execution_code"] for row in fills if row["placement_code"] != several}
    assert cured.exit_code == 0
    assert [report.operation for report in cured.reports] == CHAIN
    assert allocated == {row["execution_code"]: Decimal(row["quantity"]) for row in fills}


def test_moves_updates_and_cancels_run_in_order_and_change_nothing_the_second_time(tmp_path: Path) -> None:
    folder = a_day(tmp_path)
    orders, places = read_csv(folder / "orders.csv"), read_csv(folder / "place-blocks.csv")
    more = [orders[0] | {"block_code": "BLOCK000009", "order_code": f"ORDER000009-{n}"} for n in (1, 2, 3)]
    write_csv(folder / "orders.csv", [*orders, *more])
    extra = [places[0] | {"block_code": "BLOCK000009", "placement_code": f"PLAC000009-{n}"} for n in (1, 2)]
    write_csv(folder / "place-blocks.csv", [*places, *extra])
    ids = [{"order_scope": "MyScope", "order_code": f"ORDER000009-{n}"} for n in (1, 2)]
    write_csv(folder / "move-orders.csv", [ids[0] | {"block_scope": "MyScope", "block_code": "BLOCK000010"}])
    third = {"order_scope": "MyScope", "order_code": "ORDER000009-3", "quantity": "70"}
    write_csv(folder / "update-orders.csv", [third])
    write_csv(folder / "update-placements.csv", [placement("PLAC000009-1") | {"counterparty": "BrokerZ"}])
    write_csv(folder / "cancel-orders.csv", [ids[1]])
    write_csv(folder / "cancel-placements.csv", [placement("PLAC000009-2")])
    with sandbox() as (lusid, target):
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
        first = everything(lusid, portfolios_of(folder))
        again = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
        second = everything(lusid, portfolios_of(folder))
    assert [report.operation for report in day.reports] == list(trading_day.NAMES)
    assert (day.exit_code, again.exit_code) == (0, 3)
    assert first == second
    (reason,) = again.reports[
        0
    ].reasons  # the block that an order left names that order still, and LUSID takes it whole
    assert (reason.rows, reason.message) == (
        3,
        "orders[0].id: order MyScope/ORDER000009-1 exists in block MyScope/BLOCK000010",
    )
    assert {code(b["id"]): [*map(code, b["orderIds"])] for b in first["blocks"]}["BLOCK000010"] == ["ORDER000009-1"]
    found = {code(p["id"]): p for p in first["placements"]}
    assert (found["PLAC000009-1"]["counterparty"], found["PLAC000009-2"]["state"]) == ("BrokerZ", "Cancelled")


def test_a_given_allocation_extract_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = a_day(tmp_path, allocate=[placement("PLAC000001-1")])
    (folder / "book-transactions.yaml").write_text(
        "operation: book-transactions\ncolumns:\n  allocation_scope: allocation_scope\n"
        "  allocation_code: allocation_code\n  'property:Transaction/MyScope/Desk': {constant: Equities}\n"
    )
    with sandbox() as (lusid, target):
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
        found = everything(lusid, portfolios_of(folder))
    assert day.exit_code == 0
    assert {code(each["placementIds"][0]) for each in found["allocations"]} == {"PLAC000001-1"}
    assert states(day)["allocate"] == {"accepted": 1}
    assert all("Transaction/MyScope/Desk" in each["properties"] for each in found["transactions"])


def test_what_other_days_left_open_is_not_touched(tmp_path: Path) -> None:
    folder, runs = a_day(tmp_path), tmp_path / "runs"
    fills = read_csv(folder / "executions.csv")
    with sandbox() as (lusid, target):
        for operation in CHAIN[:3]:
            load(operation, folder / f"{operation}.csv", target=target, runs=runs)
            (folder / f"{operation}.csv").unlink()
        yesterday = write_csv(tmp_path / "yesterday.csv", [placement("PLAC000002-1")])
        load("allocate", yesterday, target=target, runs=runs)
        write_csv(folder / "executions.csv", [row for row in fills if row["placement_code"] == "PLAC000001-1"])
        day = trading_day.trading_day(folder, target=target, runs=runs)
        found = everything(lusid, ["MyScope/" + code(o["portfolioId"]) for o in listed(lusid, "orders")])
    assert states(day)["allocate"] == {"accepted": 1}
    placement_of = {code(each["id"]): code(each["placementIds"][0]) for each in found["allocations"]}
    assert set(placement_of.values()) == {"PLAC000001-1", "PLAC000002-1"}
    assert {placement_of[code(each["allocationId"])] for each in found["transactions"]} == {"PLAC000001-1"}


def test_a_derived_extract_is_kept_by_the_run_that_reads_it(tmp_path: Path) -> None:
    with sandbox() as (_, target):
        day = trading_day.trading_day(a_day(tmp_path), target=target, runs=tmp_path / "runs")
    for report in day.reports:
        check_books(report)
        (source,) = json.loads((report.run_dir / "manifest.json").read_bytes())["extracts"]
        derived = report.operation in ("allocate", "book-transactions")
        assert (Path(source["path"]).parent == report.run_dir) == derived


def test_only_what_the_day_made_is_listed_unless_the_server_has_no_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_day(tmp_path)
    asked: list[tuple[str, str | None]] = []
    codes = sorted(row["execution_code"] for row in read_csv(folder / "executions.csv"))
    monkeypatch.setattr("connectors.lusid.listing.LONGEST", 3 * len(quote_plus(f"'{codes[0]}', ")))
    with sandbox() as (_, target):
        get_from = target.client.get

        def get(path: str, params: Any = None) -> Answer:
            if path in ("/api/executions", "/api/allocations"):
                asked.append((path, params.get("filter")))
                if path == "/api/allocations" and "filter" in params:
                    raise RejectedError("400")
            return get_from(path, params)

        monkeypatch.setattr(target.client, "get", get)
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
    filters = [f"id.code in ({', '.join(map(repr, codes[n : n + 3]))})" for n in range(0, len(codes), 3)]
    assert [each for path, each in asked if path == "/api/executions"] == filters
    placements = sorted(row["placement_code"] for row in read_csv(folder / "place-blocks.csv"))
    refused_filter = f"placementIds.code in ({', '.join(map(repr, placements[:3]))})"
    assert [each for path, each in asked if path == "/api/allocations"] == [refused_filter, None]
    assert (day.exit_code, [report.operation for report in day.reports]) == (0, CHAIN)


def test_lists_are_read_to_their_last_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.lusid.listing.PAGE", 2)
    folder = a_day(tmp_path)
    with sandbox() as (lusid, target):
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
        allocations = len(listed(lusid, "allocations"))
    assert states(day)["allocate"] == {"accepted": len(read_csv(folder / "place-blocks.csv"))}
    assert states(day)["book-transactions"] == {"accepted": allocations}


def test_a_dry_run_derives_nothing_and_says_so(tmp_path: Path) -> None:
    day = trading_day.trading_day(a_day(tmp_path), dry_run=True, runs=tmp_path / "runs")
    assert [report.operation for report in day.reports] == CHAIN[:3]
    assert day.notes == (
        "allocate: nothing to load after executions",
        "book-transactions: nothing to load after allocate",
    )


def test_a_day_of_orders_alone_ends_with_them(tmp_path: Path) -> None:
    folder = a_day(tmp_path)
    for name in ("place-blocks.csv", "executions.csv"):
        (folder / name).unlink()
    (folder / "investors.csv").touch()
    heard = Heard()
    day = trading_day.trading_day(folder, progress=heard, target="sandbox", runs=tmp_path / "runs")
    assert [report.operation for report in day.reports] == ["orders"]
    assert day.notes == tuple(heard.notes) == (
        "not loaded, because their names do not begin like an extract's: investors.csv",
    )  # fmt: skip


def test_a_load_that_stops_ends_the_day_and_names_what_was_not_started(tmp_path: Path) -> None:
    def stopping(spec: LoadSpec) -> Report:
        if spec.operation.name == "executions":
            raise StoppedError("interrupted")
        return carry_out(spec)

    day = trading_day.trading_day(a_day(tmp_path), carry_out=stopping, target="sandbox", runs=tmp_path / "runs")
    assert ([report.operation for report in day.reports], day.exit_code) == (CHAIN[:2], 4)
    assert day.notes == (
        "allocate: not started, because executions did not finish",
        "book-transactions: not started, because executions did not finish",
    )


def executing(listing: Callable[[Call], Reply]) -> Rule:
    """Takes every execution, and answers for their list as told."""

    def answer(call: Call) -> Reply:
        if call.method == "GET":
            return listing(call)
        return Reply(201, {"values": [{"id": request["id"]} for request in call.body["requests"]]})

    return answer


ENDLESS = Reply(200, {"values": [], "nextPage": "same"})


@pytest.mark.parametrize(
    ("listing", "kind", "message"),
    [
        (refused(), UnreachableError, "LUSID's list of executions cannot be read: "),
        (
            Reply(200, {"values": [{"id": "E1"}]}),
            FatalError,
            "LUSID's list of executions cannot be read: values.0.id is malformed",
        ),
        (Reply(200, []), FatalError, "LUSID's list of executions cannot be read: the answer is malformed"),
        (ENDLESS, FatalError, "LUSID's list of executions does not end: its next page is the same page again"),
        (Reply(401, {}), FatalError, ""),
    ],
)
def test_a_list_that_cannot_be_read_ends_the_day_and_earlier_loads_stand(
    listing: Reply, kind: type[FatalError], message: str, tmp_path: Path
) -> None:
    folder = a_day(tmp_path)
    for name in ("orders.csv", "place-blocks.csv"):
        (folder / name).unlink()
    with scripted(executing(lambda _: listing)) as (_, target):
        day = trading_day.trading_day(folder, target=target, runs=tmp_path / "runs")
    assert (list(states(day)), day.exit_code) == (["executions"], 4)
    assert isinstance(day.error, kind)
    assert day.error.message.startswith(message)
    assert day.notes == ("book-transactions: not started, because allocate did not finish",)


def test_a_folder_without_any_extract_of_a_day_is_refused(tmp_path: Path) -> None:
    (tmp_path / "investors.csv").touch()
    with pytest.raises(
        ConfigError, match=r"holds no extract: none of orders\*, update-orders\*, move-orders\*, .*book-transactions\*$"
    ):
        trading_day.trading_day(tmp_path, runs=tmp_path / "runs")


def test_the_command_loads_the_committed_day_and_prints_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--direct", "--json", "--target", "sandbox", "--runs", str(tmp_path)]
    assert cli.run(["trading-day", str(DATA / "day"), *flags]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(run["operation"], run["verdict"]) for run in document["runs"]] == [(name, "complete") for name in CHAIN]
    assert (document["exit_code"], document["error"], document["notes"]) == (0, None, [])


def test_the_command_says_what_ended_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load_day = trading_day.trading_day

    def ending(folder: Path, *, again: bool, **given: Any) -> NightlyReport:
        assert again
        return replace(load_day(folder, **given), error=StoppedError("a marker of the day"))

    monkeypatch.setattr("pipelines.nights.trading_day.trading_day", ending)
    flags = ["--target", "sandbox", "--runs", str(tmp_path)]
    assert cli.run(["trading-day", str(DATA / "day"), *flags, "--again"]) == 4
    captured = capsys.readouterr()
    assert captured.out.count(": complete: ") == 5
    assert captured.err.splitlines()[-1] == "bulkload: a marker of the day"


def test_a_sample_day_is_whole_and_another_seed_makes_another(tmp_path: Path) -> None:
    write_day(tmp_path / "a", blocks=300)
    orders, placements, fills = (read_csv(tmp_path / "a" / f"{name}.csv") for name in CHAIN[:3])
    assert set(Counter(row["block_code"] for row in orders).values()) == {1, 2, 3, 4, 5}
    assert set(Counter(row["block_code"] for row in placements).values()) == {1, 2}
    assert set(Counter(row["placement_code"] for row in fills).values()) == {1, 2, 3, 4}
    assert all(row["portfolio_code"] and row[FIGI] for row in orders)
    asked = {row["placement_code"]: Decimal(row["quantity"]) for row in placements}
    done = totals((row["placement_code"], Decimal(row["quantity"])) for row in fills)
    assert {round(100 * done[each] / asked[each]) for each in asked} == {40, 75, 100}
    write_day(tmp_path / "b", blocks=300, seed=21)
    assert (tmp_path / "a" / "orders.csv").read_bytes() != (tmp_path / "b" / "orders.csv").read_bytes()


def test_a_day_without_a_block_or_a_place_to_stand_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^a day needs at least 1 block$"):
        write_day(tmp_path, blocks=0)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^cannot write the sample to "):
        write_day(tmp_path / "file")


def test_what_the_night_yaml_of_a_day_requires_holds(tmp_path: Path) -> None:
    """A required extract that is missing is red, and what depends on it is held; settings and mappings are its own."""
    folder = a_day(tmp_path)
    (folder / "place-blocks.csv").unlink()
    (folder / "night.yaml").write_text(
        "require: [orders, place-blocks]\nsettings: {orders: {batch_size: 7}}\nred_at: 2%\nweekend: []\n"
        "owners: {names: {source: {place-blocks: trading desk}}}\n"
    )
    with sandbox() as (_, target):
        day = trading_day.trading_day(folder, runs=tmp_path / "runs", target=target)
        assert [report.operation for report in day.reports] == ["orders"]
        assert day.held == ("executions", "allocate", "book-transactions")
        assert (day.exit_code, day.verdict) == (4, Verdict.MISSING)
        assert f"place-blocks has not come: {folder} holds no place-blocks*" in day.headline
        assert day.owners.name(Party.SOURCE, "place-blocks") == "trading desk"
        settings = json.loads((day.reports[0].run_dir / "manifest.json").read_bytes())["settings"]
        assert (settings["batch_size"], settings["red_at"]) == (7, "2%")
        (folder / "night.yaml").write_text("require: [investor-records]\n")
        with pytest.raises(ConfigError, match="require: investor-records is none of a night"):
            trading_day.trading_day(folder, runs=tmp_path / "runs", target=target)
