"""Every call of an order's life, end to end: good rows, rows refused by validation or by the server, both modes."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import FIGI, Row, write_csv
from operation_facts import FACTS
from run_checks import check_books, failures, row_states
from sandbox_api import (
    allocate,
    block,
    create_orders,
    created,
    done,
    execute,
    executed,
    execution,
    get,
    order,
    place,
    placement,
    rid,
    values_of,
)
from scripted_lusid import Call, Reply, open_at, refused, scripted

from connectors.sandbox.server import Sandbox
from connectors.targets import Target
from pipelines.cli import main as cli
from pipelines.load import load
from pipelines.operations import table
from pipelines.operations.evidence_rules import own_entity
from pipelines.operations.operation import AnswerShape, BodyShape, Operation
from pipelines.report.report import Report
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.requests.order_parts import needed_id, resource_id
from schemas.rows.cells import Label
from schemas.rows.columns import KeyRule, Plain, RowShape
from schemas.states import Mode

States = dict[int, str]
INVALID = "invalid"


@contextmanager
def desk(dialect: str = "2.1") -> Iterator[tuple[Sandbox, Target]]:
    """A sandbox of one dialect, and an open target for it."""
    with Sandbox(dialect=dialect) as lusid, open_at(lusid.url, lusid.access_token, 1) as target:
        yield lusid, target


def loaded(
    operation: str, rows: list[Row], target: Target, tmp_path: Path, columns: list[str] | None = None, **options: Any
) -> tuple[Report, States]:
    """A load of rows whose books balance, and the state of each row by its number, counted from 1."""
    header = columns or list(dict.fromkeys(name for row in rows for name in row))
    path = write_csv(tmp_path / f"{operation}.csv", rows, columns=header)
    options = {"concurrency": 1, **options}
    report = load(operation, path, target=target, runs=tmp_path / "runs", **options)
    check_books(report)
    assert report.operation == operation
    return report, {row: state for (_, row), state in row_states(report.run_dir).items()}


def said(report: Report) -> dict[int, tuple[str, str]]:
    """The (code, message) of each row of failures.csv."""
    return {int(line["_row"]): (line["_code"], line["_message"]) for line in failures(report.run_dir)}


def posts(lusid: Sandbox, path: str) -> list[int]:
    """The statuses of the POSTs to a path."""
    return [status for method, called, status in lusid.calls if method == "POST" and called.endswith(path)]


def id_row(prefix: str, code: str, **more: str) -> Row:
    return {f"{prefix}_scope": "S", f"{prefix}_code": code, **more}


def codes(ids: list[dict[str, str]]) -> list[str]:
    return [each["code"] for each in ids]


def by_code(lusid: Sandbox, kind: str) -> dict[str, Any]:
    return {each["id"]["code"]: each for each in values_of(lusid, kind)}


MOVES = [
    id_row("order", "O1", block_scope="S", block_code="NEW"),
    id_row("order", "", block_scope="S", block_code="NEW"),
    id_row("order", "O2", block_scope="S", block_code="SELL"),
    id_row("order", "O3", block_scope="S", block_code="NEW"),
    id_row("order", "NOBODY", block_scope="S", block_code="NEW"),
]


@pytest.mark.parametrize(
    ("mode", "good", "blocks", "calls"),
    [
        (Mode.PARTIAL, "accepted", {"B1": 20, "SELL": 1, "NEW": 50}, [400, 200]),
        (Mode.ATOMIC, "rolled_back", {"B1": 70, "SELL": 1}, [400]),
    ],
)
def test_orders_are_moved_to_other_blocks(
    tmp_path: Path, mode: Mode, good: str, blocks: Mapping[str, int], calls: list[int]
) -> None:
    with desk() as (lusid, target):
        three = [order("O1", 10), order("O2", 20), order("O3", 40)]
        created(create_orders(lusid, block("B1", *three), block("SELL", order("S1", 1), side="Sell")))
        report, states = loaded("move-orders", MOVES, target, tmp_path, mode=mode)
        assert {code: each["quantity"] for code, each in by_code(lusid, "blocks").items()} == blocks
        assert posts(lusid, "/moveorders") == calls
    assert states == {1: good, 2: INVALID, 3: "failed", 4: good, 5: "failed"}
    found = said(report)
    assert found[2][1] == "line 3: order_code (column 2): is missing"
    assert "destinationBlockId" in found[3][1]
    assert "orderId" in found[5][1]
    assert report.exit_code == 3


def placing(code: str, block_code: str, **more: str) -> Row:
    row = id_row("placement", code, block_scope="S", block_code=block_code)
    row |= {FIGI: "BBG000BLNNH6", "quantity": "100", "side": "Buy", "time_in_force": "Day", "type": "Market"}
    return row | {"state": "New", "created_date": "2026-11-20"} | more


@pytest.mark.parametrize(
    ("mode", "good", "there"), [(Mode.PARTIAL, "accepted", {"P1", "P2"}), (Mode.ATOMIC, "rolled_back", set())]
)
def test_blocks_are_placed_and_rows_of_one_placement_are_grouped(
    tmp_path: Path, mode: Mode, good: str, there: set[str]
) -> None:
    rows = [
        placing("P1", "B1"),
        placing("P2", "B1"),
        placing("P1", "B2"),
        placing("P3", "NOWHERE"),
        placing("P4", "B1", side=""),
        placing("P5", "B1"),
        placing("P5", "B2", quantity="101"),
    ]
    with desk() as (lusid, target):
        created(create_orders(lusid, block("B1", order("O1")), block("B2", order("O2"))))
        report, states = loaded("place-blocks", rows, target, tmp_path, mode=mode)
        found = by_code(lusid, "placements")
    assert set(found) == there
    if there:
        assert codes(found["P1"]["blockIds"]) == ["B1", "B2"]
        assert codes(found["P2"]["blockIds"]) == ["B1"]
    assert states == {1: good, 2: good, 3: good, 4: "failed", 5: INVALID, 6: INVALID, 7: INVALID}
    why = said(report)
    assert why[4][1] == "blockIds: no block has the id S/NOWHERE"
    assert "side" in why[5][1]
    assert "quantity differs between rows of one request" in why[6][1]


def filling(code: str, placement_code: str, **more: str) -> Row:
    row = id_row("execution", code, placement_scope="S", placement_code=placement_code)
    row |= {FIGI: "BBG000BLNNH6", "quantity": "40", "side": "Buy", "type": "Market", "state": "Filled"}
    row |= {"created_date": "2026-11-20T09:30:00Z", "price": "88.8", "price_currency": "USD"}
    return row | {"settlement_currency": "USD", "settlement_fx_rate": "1", "counterparty": "Broker"} | more


@pytest.mark.parametrize(
    ("mode", "good", "there"), [(Mode.PARTIAL, "accepted", {"E1", "E2"}), (Mode.ATOMIC, "rolled_back", set())]
)
def test_executions_are_written_to_their_placements(tmp_path: Path, mode: Mode, good: str, there: set[str]) -> None:
    rows = [filling("E1", "P1"), filling("E2", "P1"), filling("E3", "NOWHERE"), filling("E4", "P1", price_currency="")]
    with desk() as (lusid, target):
        created(create_orders(lusid, block("B1", order("O1"))))
        done(place(lusid, placement("P1", "B1")))
        report, states = loaded("executions", rows, target, tmp_path, mode=mode)
        found = by_code(lusid, "executions")
    assert set(found) == there
    assert {each["price"]["amount"] for each in found.values()} <= {88.8}
    assert states == {1: good, 2: good, 3: "failed", 4: INVALID}
    assert "placementId" in said(report)[3][1]
    assert "price_currency (column 12): is missing, although price is given" in said(report)[4][1]


def test_placements_are_updated_key_by_key(tmp_path: Path) -> None:
    rows = [
        id_row("placement", "P1", quantity="60", counterparty="Other", **{"property:Placement/S/Desk": "FX"}),
        id_row("placement", "NOBODY", quantity="1"),
        id_row("placement", "P2", quantity="many"),
        id_row("placement", "P2", quantity=""),
    ]
    rows = [{"counterparty": "", "property:Placement/S/Desk": "", **row} for row in rows]
    with desk() as (lusid, target):
        created(create_orders(lusid, block("B1", order("O1"))))
        done(place(lusid, placement("P1", "B1"), placement("P3", "B1")))
        report, states = loaded("update-placements", rows[:3], target, tmp_path)
        found = by_code(lusid, "placements")
    assert (found["P1"]["quantity"], found["P1"]["counterparty"]) == (60, "Other")
    assert found["P1"]["properties"]["Placement/S/Desk"]["value"] == {"labelValue": "FX"}
    assert found["P3"]["quantity"] == 100
    assert states == {1: "accepted", 2: "failed", 3: INVALID}
    assert said(report)[2][0] == "PlacementNotFoundFailure"
    assert "quantity" in said(report)[3][1]


def test_cancelled_orders_no_longer_count(tmp_path: Path) -> None:
    rows = [id_row("order", code) for code in ("O1", "NOBODY", "", "DONE")]
    with desk() as (lusid, target):
        executed(lusid, order("DONE"), quantity=100)
        created(create_orders(lusid, block("B2", order("O1", 10), order("O2", 20))))
        report, states = loaded("cancel-orders", rows, target, tmp_path)
        found, blocks = by_code(lusid, "orders"), by_code(lusid, "blocks")
    assert {code: each["state"] for code, each in found.items()} == {"DONE": "New", "O1": "Cancelled", "O2": "New"}
    assert (blocks["B2"]["quantity"], blocks["B1"]["quantity"]) == (20, 100)
    assert states == {1: "accepted", 2: "failed", 3: INVALID, 4: "failed"}
    assert {row: code for row, (code, _) in said(report).items() if row != 3} == {
        2: "OrderNotFoundFailure",
        4: "OrderExecutedFailure",
    }


def test_placements_are_cancelled_with_those_below(tmp_path: Path) -> None:
    rows = [id_row("placement", code) for code in ("TOP", "NOBODY", "P1", "x y")]
    with desk() as (lusid, target):
        executed(lusid, order("O1"), quantity=100)
        kid = placement("KID", "B1", parentPlacementId=rid("TOP"))
        done(place(lusid, placement("TOP", "B1")))
        done(place(lusid, kid))
        report, states = loaded("cancel-placements", rows, target, tmp_path)
        found = {code: each["state"] for code, each in by_code(lusid, "placements").items()}
    assert found == {"P1": "New", "TOP": "Cancelled", "KID": "Cancelled"}
    assert states == {1: "accepted", 2: "failed", 3: "failed", 4: INVALID}
    assert said(report)[2][0] == "PlacementNotFoundFailure"
    assert said(report)[3][0] == "PlacementExecutedFailure"


@pytest.mark.parametrize(
    ("dialect", "path"), [("2.1", "/ordermanagement/allocate"), ("legacy", "/allocationservice/allocate")]
)
def test_fills_are_allocated_once_and_answers_by_scope_and_code_are_matched(
    tmp_path: Path, dialect: str, path: str
) -> None:
    rows = [id_row("placement", code, allocation_algorithm="PR-FIFO") for code in ("P1", "NOBODY", "", "P2")]
    with desk(dialect) as (lusid, target):
        executed(lusid, order("O1", 30), order("O2", 70), quantity=40)
        created(create_orders(lusid, block("B2", order("HOMELESS"))))
        done(place(lusid, placement("P2", "B2")))
        created(execute(lusid, execution("E2", "P2", 10)))
        report, states = loaded("allocate", rows, target, tmp_path, dialect=dialect)
        again, same = loaded("allocate", rows, target, tmp_path, dialect=dialect)
        found = values_of(lusid, "allocations")
        assert posts(lusid, path) == [200, 200]
    assert {each["allocatedOrderId"]["code"]: each["quantity"] for each in found} == {"O1": 12, "O2": 28}
    assert states == same == {1: "accepted", 2: "failed", 3: INVALID, 4: "failed"}
    assert said(report)[2][0] == "PlacementNotFoundFailure"
    assert said(report)[4] == ("EmptyPortfolioIdFailure", "Empty PortfolioId on Order")
    assert again.exit_code == 3


def test_rows_with_another_algorithm_go_into_another_call(tmp_path: Path) -> None:
    rows = [
        id_row("placement", "P1", allocation_algorithm=""),
        id_row("placement", "NOBODY", allocation_algorithm="LIFO"),
        id_row("placement", "NOONE", allocation_algorithm="PR-FIFO"),
        id_row("placement", "P2", allocation_algorithm=""),
    ]
    with desk() as (lusid, target):
        executed(lusid, order("O1"), quantity=10)
        done(place(lusid, placement("P2", "B1")))
        report, states = loaded("allocate", rows, target, tmp_path)
        assert sorted(posts(lusid, "/allocate")) == [200, 200, 400]
    assert states == {1: "accepted", 2: "failed", 3: "failed", 4: "accepted"}
    assert "allocationAlgorithm" in said(report)[2][1]
    assert report.requests == 3


BOOKED = "property:Transaction/S/Strategy"


@pytest.mark.parametrize("dialect", ["2.1", "2.3", "legacy"])
def test_allocations_are_booked(tmp_path: Path, dialect: str) -> None:
    with desk(dialect) as (lusid, target):
        executed(lusid, order("O1", 30), order("O2", 70), quantity=100)
        done(allocate(lusid, "P1"))
        known = [each["id"]["code"] for each in values_of(lusid, "allocations")]
        more = {} if dialect == "legacy" else {BOOKED: "growth", "apply_fees_and_commission": "false"}
        rows = [id_row("allocation", code, **more) for code in (*known, "NOBODY", "")]
        report, states = loaded("book-transactions", rows, target, tmp_path, dialect=dialect)
        found = done(get(lusid, "transactionportfolios/S/P/transactions"))["values"]
        assert posts(lusid, "/booktransactions") == [200]
    assert sorted(each["units"] for each in found) == [30, 70]
    labels = [each["properties"].get("Transaction/S/Strategy", {}).get("value") for each in found]
    assert labels == [None if dialect == "legacy" else {"labelValue": "growth"}] * 2
    assert states == {1: "accepted", 2: "accepted", 3: "failed", 4: INVALID}
    assert said(report)[3][0] == "AllocationNotFoundFailure"


def test_rows_with_different_transaction_properties_go_into_different_calls(tmp_path: Path) -> None:
    says = [("growth", "true"), ("income", "true"), ("growth", "false"), ("growth", "true"), ("", "")]
    with desk() as (lusid, target):
        executed(lusid, *(order(f"O{n}", 10) for n in range(5)), quantity=50)
        done(allocate(lusid, "P1"))
        known = [each["id"]["code"] for each in values_of(lusid, "allocations")]
        rows = [
            id_row("allocation", code, apply_fees_and_commission=fees, mark_as_booked="true", **{BOOKED: label})
            for code, (label, fees) in zip(known, says, strict=True)
        ]
        report, states = loaded("book-transactions", rows, target, tmp_path)
        found = done(get(lusid, "transactionportfolios/S/P/transactions"))["values"]
        assert posts(lusid, "/booktransactions") == [200] * 4
        assert {each["state"] for each in values_of(lusid, "allocations")} == {"Booked"}
    assert set(states.values()) == {"accepted"}
    labels = {
        each["allocationId"]["code"]: each["properties"].get("Transaction/S/Strategy", {}).get("value", {})
        for each in found
    }
    wanted = [{"labelValue": label} if label else {} for label, _ in says]
    assert [labels[code] for code in known] == wanted
    assert report.requests == 4


@pytest.mark.parametrize(
    "operation", ["update-placements", "cancel-orders", "cancel-placements", "allocate", "book-transactions"]
)
def test_an_operation_applied_key_by_key_has_no_atomic_mode(tmp_path: Path, operation: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(operation, "unread.csv", mode="Atomic", target="sandbox", runs=tmp_path / "runs")
    assert caught.value.message == f"{operation} has no Atomic mode: use mode=Partial"
    assert list(tmp_path.iterdir()) == []


LEGACY_TOO = {"allocate", "book-transactions"}


@pytest.mark.parametrize("operation", sorted(set(table.OPERATIONS) - LEGACY_TOO))
def test_what_legacy_servers_lack_is_refused(tmp_path: Path, operation: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(operation, "unread.csv", dialect="legacy", target="sandbox", runs=tmp_path / "runs")
    assert caught.value.message == f"{operation} has no dialect legacy: use dialect=2.1 or 2.3"


def answered(call: Call) -> Reply:
    """Answers that everything is done, in the shape of each call of an order's life."""
    body = call.body
    if call.path.endswith("/allocate"):
        return Reply(200, {"values": body, "failed": {}})
    if call.path.endswith("/booktransactions"):
        ids = body if isinstance(body, list) else body["allocationIds"]
        return Reply(200, {"values": {f"Scope:{i['scope']} Code:{i['code']}": {} for i in ids}, "failed": {}})
    if call.path.endswith("/moveorders"):
        return Reply(200, {"values": [{"order": {"id": r["orderId"]}} for r in body["requests"]]})
    if "requests" in body:
        status = 201 if call.path.endswith("/executions") else 200
        return Reply(status, {"values": [{"id": r["id"]} for r in body["requests"]]})
    return Reply(200, {"values": {key: {} for key in body}, "failed": {}})


def many(operation: str, count: int) -> list[Row]:
    """Valid rows of an operation."""
    make: dict[str, Callable[[str], Row]] = {
        "move-orders": lambda code: id_row("order", code, block_scope="S", block_code="B"),
        "place-blocks": lambda code: placing(code, "B"),
        "update-placements": lambda code: id_row("placement", code, quantity="1"),
        "cancel-orders": lambda code: id_row("order", code),
        "cancel-placements": lambda code: id_row("placement", code),
        "allocate": lambda code: id_row("placement", code),
        "book-transactions": lambda code: id_row("allocation", code),
        "executions": lambda code: filling(code, "P"),
    }
    return [make[operation](f"C{n}") for n in range(count)]


def entries(body: Any) -> int:
    """How many requests a body asks for."""
    if isinstance(body, dict):
        body = body.get("requests", body.get("allocationIds", body))
    return len(body)


@pytest.mark.parametrize(
    ("operation", "dialect", "rows", "calls"),
    [
        ("move-orders", "2.1", 201, [100, 100, 1]),
        ("place-blocks", "2.1", 201, [100, 100, 1]),
        ("allocate", "2.1", 201, [100, 100, 1]),
        ("allocate", "legacy", 101, [100, 1]),
        ("book-transactions", "2.1", 5001, [5000, 1]),
        ("book-transactions", "legacy", 5001, [5000, 1]),
        ("executions", "2.1", 201, [201]),
        ("update-placements", "2.1", 201, [201]),
        ("cancel-orders", "2.1", 201, [201]),
        ("cancel-placements", "2.1", 201, [201]),
    ],
)
def test_calls_hold_no_more_requests_than_lusid_takes(
    tmp_path: Path, operation: str, dialect: str, rows: int, calls: list[int]
) -> None:
    with scripted(answered) as (lusid, target):
        report, states = loaded(operation, many(operation, rows), target, tmp_path, dialect=dialect, batch_size=9999)
    assert [entries(call.body) for call in lusid.posted] == calls
    assert set(states.values()) == {"accepted"}
    assert (report.requests, report.exit_code) == (len(calls), 0)


@pytest.mark.parametrize(
    ("operation", "dialect", "path"),
    [
        ("allocate", "2.1", "[{}].code"),
        ("allocate", "legacy", "$[{}].code"),
        ("book-transactions", "legacy", "[{}]"),
        ("book-transactions", "2.1", "allocationIds[{}].code"),
        ("book-transactions", "2.1", "$.allocationIds[{}]"),
        ("executions", "2.1", "requests[{}].price"),
    ],
)
def test_a_refusal_that_names_an_entry_of_a_list_costs_one_more_call(
    tmp_path: Path, operation: str, dialect: str, path: str
) -> None:
    def rule(call: Call) -> Reply:
        if entries(call.body) == 10:
            return refused({path.format(7): ["is bad"]})
        return answered(call)

    with scripted(rule) as (lusid, target):
        report, states = loaded(operation, many(operation, 10), target, tmp_path, dialect=dialect)
    assert [entries(call.body) for call in lusid.posted] == [10, 9]
    assert states == {n: "failed" if n == 8 else "accepted" for n in range(1, 11)}
    assert said(report)[8][1].endswith("is bad")


@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        ("allocate", {"values": [{"scope": "S", "code": "C1"}, {"scope": "S"}, 7, None], "failed": None}),
        ("book-transactions", {"values": {"Scope:S Code:C1": {}, "S/C0": {}}, "failed": []}),
        ("move-orders", {"values": [{"order": {"id": rid("C1")}}, {"order": None}, {}]}),
        ("executions", {"values": [{"id": rid("C1")}, {"id": "S/C0"}]}),
    ],
)
def test_a_key_that_an_answer_does_not_name_as_documented_is_not_accepted(
    tmp_path: Path, operation: str, wrong: object
) -> None:
    declared = table.OPERATIONS[operation]
    with scripted(lambda _: Reply(declared.expected_status, wrong)) as (_, target):
        _, states = loaded(operation, many(operation, 2), target, tmp_path)
    assert states == {1: "unknown", 2: "accepted"}


def test_the_command_line_lists_every_operation_with_all_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    needed = {name: ", ".join(other for other in FACTS if other in each.needs) for name, each in FACTS.items()}
    assert cli.run(["operations"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        line
        for name, each in FACTS.items()
        for line in (
            name,
            f"    {each.endpoint}",
            f"    modes {each.modes}; most per call: {each.most}; dialects {each.dialects}",
            *([f"    needs {needed[name]}"] if each.needs else []),
        )
    ]
    assert cli.run(["operations", "--markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        f"| `{name}` | `{each.endpoint}` | {each.modes} | {each.most} | {each.dialects} | {needed[name]} |"
        for name, each in FACTS.items()
    ]


MADE_UP = Operation(
    name="tag-portfolios",
    entity="tag",
    path="/api/tags/$upsert",
    expected_status=200,
    body=BodyShape.KEYED,
    answers=AnswerShape.BY_KEY,
    max_items=2,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset({Dialect.V2_1}),
    shape=RowShape(plain=(*needed_id("tag", "the tag", "TAG-1"), Plain("text", Label, "what it says", "blue"))),
    key=KeyRule(all_of=("tag_scope", "tag_code")),
    build=lambda columns, dialect: lambda row: {"id": resource_id(row, "tag"), "text": row["text"]},
    idempotent=True,
    evidence=own_entity("tags"),
    lusid_id="tagId",
)


def test_a_new_operation_is_one_declaration_and_one_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine, accounting and the command line's tables know it as soon as it is declared."""
    monkeypatch.setattr(table, "OPERATIONS", {**table.OPERATIONS, MADE_UP.name: MADE_UP})

    def rule(call: Call) -> Reply:
        bad = {key: {"type": "TagFailure", "detail": "no such tag"} for key in call.body if key == "S/T2"}
        good = {key: {"tagId": f"ID-{key}"} for key in call.body if key not in bad}
        return Reply(200, {"values": good, "failed": bad})

    rows = [id_row("tag", f"T{n}", text="blue") for n in range(4)]
    rows.append(id_row("tag", "T9", text="x" * 2000))
    with scripted(rule) as (lusid, target):
        report, states = loaded("tag-portfolios", rows, target, tmp_path)
        replaced = {**table.OPERATIONS, MADE_UP.name: replace(MADE_UP, modes=frozenset(Mode))}
        monkeypatch.setattr(table, "OPERATIONS", replaced)
        both, _ = loaded("tag-portfolios", rows[:1], target, tmp_path, mode="Atomic")
    assert [list(call.body) for call in lusid.posted] == [["S/T0", "S/T1"], ["S/T2", "S/T3"], ["S/T0"]]
    assert lusid.posted[0].body["S/T1"] == {"id": rid("T1"), "text": "blue"}
    assert lusid.posted[0].path == "/api/tags/$upsert"
    assert states == {1: "accepted", 2: "accepted", 3: "failed", 4: "accepted", 5: INVALID}
    assert said(report)[3] == ("TagFailure", "no such tag")
    assert both.exit_code == 0


def test_an_operation_is_itself_in_another_process_and_no_other_passes_for_it() -> None:
    for operation in table.OPERATIONS.values():
        assert pickle.loads(pickle.dumps(operation)) is operation
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(replace(table.OPERATIONS["orders"], max_items=3))
