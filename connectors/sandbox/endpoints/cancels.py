"""cancelorders and $cancelplacements: done key by key; a placement takes the placements below it with it.

What may no longer be cancelled is our choice (docs/sandbox.md): orders of a block that has been
executed or that have allocations, and placements that have executions, themselves or below.
"""

from collections.abc import Iterator

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, CANCELLED, ORDER, is_cancelled
from connectors.sandbox.domain.chain import OF_PLACEMENT, PLACEMENT, check_free, executions_of
from connectors.sandbox.domain.resources import change, document_of, existing, shown, versioned
from connectors.sandbox.domain.shapes import id_of, resource_id
from connectors.sandbox.protocol.batch import each_or_failed
from connectors.sandbox.protocol.calls import Call, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.store import Entity, Transaction


def cancel_orders(call: Call) -> Document:
    """POST /api/ordermanagement/cancelorders."""
    return each_or_failed(call, resource_id, _cancel_order)


def _cancel_order(transaction: Transaction, call: Call, order_id: Document) -> Document:
    entity = existing(transaction, ORDER, order_id, "")
    order = document_of(entity)
    if is_cancelled(order):
        return {"orderState": order}
    check_free(transaction, entity, "")
    order = versioned(call, ORDER, {**order, "state": CANCELLED})
    change(transaction, entity, order)
    block = existing(transaction, BLOCK, id_of(str(entity.parent)), "")
    blocks.settle(transaction, call, versioned(call, BLOCK, document_of(block)))
    return {"orderState": order}


def cancel_placements(call: Call) -> Document:
    """POST /api/ordermanagement/$cancelplacements."""
    return each_or_failed(call, resource_id, _cancel_placement)


def _cancel_placement(transaction: Transaction, call: Call, placement_id: Document) -> Document:
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
    """The placement, then all below it; parents named in a circle can only lead back to where it began."""
    queue = [placement]
    for entity in queue:
        yield entity
        below = transaction.linked(OF_PLACEMENT, entity.name)
        queue.extend(child for child in below if child.name != placement.name)


ROUTES = (
    Route("POST", "/api/ordermanagement/cancelorders", cancel_orders, 200),
    Route("POST", "/api/ordermanagement/$cancelplacements", cancel_placements, 200),
)
