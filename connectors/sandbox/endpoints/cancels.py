"""cancelorders and $cancelplacements, key by key; cancelling a placement cancels the placements below it too.

What may no longer be cancelled is our choice (docs/sandbox.md): orders that have allocations or whose block has been
executed, and placements with executions of their own or below them.
"""

from collections.abc import Iterator

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, CANCELLED, ORDER, is_cancelled
from connectors.sandbox.domain.chain import OF_PLACEMENT, PLACEMENT, check_free, executions_of
from connectors.sandbox.domain.resources import change, document_of, existing, shown, versioned
from connectors.sandbox.domain.shapes import id_of, resource_id
from connectors.sandbox.protocol.batch import keyed_batch
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.store import Entity, Transaction


def cancel_orders(call: ApiCall) -> Document:
    """POST /api/ordermanagement/cancelorders."""
    return keyed_batch(call, resource_id, _cancel_order)


def _cancel_order(transaction: Transaction, call: ApiCall, order_id: Document) -> Document:
    entity = existing(transaction, ORDER, order_id, "")
    order = document_of(entity)
    if is_cancelled(order):
        return {"orderState": order}
    check_free(transaction, entity, "")
    order = versioned(call, ORDER, {**order, "state": CANCELLED})
    change(transaction, entity, order)
    block = existing(transaction, BLOCK, id_of(str(entity.parent)), "")
    blocks.store_recounted(transaction, call, versioned(call, BLOCK, document_of(block)))
    return {"orderState": order}


def cancel_placements(call: ApiCall) -> Document:
    """POST /api/ordermanagement/$cancelplacements."""
    return keyed_batch(call, resource_id, _cancel_placement)


def _cancel_placement(transaction: Transaction, call: ApiCall, placement_id: Document) -> Document:
    whole = list(_with_those_below(transaction, existing(transaction, PLACEMENT, placement_id, "")))
    for entity in whole:
        if executions_of(transaction, entity.name):
            raise ItemError("PlacementExecutedFailure", f"placement {entity.name} has been executed")
    live = [entity for entity in whole if not is_cancelled(document_of(entity))]
    for entity in live:
        cancelled = {**document_of(entity), "state": CANCELLED}
        change(transaction, entity, versioned(call, PLACEMENT, cancelled))
    return {
        "placementState": shown(document_of(transaction.get(whole[0].sequence))),
        "cancelledChildPlacements": [id_of(entity.name) for entity in live if entity is not whole[0]],
    }


def _with_those_below(transaction: Transaction, placement: Entity) -> Iterator[Entity]:
    """The placement, then all below it; if parents form a circle, it can only lead back to this placement."""
    queue = [placement]
    for entity in queue:
        yield entity
        below = transaction.linked(OF_PLACEMENT, entity.name)
        queue.extend(child for child in below if child.name != placement.name)


ROUTES = (
    Route("POST", "/api/ordermanagement/cancelorders", cancel_orders, 200),
    Route("POST", "/api/ordermanagement/$cancelplacements", cancel_placements, 200),
)
