"""Executions, the fills of a placement: upserted by id, all of a call or none of it; and the calls that read them."""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.chain import ALLOCATION, EXECUTION, PLACEMENT
from connectors.sandbox.domain.resources import (
    document_of,
    existing,
    find,
    matches_last_request,
    put,
    read_routes,
    versioned,
)
from connectors.sandbox.domain.shapes import ids_once, instrument_identifiers, perpetual_properties, resource_id
from connectors.sandbox.protocol.batch import all_or_none
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import checked, date_time, listed, members, number, text
from connectors.sandbox.store import Transaction

_REQUEST = members(
    {
        "id": resource_id,
        "placementId": resource_id,
        "instrumentIdentifiers": instrument_identifiers,
        "quantity": number,
        **dict.fromkeys(("state", "side", "type"), text()),
        "createdDate": date_time,
        "price": members({"currency": text(), "amount": number}),
        "settlementCurrency": text(),
        "settlementCurrencyFxRate": number,
        "counterparty": text(),
    },
    {"settlementDate": date_time, "averagePrice": number, "properties": perpetual_properties("Execution")},
)
_BODY = members({}, {"requests": checked(listed(_REQUEST), ids_once("id"))})


def upsert_executions(call: ApiCall) -> Document:
    """POST /api/executions.

    Raises:
        ProblemError: 400, naming every execution that is refused.
    """
    return all_or_none(call, call.read(_BODY).get("requests", []), _upsert)


def _upsert(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    there = find(transaction, EXECUTION, request["id"])
    old = document_of(there) if there else {}
    if there is not None and matches_last_request(there, request):
        return old
    placement = existing(transaction, PLACEMENT, request["placementId"], "placementId")
    if blocks.is_cancelled(document_of(placement)):
        raise ItemError("PlacementCancelledFailure", f"placement {placement.name} is cancelled", "placementId")
    execution = versioned(call, EXECUTION, blocks.entity_from(transaction, call, request), old)
    if there is not None and transaction.children(ALLOCATION, there.name):
        detail = f"execution {there.name} exists with differing fields and has been allocated"
        raise ItemError("ResourceConflictFailure", detail, "id")
    put(transaction, EXECUTION, there, execution, parent=placement.name, requested=dumps(request))
    return execution


ROUTES = (Route("POST", "/api/executions", upsert_executions, 201), *read_routes(EXECUTION))
