"""Orders that go elsewhere: to another block, or away. One row is one order.

POST /api/ordermanagement/moveorders (BlockAndOrderIdRequest), cancelorders (ResourceId).
"""

from collections.abc import Callable

from schemas.dialects import Dialect
from schemas.requests.order_parts import needed_id, resource_id
from schemas.requests.properties import Wire
from schemas.rows.columns import Columns, Row, RowShape

_ORDER_ID = needed_id("order", "the order", "ORDER00000123")

ORDER_MOVE = RowShape(plain=(*_ORDER_ID, *needed_id("block", "the destination block", "BLOCK00000123")))
ORDER_CANCEL = RowShape(plain=_ORDER_ID)


def order_move(columns: Columns, dialect: Dialect) -> Callable[[Row], Wire]:
    """Builds a request that moves an order to a block, which is made when it is not there."""
    del columns, dialect
    return lambda row: {"destinationBlockId": resource_id(row, "block"), "orderId": resource_id(row, "order")}


def order_id(columns: Columns, dialect: Dialect) -> Callable[[Row], Wire]:
    """Builds the ResourceId of an order."""
    del columns, dialect
    return lambda row: resource_id(row, "order")
