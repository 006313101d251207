"""Orders: the rules of a row, and the request that the rows of a block make together."""

from decimal import Decimal
from typing import Any

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect

NEEDED = {
    "block_scope": "S",
    "block_code": "B1",
    "order_scope": "S",
    "order_code": "O1",
    "instrument:Instrument/default/Figi": "BBG1",
    "quantity": "100.50",
}
IDS = ("portfolio", "order_book", "order_instruction", "package")


def told(row: dict[str, str], dialect: Dialect = Dialect.V2_1) -> list[str]:
    return [str(f) for f in faults(bind("orders", list(row), dialect), list(row.values()))]


def made(rows: list[dict[str, str]], dialect: Dialect = Dialect.V2_1) -> dict[str, Any]:
    return requests("orders", bind("orders", list(rows[0]), dialect), [list(r.values()) for r in rows], dialect)


def test_the_least_an_order_needs() -> None:
    assert made([NEEDED]) == {
        "S/B1": {
            "blockId": {"scope": "S", "code": "B1"},
            "orders": [{"quantity": Decimal("100.5"), "id": {"scope": "S", "code": "O1"}}],
            "instrumentIdentifiers": {"Instrument/default/Figi": "BBG1"},
        }
    }


def test_every_member_of_2_3_can_be_reached_from_columns() -> None:
    row = NEEDED | {
        "quantity": "",
        "amount": "2500.00",
        "amount_currency": "GBP",
        "side": "Buy",
        "type": "StopLimit",
        "time_in_force": "Day",
        "date": "2026-11-20T08:15:00Z",
        "limit_price": "534",
        "limit_currency": "USD",
        "stop_price": "530.25",
        "stop_currency": "USD",
        "order_side": "Sell",
        "order_date": "2026-11-20",
        "state": "New",
        "price": "533.5",
        "price_currency": "EUR",
        "property:Order/A/B": "l.rossi",
        "metric:Order/A/C": "1",
        "labels:Order/A/D": "x|y",
        "block_property:Block/A/B": "Desk",
        "block_metric:Block/A/C": "2",
        "block_labels:Block/A/D": "z",
    }
    for prefix in (*IDS, "custodian_account"):
        row |= {f"{prefix}_scope": "S", f"{prefix}_code": prefix}

    assert made([row], Dialect.V2_3)["S/B1"] == {
        "blockId": {"scope": "S", "code": "B1"},
        "orders": [
            {
                "properties": {
                    "Order/A/B": {"key": "Order/A/B", "value": {"labelValue": "l.rossi"}},
                    "Order/A/C": {"key": "Order/A/C", "value": {"metricValue": {"value": 1}}},
                    "Order/A/D": {"key": "Order/A/D", "value": {"labelValueSet": {"values": ["x", "y"]}}},
                },
                "id": {"scope": "S", "code": "O1"},
                "state": "New",
                "date": "2026-11-20T00:00:00.0000000+00:00",
                "side": "Sell",
                "amount": {"amount": 2500, "currency": "GBP"},
                "price": {"amount": Decimal("533.5"), "currency": "EUR"},
                "portfolioId": {"scope": "S", "code": "portfolio"},
                "orderBookId": {"scope": "S", "code": "order_book"},
                "orderInstruction": {"scope": "S", "code": "order_instruction"},
                "package": {"scope": "S", "code": "package"},
                "custodianAccountId": {"scope": "S", "code": "custodian_account"},
            }
        ],
        "blockProperties": {
            "Block/A/B": {"key": "Block/A/B", "value": {"labelValue": "Desk"}},
            "Block/A/C": {"key": "Block/A/C", "value": {"metricValue": {"value": 2}}},
            "Block/A/D": {"key": "Block/A/D", "value": {"labelValueSet": {"values": ["z"]}}},
        },
        "instrumentIdentifiers": {"Instrument/default/Figi": "BBG1"},
        "side": "Buy",
        "type": "StopLimit",
        "timeInForce": "Day",
        "date": "2026-11-20T08:15:00.0000000+00:00",
        "limitPrice": {"amount": 534, "currency": "USD"},
        "stopPrice": {"amount": Decimal("530.25"), "currency": "USD"},
    }


def test_the_rows_of_one_block_are_one_request() -> None:
    rows = [NEEDED, NEEDED | {"block_code": "B2", "order_code": "O2"}, NEEDED | {"order_code": "O3", "quantity": "1"}]

    found = made(rows)

    assert {key: [o["id"]["code"] for o in block["orders"]] for key, block in found.items()} == {
        "S/B1": ["O1", "O3"],
        "S/B2": ["O2"],
    }


def test_empty_cells_leave_their_members_out() -> None:
    row = NEEDED | {"side": "", "limit_price": "", "limit_currency": " ", "portfolio_scope": "", "portfolio_code": ""}

    assert made([row]) == made([NEEDED])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"quantity": ""}, ["quantity: is missing"]),
        ({"quantity": "x"}, ["quantity: is not a decimal number such as 1234.50"]),
        (
            {"instrument:Instrument/default/Figi": "\u200b"},
            ["instrument: at least one of the instrument: columns must be filled"],
        ),
        ({"limit_price": "5", "limit_currency": ""}, ["limit_currency: is missing, although limit_price is given"]),
        (
            {"type": "Limit", "limit_price": "", "limit_currency": "USD"},
            ["limit_price: is missing, although limit_currency is given and the order's type needs it"],
        ),
        ({"stop_price": "5", "stop_currency": ""}, ["stop_currency: is missing, although stop_price is given"]),
        ({"price": "5", "price_currency": ""}, ["price_currency: is missing, although price is given"]),
        (
            {"price": "5", "price_currency": "$"},
            ["price_currency: is not a currency code of three to five letters or digits such as GBP or GBX"],
        ),
        *(({f"{p}_scope": "S", f"{p}_code": ""}, [f"{p}_code: is missing, although {p}_scope is given"]) for p in IDS),
        ({"block_scope": "a/b"}, ["block_scope: takes letters, digits, - and _ only"]),
        ({"block_code": "a b"}, ["block_code: takes letters, digits and @ / + - _ * # ; ^ & . ? only"]),
        ({"order_code": "x" * 257}, ["order_code: is longer than 256 characters"]),
        ({"order_scope": ""}, ["order_scope: is missing"]),
        ({"side": "x" * 257}, ["side: is longer than 256 characters"]),
        (
            {"date": "2026-11-20 08:15:00"},
            ["date: has no offset: declare its `timezone` in the mapping"],
        ),
        (
            {"order_code": " ", "quantity": " ", "limit_price": "1,5", "limit_currency": " "},
            [
                "order_code: is missing",
                "limit_price: is not a plain decimal such as 1234.50: declare `decimal` and `thousands` in the mapping",
                "limit_currency: is missing, although limit_price is given",
                "quantity: is missing",
            ],
        ),
    ],
)
def test_a_row_that_breaks_rules_is_told_each_of_them(cells: dict[str, str], expected: list[str]) -> None:
    assert told(NEEDED | cells) == expected


def test_2_3_takes_a_quantity_an_amount_both_and_neither() -> None:
    money = {"amount": "5", "amount_currency": "GBP"}

    assert told(NEEDED | money | {"quantity": ""}, Dialect.V2_3) == []
    assert told(NEEDED | money, Dialect.V2_3) == []
    assert told(NEEDED | {"quantity": "", "amount": "", "amount_currency": ""}, Dialect.V2_3) == []
    assert told(NEEDED | money | {"quantity": "", "amount_currency": ""}, Dialect.V2_3) == [
        "amount_currency: is missing, although amount is given"
    ]


def test_a_constant_currency_or_scope_does_not_count_where_its_value_is_empty() -> None:
    header = [*NEEDED, "limit_price", "portfolio_code"]
    columns: dict[str, Any] = {name: name for name in header} | {
        "limit_currency": {"constant": "USD"},
        "portfolio_scope": {"constant": "Funds"},
    }
    binding = bind("orders", header, mapping={"columns": columns})
    rows = [[*NEEDED.values(), "5", ""], [*(NEEDED | {"order_code": "O2", "block_code": "B2"}).values(), " ", "PF"]]

    found = requests("orders", binding, rows, Dialect.V2_1)

    assert found["S/B1"]["limitPrice"] == {"amount": 5, "currency": "USD"}
    assert "portfolioId" not in found["S/B1"]["orders"][0]
    assert "limitPrice" not in found["S/B2"]
    assert found["S/B2"]["orders"][0]["portfolioId"] == {"scope": "Funds", "code": "PF"}


def test_more_than_25_instrument_identifiers_are_refused() -> None:
    row = NEEDED | {f"instrument:Instrument/default/Id{n}": f"x{n}" for n in range(25)}

    assert told(row) == ["has more than the 25 instrumentIdentifiers that LUSID takes"]
    assert told(row | {"instrument:Instrument/default/Figi": " "}) == []
