"""Placements: the rules of a row, and the requests that place, update and cancel."""

from decimal import Decimal
from typing import Any

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect
from schemas.errors import ConfigError

ID = {"placement_scope": "S", "placement_code": "P1"}
NEEDED = ID | {
    "block_scope": "S",
    "block_code": "B1",
    "instrument:Instrument/default/Figi": "BBG1",
    "quantity": "100.50",
    "state": "New",
    "side": "Buy",
    "time_in_force": "Day",
    "type": "Market",
    "created_date": "2026-11-20",
}
LEAST = {
    "id": {"scope": "S", "code": "P1"},
    "blockIds": [{"scope": "S", "code": "B1"}],
    "instrumentIdentifiers": {"Instrument/default/Figi": "BBG1"},
    "quantity": Decimal("100.5"),
    "state": "New",
    "side": "Buy",
    "timeInForce": "Day",
    "type": "Market",
    "createdDate": "2026-11-20T00:00:00.0000000+00:00",
}
Rows = list[dict[str, str]]


def told(operation: str, row: dict[str, str], dialect: Dialect = Dialect.V2_1) -> list[str]:
    return [str(f) for f in faults(bind(operation, list(row), dialect), list(row.values()))]


def made(operation: str, rows: Rows, dialect: Dialect = Dialect.V2_1) -> dict[str, Any]:
    return requests(operation, bind(operation, list(rows[0]), dialect), [list(r.values()) for r in rows], dialect)


def without(*columns: str) -> dict[str, str]:
    return {name: cell for name, cell in NEEDED.items() if name not in columns}


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
def test_the_least_a_placement_needs(dialect: Dialect) -> None:
    assert made("place-blocks", [NEEDED], dialect) == {"S/P1": LEAST}


def test_a_placement_of_several_blocks_names_each_once_in_the_order_of_its_rows() -> None:
    blocks = ["B2", "B1", "B2", "B3"]
    (placement,) = made("place-blocks", [NEEDED | {"block_code": code} for code in blocks]).values()
    assert placement == LEAST | {"blockIds": [{"scope": "S", "code": code} for code in ("B2", "B1", "B3")]}


def test_every_member_of_2_3_can_be_reached() -> None:
    row = NEEDED | {
        "quantity": "",
        "state": "",
        "amount": "2500.00",
        "amount_currency": "GBP",
        "limit_price": "5.5",
        "limit_currency": "USD",
        "stop_price": "-1",
        "stop_currency": "EUR",
        "parent_placement_scope": "T",
        "parent_placement_code": "TOP",
        "counterparty": "Broker",
        "execution_system": "EMSX",
        "entry_type": "Manual",
        "property:Placement/A/B": "x",
        "metric:Placement/A/C": "1.50",
        "metric:Placement/A/C@unit": "GBP",
        "labels:Placement/A/D": "x|y",
    }
    (placement,) = made("place-blocks", [row], Dialect.V2_3).values()
    rest = {name: value for name, value in LEAST.items() if name not in ("quantity", "state")}
    assert placement == rest | {
        "amount": {"amount": 2500, "currency": "GBP"},
        "limitPrice": {"amount": Decimal("5.5"), "currency": "USD"},
        "stopPrice": {"amount": -1, "currency": "EUR"},
        "parentPlacementId": {"scope": "T", "code": "TOP"},
        "counterparty": "Broker",
        "executionSystem": "EMSX",
        "entryType": "Manual",
        "properties": {
            "Placement/A/B": {"key": "Placement/A/B", "value": {"labelValue": "x"}},
            "Placement/A/C": {
                "key": "Placement/A/C",
                "value": {"metricValue": {"value": Decimal("1.5"), "unit": "GBP"}},
            },
            "Placement/A/D": {"key": "Placement/A/D", "value": {"labelValueSet": {"values": ["x", "y"]}}},
        },
    }


@pytest.mark.parametrize(
    ("changes", "dialect", "expected"),
    [
        ({"quantity": ""}, "2.1", ["quantity: is missing"]),
        ({"state": ""}, "2.1", ["state: is missing"]),
        ({"state": ""}, "2.3", []),
        ({"created_date": ""}, "2.1", ["created_date: is missing"]),
        ({"created_date": "20/11/2026"}, "2.1", None),
        ({"instrument:Instrument/default/Figi": ""}, "2.1", None),
        ({"block_code": "a b"}, "2.1", None),
        ({"placement_code": "x" * 257}, "2.1", None),
        ({"entry_type": "manual"}, "2.1", None),
        ({"side": ""}, "2.1", ["side: is missing"]),
        (
            {"limit_price": "1", "limit_currency": ""},
            "2.1",
            ["limit_currency: is missing, although limit_price is given"],
        ),
        (
            {"type": "StopLimit", "stop_price": "", "stop_currency": "USD"},
            "2.1",
            ["stop_price: is missing, although stop_currency is given and the order's type needs it"],
        ),
        (
            {"parent_placement_scope": "", "parent_placement_code": "TOP"},
            "2.1",
            ["parent_placement_scope: is missing, although parent_placement_code is given"],
        ),
        ({"amount": "1", "amount_currency": "USD"}, "2.3", []),
        ({"quantity": ""}, "2.3", []),
    ],
)
def test_a_placement_row_is_refused_for_each_rule(
    changes: dict[str, str], dialect: str, expected: list[str] | None
) -> None:
    found = told("place-blocks", NEEDED | changes, Dialect(dialect))
    if expected is None:
        assert [each.partition(":")[0] for each in found] == [next(iter(changes)).partition(":")[0]]
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("operation", "row", "dialect", "said"),
    [
        ("place-blocks", NEEDED | {"amount": "1", "amount_currency": "USD"}, "2.1", "amount needs dialect 2.3"),
        ("place-blocks", without("state"), "2.1", "state"),
        ("place-blocks", without("block_code"), "2.1", "block_code"),
        ("place-blocks", NEEDED | {"limit_price": "1"}, "2.1", "limit_currency"),
        ("place-blocks", NEEDED | {"property:Order/A/B": "x"}, "2.1", "Placement"),
        ("place-blocks", NEEDED | {"property:Placement/A/B@effective_from": "x"}, "2.1", "effective_from"),
        ("update-placements", ID | {"limit_price": "1"}, "2.1", "limit_price needs dialect 2.3"),
        ("update-placements", ID | {"type": "Limit"}, "2.1", "type needs dialect 2.3"),
        ("update-placements", {"placement_code": "P1", "quantity": "1"}, "2.1", "placement_scope"),
        ("cancel-placements", ID | {"quantity": "1"}, "2.1", "quantity"),
        ("cancel-orders", ID, "2.1", "order_code"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_before_the_first_row(
    operation: str, row: dict[str, str], dialect: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        bind(operation, list(row), Dialect(dialect))
    assert said in caught.value.message


def test_a_2_3_extract_may_leave_the_state_out() -> None:
    (placement,) = made("place-blocks", [without("state")], Dialect.V2_3).values()
    assert "state" not in placement


def test_an_update_sends_the_cells_that_are_filled_and_nothing_else() -> None:
    header = ID | dict.fromkeys(("quantity", "counterparty", "execution_system", "property:Placement/A/B"), "")
    assert made("update-placements", [header | {"quantity": "5", "counterparty": "Other"}]) == {
        "S/P1": {"id": {"scope": "S", "code": "P1"}, "quantity": 5, "properties": {}, "counterparty": "Other"}
    }


def test_an_update_of_2_3_reaches_type_prices_and_amount() -> None:
    row = ID | {
        "amount": "7.5",
        "amount_currency": "USD",
        "type": "StopLimit",
        "limit_price": "7.25",
        "stop_price": "7",
        "currency": "GBP",
        "entry_type": "Ems",
    }
    assert made("update-placements", [row], Dialect.V2_3)["S/P1"] == {
        "id": {"scope": "S", "code": "P1"},
        "amount": {"amount": Decimal("7.5"), "currency": "USD"},
        "type": "StopLimit",
        "limitPrice": Decimal("7.25"),
        "stopPrice": 7,
        "currency": "GBP",
        "entryType": "Ems",
    }
    assert told("update-placements", row | {"amount_currency": ""}, Dialect.V2_3) == [
        "amount_currency: is missing, although amount is given"
    ]


def test_cancelling_takes_an_id_and_nothing_else() -> None:
    assert made("cancel-placements", [ID]) == {"S/P1": {"scope": "S", "code": "P1"}}
