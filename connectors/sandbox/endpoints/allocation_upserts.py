"""Allocations made by hand: POST /api/allocations upserts them by id, all of a call or none of it.

They count like those that `allocate` makes: towards an order's allocated quantity, and towards an execution's when
exactly one is named. So an order never receives more than was ordered, however it is allocated.
"""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.arithmetic import exactly
from connectors.sandbox.domain.blocks import ORDER
from connectors.sandbox.domain.chain import ALLOCATION, OF_ORDER, allocated_to_order
from connectors.sandbox.domain.resources import document_of, existing, find, matches_last_request, put, versioned
from connectors.sandbox.domain.shapes import (
    currency_and_amount,
    ids_once,
    instrument_identifiers,
    name_of,
    perpetual_properties,
    resource_id,
)
from connectors.sandbox.endpoints.booking import booked_as
from connectors.sandbox.protocol.batch import all_or_none
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, checked, date_time, listed, members, number, text
from connectors.sandbox.store import Entity, Transaction

_LIST = "allocationRequests"
_REQUIRED: dict[str, Reader] = {
    **dict.fromkeys(("id", "allocatedOrderId", "portfolioId"), resource_id),
    "quantity": number,
    "instrumentIdentifiers": instrument_identifiers,
}
_OPTIONAL: dict[str, Reader] = {
    **dict.fromkeys(("placementIds", "executionIds"), listed(resource_id)),
    **dict.fromkeys(("state", "side", "type", "settlementCurrency", "counterparty"), text()),
    **dict.fromkeys(("date", "settlementDate"), date_time),
    "price": currency_and_amount,
    "settlementCurrencyFxRate": number,
    "properties": perpetual_properties("Allocation"),
}
_REQUEST = {
    "2.1": members(_REQUIRED, _OPTIONAL),
    "2.3": members(_REQUIRED, {**_OPTIONAL, "custodianAccountId": resource_id}),
}
_BODY = {
    dialect: members({}, {_LIST: checked(listed(request), ids_once("id"))}) for dialect, request in _REQUEST.items()
}


def upsert_allocations(call: ApiCall) -> Document:
    """POST /api/allocations.

    Raises:
        ProblemError: 400, naming every allocation that is refused.
    """
    requests = call.read(_BODY[call.shapes]).get(_LIST, [])
    return all_or_none(call, requests, _upsert, _LIST)


def _upsert(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    there = find(transaction, ALLOCATION, request["id"])
    old = document_of(there) if there else {}
    if there is not None and matches_last_request(there, request):
        return old
    order = existing(transaction, ORDER, request["allocatedOrderId"], "allocatedOrderId")
    if old:
        _check_changeable(transaction, old, request)
    _check_room(transaction, order, old, request)
    allocation = versioned(call, ALLOCATION, _allocation(transaction, call, request, document_of(order)), old)
    named = request.get("executionIds", [])
    parent = name_of(named[0]) if len(named) == 1 else None
    sequence = put(transaction, ALLOCATION, there, allocation, parent=parent, requested=dumps(request))
    transaction.link(OF_ORDER, order.name, sequence)
    return allocation


def _check_changeable(transaction: Transaction, old: Document, request: Document) -> None:
    name = name_of(old["id"])
    if booked_as(transaction, old):
        raise ItemError("ResourceConflictFailure", f"allocation {name} has been booked", "id")
    if old["allocatedOrderId"] != request["allocatedOrderId"]:
        raise ItemError("ResourceConflictFailure", f"allocation {name} is of another order", "allocatedOrderId")


def _check_room(transaction: Transaction, order: Entity, old: Document, request: Document) -> None:
    with exactly():
        others = allocated_to_order(transaction, order.name) - old.get("quantity", 0)
        ordered = document_of(order).get("quantity")
        if ordered is not None and others + request["quantity"] > ordered:
            detail = f"order {order.name} would receive more than was ordered"
            raise ItemError("OverAllocationFailure", detail, "quantity")


def _allocation(transaction: Transaction, call: ApiCall, request: Document, order: Document) -> Document:
    allocation = {
        "state": "New",
        "date": call.as_at,
        "side": order["side"],
        "type": order["type"],
        **blocks.entity_from(transaction, call, request),
    }
    if call.shapes == "2.3":
        allocation["direction"] = blocks.direction(allocation["side"])
    return allocation


ROUTES = (Route("POST", "/api/allocations", upsert_allocations, 200),)
