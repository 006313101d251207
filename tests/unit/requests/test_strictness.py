"""What LUSID may take is left to LUSID; --strict refuses what few firms use."""

from typing import Any

import pytest
from bound import faults

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.requests.strictness import strict_shape
from schemas.rows.binding import Binding

ORDER = {
    "block_scope": "S",
    "block_code": "B1",
    "order_scope": "S",
    "order_code": "O1",
    "quantity": "100",
    "amount": "",
    "amount_currency": "",
    "instrument:Instrument/default/Figi": "BBG1",
    "price": "",
    "price_currency": "",
    "labels:Order/A/B": "",
}


def told(row: dict[str, str], *, strict: bool) -> list[str]:
    orders = OPERATIONS["orders"]
    shape = strict_shape(orders.shape) if strict else orders.shape
    return [str(f) for f in faults(Binding(list(row), shape, Dialect.V2_3, orders.key), list(row.values()))]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"order_code": "A/1"}, "order_code: takes letters, digits, - and _ only, with --strict"),
        ({"block_code": "x" * 65}, "block_code: has more than 64 characters, the most that --strict takes"),
        (
            {"price": "1", "price_currency": "GBX1"},
            "price_currency: is not a currency code of three capital letters such as GBP, as --strict demands",
        ),
        (
            {"amount": "5", "amount_currency": "GBP"},
            "amount: is given as well as a quantity: with --strict a row has one of them",
        ),
        ({"quantity": ""}, "quantity: is missing"),
        ({"labels:Order/A/B": "x|y|x"}, "labels:Order/A/B: repeats an item, which --strict refuses"),
        ({"labels:Order/A/B": "x\\|y"}, "labels:Order/A/B: has an item with `|` in it, which --strict refuses"),
        ({}, ""),
    ],
)
def test_strict_refuses_what_few_firms_use_and_nothing_else_does(cells: dict[str, str], expected: str) -> None:
    assert told(ORDER | cells, strict=False) == []
    assert told(ORDER | cells, strict=True) == ([expected] if expected else [])


@pytest.mark.parametrize("name", OPERATIONS)
def test_strict_changes_no_column(name: str) -> None:
    def declared(shape: Any) -> list[Any]:
        return [
            (column.cell, getattr(column, "name", ""), column.dialects) for column in (*shape.plain, *shape.families)
        ]

    shape = OPERATIONS[name].shape
    assert declared(strict_shape(shape)) == declared(shape)
