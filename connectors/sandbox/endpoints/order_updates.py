"""updateorders: changes orders, key by key.

What may be changed is the members of the SDK's OrderUpdateRequest; when, is our choice (docs/sandbox.md): an order that
shares its block with others keeps what these have in common, and one that is cancelled, executed or allocated takes new
properties only.
"""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, BLOCKING_FIELDS, ORDER, is_cancelled
from connectors.sandbox.domain.chain import check_free
from connectors.sandbox.domain.reference.definitions import check_properties
from connectors.sandbox.domain.resources import change, document_of, existing, shown, versioned
from connectors.sandbox.domain.shapes import (
    currency_and_amount,
    id_of,
    perpetual_properties,
    resource_id,
    with_values,
)
from connectors.sandbox.protocol.batch import keyed_batch
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, date_time, members, number, text
from connectors.sandbox.store import Entity, Transaction

_OPTIONAL: dict[str, Reader] = {
    "quantity": number,
    "portfolioId": resource_id,
    "properties": perpetual_properties("Order"),
    **dict.fromkeys(("price", "limitPrice", "stopPrice"), currency_and_amount),
}
_TODAYS: dict[str, Reader] = {"amount": currency_and_amount, "date": date_time, "side": text()}
_REQUEST = {
    "2.1": members({"id": resource_id}, _OPTIONAL),
    "2.3": members({"id": resource_id}, {**_OPTIONAL, **_TODAYS}),
}


def update_orders(call: ApiCall) -> Document:
    """POST /api/ordermanagement/updateorders."""
    return keyed_batch(call, _REQUEST[call.shapes], _update)


def _update(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    entity = existing(transaction, ORDER, request["id"], "id")
    order = document_of(entity)
    check_properties(transaction, call, request.get("properties", {}), "properties")
    changed = {name: value for name, value in request.items() if name not in ("id", "properties")}
    if any(order.get(name) != value for name, value in changed.items()):
        _check_changeable(transaction, entity, order)
    block_wide = {
        name: changed[name] for name in BLOCKING_FIELDS if name in changed and order.get(name) != changed[name]
    }
    if block_wide:
        _change_block(transaction, call, entity, block_wide)
    properties = {**order["properties"], **request.get("properties", {})}
    order = {**order, **changed, "properties": with_values(properties)}
    if call.shapes == "2.3":
        order |= {"basis": blocks.basis(order), "direction": blocks.direction(order.get("side", ""))}
    order = versioned(call, ORDER, order)
    change(transaction, entity, order)
    block = existing(transaction, BLOCK, id_of(str(entity.parent)), "id")
    blocks.store_recounted(transaction, call, versioned(call, BLOCK, document_of(block)))
    return shown(order)


def _check_changeable(transaction: Transaction, entity: Entity, order: Document) -> None:
    if is_cancelled(order):
        raise ItemError("OrderCancelledFailure", f"order {entity.name} is cancelled", "id")
    check_free(transaction, entity, "id")


def _change_block(transaction: Transaction, call: ApiCall, entity: Entity, fields: Document) -> None:
    """Changes what the orders of a block share; refuses it where the block has another order."""
    block = existing(transaction, BLOCK, id_of(str(entity.parent)), "id")
    if len(list(transaction.children(ORDER, block.name))) > 1:
        name = next(iter(fields))
        raise ItemError("ResourceConflictFailure", f"block {block.name} references orders with another {name}", name)
    change(transaction, block, versioned(call, BLOCK, {**document_of(block), **fields}))


ROUTES = (Route("POST", "/api/ordermanagement/updateorders", update_orders, 200),)
