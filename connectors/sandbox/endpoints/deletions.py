"""The calls that delete an order, a block without orders, or a property definition."""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, ORDER
from connectors.sandbox.domain.chain import OF_BLOCK, OF_ORDER
from connectors.sandbox.domain.reference.definitions import DEFINITION
from connectors.sandbox.domain.resources import checked_path, document_of, existing, find, versioned
from connectors.sandbox.domain.shapes import id_of, name_of
from connectors.sandbox.protocol.calls import ApiCall, Route, removal
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ProblemError, not_found, resource_conflict
from connectors.sandbox.store import Entity, Transaction


def delete_order(call: ApiCall) -> Document:
    """DELETE /api/orders/{scope}/{code}; the block's quantity follows.

    Raises:
        ProblemError: 404, there is none; 400, something is allocated to it.
    """
    with call.store.write() as transaction:
        order = _stored(transaction, call, ORDER)
        if transaction.linked(OF_ORDER, order.name):
            raise resource_conflict({order.name: ["has allocations"]})
        transaction.remove(order.sequence)
        block = document_of(existing(transaction, BLOCK, id_of(str(order.parent)), "orderId"))
        blocks.store_recounted(transaction, call, versioned(call, BLOCK, block))
    return removal(call)


def delete_block(call: ApiCall) -> Document:
    """DELETE /api/blocks/{scope}/{code}.

    Raises:
        ProblemError: 404, there is none; 400, it has orders or placements.
    """
    with call.store.write() as transaction:
        block = _stored(transaction, call, BLOCK)
        if transaction.children(ORDER, block.name) or transaction.linked(OF_BLOCK, block.name):
            raise resource_conflict({block.name: ["has orders or placements"]})
        transaction.remove(block.sequence)
    return removal(call)


def delete_definition(call: ApiCall) -> Document:
    """DELETE /api/propertydefinitions/{domain}/{scope}/{code}; values of the property stay.

    Raises:
        ProblemError: 404, code 121: it is not defined.
    """
    domain, scope, code = (call.path[part] for part in ("domain", "scope", "code"))
    with call.store.write() as transaction:
        there = transaction.find(DEFINITION, domain, f"{scope}/{code}")
        if there is None:
            raise ProblemError(404, 121, "PropertyNotDefined", f"property {domain}/{scope}/{code} is not defined")
        transaction.remove(there.sequence)
    return removal(call)


def _stored(transaction: Transaction, call: ApiCall, kind: str) -> Entity:
    resource_id = checked_path(call)
    there = find(transaction, kind, resource_id)
    if there is None:
        raise not_found(f"no such {kind.removesuffix('s')}: {name_of(resource_id)}")
    return there


ROUTES = (
    Route("DELETE", "/api/orders/{scope}/{code}", delete_order, 200),
    Route("DELETE", "/api/blocks/{scope}/{code}", delete_block, 200),
    Route("DELETE", "/api/propertydefinitions/{domain}/{scope}/{code}", delete_definition, 200),
)
