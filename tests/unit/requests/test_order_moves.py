"""Orders to move to another block, and orders to cancel."""

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect

ORDER = {"order_scope": "S", "order_code": "00123"}
MOVE = ORDER | {"block_scope": "T", "block_code": "B-1"}


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
def test_a_move_names_the_order_and_the_block_it_goes_to(dialect: Dialect) -> None:
    binding = bind("move-orders", list(MOVE), dialect)
    assert requests("move-orders", binding, [list(MOVE.values())], dialect) == {
        "S/00123": {
            "destinationBlockId": {"scope": "T", "code": "B-1"},
            "orderId": {"scope": "S", "code": "00123"},
        }
    }


def test_a_cancellation_is_the_orders_id() -> None:
    binding = bind("cancel-orders", list(ORDER))
    made = requests("cancel-orders", binding, [list(ORDER.values())], Dialect.V2_1)
    assert made == {"S/00123": {"scope": "S", "code": "00123"}}


@pytest.mark.parametrize("column", list(MOVE))
@pytest.mark.parametrize("cell", ["", "a b", "a'b", "é", "x" * 257])
def test_ids_are_what_lusid_takes(column: str, cell: str) -> None:
    row = MOVE | {column: cell}
    found = faults(bind("move-orders", list(row)), list(row.values()))
    assert [fault.column for fault in found] == [column]
    assert cell == "" or cell not in str(found[0])
