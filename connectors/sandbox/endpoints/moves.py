"""moveorders: moves orders to another block, all of a call or none of it.

"Move an order to a block, creating the block if it does not already exist. This will fail if the
block exists and already references orders with differing fields" (API reference).
"""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, ORDER
from connectors.sandbox.domain.chain import check_free
from connectors.sandbox.domain.resources import change, document_of, existing, find, versioned
from connectors.sandbox.domain.shapes import id_of, ids_once, name_of, requests_of, resource_id
from connectors.sandbox.protocol.batch import all_or_none
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import members
from connectors.sandbox.store import Entity, Transaction

_MOVE = members({"destinationBlockId": resource_id, "orderId": resource_id})
_BODY = requests_of(_MOVE, ids_once("orderId"))


def move_orders(call: ApiCall) -> Document:
    """POST /api/ordermanagement/moveorders.

    Raises:
        ProblemError: 400, naming every move that is refused.
    """
    return all_or_none(call, call.read(_BODY)["requests"], _move)


def _move(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    entity = existing(transaction, ORDER, request["orderId"], "orderId")
    order, source = document_of(entity), entity.parent
    destination = find(transaction, BLOCK, request["destinationBlockId"])
    block = document_of(destination) if destination else {}
    if source == name_of(request["destinationBlockId"]):
        return {"destinationBlock": block, "order": order, "sourceBlockId": None}
    _check_movable(transaction, entity, order)
    _check_fits(block, order)
    order = versioned(call, ORDER, order)
    change(transaction, entity, order, parent=name_of(request["destinationBlockId"]))
    block = blocks.revised(call, block, {"id": request["destinationBlockId"], **blocks.shared_members(order)})
    blocks.store_recounted(transaction, call, block)
    return {"destinationBlock": block, "order": order, "sourceBlockId": _left(transaction, call, str(source))}


def _check_movable(transaction: Transaction, entity: Entity, order: Document) -> None:
    if blocks.is_cancelled(order):
        raise ItemError("OrderCancelledFailure", f"order {entity.name} is cancelled", "orderId")
    check_free(transaction, entity, "orderId")


def _check_fits(block: Document, order: Document) -> None:
    differing = blocks.differing(block, order) if block.get("orderIds") else []
    if differing:
        said = f"block {name_of(block['id'])} exists and references orders with a differing {', '.join(differing)}"
        raise ItemError("ResourceConflictFailure", said, "destinationBlockId")


def _left(transaction: Transaction, call: ApiCall, source: str) -> Document:
    """Updates the block that the order has left, and returns its id."""
    block = document_of(existing(transaction, BLOCK, id_of(source), "orderId"))
    blocks.store_recounted(transaction, call, versioned(call, BLOCK, block))
    left: Document = block["id"]
    return left


ROUTES = (Route("POST", "/api/ordermanagement/moveorders", move_orders, 200),)
