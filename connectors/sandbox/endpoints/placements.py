"""placeblocks: places blocks in the market, all of a call or none of it; and the calls that read placements.

"The referenced block's existence will be verified" (API reference), and nothing else is: neither the parent placement,
nor that instrument, side, prices and quantities agree with the block's.
"""

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK
from connectors.sandbox.domain.chain import OF_BLOCK, OF_PLACEMENT, PLACEMENT
from connectors.sandbox.domain.resources import (
    add,
    document_of,
    existing,
    find,
    matches_last_request,
    read_routes,
    shown,
    versioned,
)
from connectors.sandbox.domain.shapes import (
    currency_and_amount,
    ids_once,
    instrument_identifiers,
    name_of,
    perpetual_properties,
    requests_of,
    resource_id,
)
from connectors.sandbox.protocol.batch import all_or_none, resource_list
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, date_time, listed, members, number, text
from connectors.sandbox.store import Transaction

_REQUIRED: dict[str, Reader] = {
    "id": resource_id,
    "blockIds": listed(resource_id, 1),
    "instrumentIdentifiers": instrument_identifiers,
    **dict.fromkeys(("side", "timeInForce", "type"), text()),
    "createdDate": date_time,
}
_OPTIONAL: dict[str, Reader] = {
    "parentPlacementId": resource_id,
    "properties": perpetual_properties("Placement"),
    **dict.fromkeys(("limitPrice", "stopPrice"), currency_and_amount),
    **dict.fromkeys(("counterparty", "executionSystem", "entryType"), text()),
}
_MEASURE: dict[str, Reader] = {"quantity": number, "state": text()}
_REQUEST = {
    "2.1": members({**_REQUIRED, **_MEASURE}, _OPTIONAL),
    "2.3": members(_REQUIRED, {**_OPTIONAL, **_MEASURE, "amount": currency_and_amount}),
}
_BODY = {dialect: requests_of(request, ids_once("id")) for dialect, request in _REQUEST.items()}


def place_blocks(call: ApiCall) -> Document:
    """POST /api/ordermanagement/placeblocks; without a body it places nothing.

    Raises:
        ProblemError: 400, naming every placement that is refused.
    """
    if call.body.strip() in (b"", b"null"):
        return resource_list(call, [])
    return all_or_none(call, call.read(_BODY[call.shapes])["requests"], _place)


def _place(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    there = find(transaction, PLACEMENT, request["id"])
    if there is not None:
        if not matches_last_request(there, request):
            detail = f"placement {there.name} exists with differing fields"
            raise ItemError("ResourceConflictFailure", detail, "id")
        return shown(document_of(there))
    placed = [document_of(existing(transaction, BLOCK, each, "blockIds")) for each in request["blockIds"]]
    placement = {"state": "New", **blocks.entity_from(transaction, call, request)}
    if call.shapes == "2.3":
        placement["basis"] = blocks.basis(placement)
        directions = {blocks.direction(block["side"]) for block in placed}
        placement["direction"] = directions.pop() if len(directions) == 1 else None
    placement = versioned(call, PLACEMENT, placement)
    sequence = add(transaction, PLACEMENT, placement, requested=dumps(request))
    for block in placed:
        transaction.link(OF_BLOCK, name_of(block["id"]), sequence)
    if "parentPlacementId" in request:
        transaction.link(OF_PLACEMENT, name_of(request["parentPlacementId"]), sequence)
    return placement


ROUTES = (Route("POST", "/api/ordermanagement/placeblocks", place_blocks, 200), *read_routes(PLACEMENT))
