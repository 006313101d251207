"""$updateplacements: changes placements, key by key.

The rules for type, prices and currency are those that the SDK of dialect 2.3 documents on PlacementUpdateRequest;
dialect 2.1 cannot change these members at all.
"""

from connectors.sandbox.domain.blocks import BLOCK, basis, is_cancelled
from connectors.sandbox.domain.chain import PLACEMENT
from connectors.sandbox.domain.reference.definitions import check_properties
from connectors.sandbox.domain.resources import change, document_of, existing, shown, versioned
from connectors.sandbox.domain.shapes import currency_and_amount, perpetual_properties, resource_id, with_values
from connectors.sandbox.protocol.batch import keyed_batch
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, members, number, text
from connectors.sandbox.store import Transaction

_OPTIONAL: dict[str, Reader] = {
    "quantity": number,
    "properties": perpetual_properties("Placement"),
    **dict.fromkeys(("counterparty", "executionSystem", "entryType"), text()),
}
_TODAYS: dict[str, Reader] = {
    **dict.fromkeys(("type", "currency"), text()),
    **dict.fromkeys(("limitPrice", "stopPrice"), number),
    "amount": currency_and_amount,
}
_REQUEST = {
    "2.1": members({"id": resource_id}, _OPTIONAL),
    "2.3": members({"id": resource_id}, {**_OPTIONAL, **_TODAYS}),
}
_REPLACED = ("quantity", "amount", "type", "counterparty", "executionSystem", "entryType")
_PRICES = ("limitPrice", "stopPrice")


def update_placements(call: ApiCall) -> Document:
    """POST /api/ordermanagement/$updateplacements."""
    return keyed_batch(call, _REQUEST[call.shapes], _update)


def _update(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    entity = existing(transaction, PLACEMENT, request["id"], "id")
    placement = document_of(entity)
    if is_cancelled(placement):
        raise ItemError("PlacementCancelledFailure", f"placement {entity.name} is cancelled", "id")
    _check_type(transaction, placement, request)
    check_properties(transaction, call, request.get("properties", {}), "properties")
    placement.update({name: request[name] for name in _REPLACED if name in request})
    _check_prices(placement, request)
    if call.shapes == "2.3":
        placement["basis"] = basis(placement)
        _reprice(placement, request)
    properties = {**placement["properties"], **request.get("properties", {})}
    placement = versioned(call, PLACEMENT, {**placement, "properties": with_values(properties)})
    change(transaction, entity, placement)
    return shown(placement)


def _check_type(transaction: Transaction, placement: Document, request: Document) -> None:
    """Refuses a change of type unless the associated block is of type Market."""
    if request.get("type", placement["type"]) == placement["type"]:
        return
    placed = (existing(transaction, BLOCK, each, "type") for each in placement["blockIds"])
    other = [block.name for block in placed if not _is_market(document_of(block))]
    if other:
        raise ItemError("PlacementTypeNotValidFailure", f"block {other[0]} is not of type Market", "type")


def _check_prices(placement: Document, request: Document) -> None:
    """Refuses a currency or price for a Market placement, and a currency other than the amount's where there is one."""
    given = [name for name in (*_PRICES, "currency") if name in request]
    if given and _is_market(placement):
        raise ItemError("PlacementPriceNotValidFailure", f"a Market placement takes no {given[0]}", given[0])
    amount = placement.get("amount")
    if amount and request.get("currency", amount["currency"]) != amount["currency"]:
        detail = f"the amount's currency is {amount['currency']}, not {request['currency']}"
        raise ItemError("PlacementCurrencyNotValidFailure", detail, "currency")


def _reprice(placement: Document, request: Document) -> None:
    """Sets prices in the currency given, or else their own; without either they are kept unseen until one comes."""
    cleared = "type" in request and _is_market(placement)
    for name in _PRICES:
        price, waiting = placement.pop(name, {}), placement.pop(f"_{name}", None)
        if cleared:
            continue
        amount = request.get(name, price.get("amount", waiting))
        currency = request.get("currency", price.get("currency"))
        if currency is None and amount is not None:
            placement[f"_{name}"] = amount
        elif currency is not None and (amount is not None or price):
            placement[name] = {"amount": amount, "currency": currency}


def _is_market(document: Document) -> bool:
    return str(document["type"]).lower() == "market"


ROUTES = (Route("POST", "/api/ordermanagement/$updateplacements", update_placements, 200),)
