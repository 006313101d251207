"""Orders to move to another block, and orders to cancel. One row is one order.

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


def order_move(_columns: Columns, _dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds a request to move an order to a block, which LUSID creates if necessary."""
    return lambda row: {"destinationBlockId": resource_id(row, "block"), "orderId": resource_id(row, "order")}
