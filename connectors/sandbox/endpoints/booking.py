"""booktransactions: transactions from allocations; and the call that reads a portfolio's transactions.

"Takes a collection of allocation IDs, and maps fields from those allocations and related orders onto new transactions"
(API reference). Which field becomes which is our choice (docs/sandbox.md). A transaction's id is derived from its
allocation, so booking twice gives the same transaction.
"""

from typing import Any

from connectors.sandbox.domain.arithmetic import product, total
from connectors.sandbox.domain.blocks import ORDER
from connectors.sandbox.domain.chain import ALLOCATION, OF_ORDER, TRANSACTION
from connectors.sandbox.domain.listing import list_all
from connectors.sandbox.domain.resources import change, checked_path, document_of, existing, show, versioned
from connectors.sandbox.domain.shapes import labelled, name_of, perpetual_properties, resource_id, with_values
from connectors.sandbox.protocol.batch import Apply, apply_all
from connectors.sandbox.protocol.calls import ApiCall, Route, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError, validation_problem
from connectors.sandbox.protocol.readers import Errors, Reader, checked, listed, members, text
from connectors.sandbox.store import Entity, Transaction

ALLOCATIONS_LIMIT = 5000
FX_INSTRUMENT_TYPES = ("None", "FxForward", "FxSpot")
BOOKED = "Booked"

_IDS = listed(resource_id, 1, ALLOCATIONS_LIMIT)
_OPTIONAL: dict[str, Reader] = {"transactionProperties": perpetual_properties("Transaction")}


def _known_fx_type(value: Any, path: str, errors: Errors) -> None:
    if value not in FX_INSTRUMENT_TYPES:
        errors.add(path, f"must be one of {', '.join(FX_INSTRUMENT_TYPES)}")


_FX_TYPE = checked(text(), _known_fx_type)
_BODY = {
    "2.1": members({"allocationIds": _IDS}, _OPTIONAL),
    "2.3": members({"allocationIds": _IDS}, {**_OPTIONAL, "fxInstrumentType": _FX_TYPE}),
}


def book_transactions(call: ApiCall) -> Document:
    """POST /api/ordermanagement/booktransactions; in dialect `legacy` the body is the bare list of ids.

    Raises:
        ProblemError: 400, the body or a parameter is invalid.
    """
    request = {"allocationIds": call.read(_IDS)} if call.dialect == "legacy" else call.read(_BODY[call.dialect])
    _flag(call, "applyFeesAndCommission")
    mark = _flag(call, "markOrdersAndAllocationsAsBooked")
    allocations = {labelled(each): each for each in request["allocationIds"]}
    properties = with_values(request.get("transactionProperties", {}))
    with call.store.write() as transaction:
        result = apply_all(transaction, call, allocations, _booker(properties, mark=mark))
    fx_orders: Document = {"fxOrders": []} if call.dialect == "2.3" else {}
    return {"values": result.values, "failed": result.failures(), **fx_orders}


def _flag(call: ApiCall, name: str) -> bool:
    said = (call.parameter(name) or "false").lower()
    if said not in ("true", "false"):
        raise validation_problem({name: ["must be true or false"]})
    return said == "true"


def _booker(properties: Document, *, mark: bool) -> Apply:
    def book(transaction: Transaction, call: ApiCall, allocation_id: Document) -> Document:
        entity = existing(transaction, ALLOCATION, allocation_id, "")
        allocation = document_of(entity)
        booked = booked_as(transaction, allocation)
        if booked is None:
            booked = {**_transaction(call, allocation), "properties": properties}
            _keep(transaction, allocation, booked)
        if mark:
            _mark(transaction, call, ALLOCATION, entity)
            _mark_order(transaction, call, allocation["allocatedOrderId"])
        return booked

    return book


def _transaction_id(allocation: Document) -> str:
    return f"TXN-{unique_id(name_of(allocation['id']))}"


def booked_as(transaction: Transaction, allocation: Document) -> Document | None:
    """The transaction of an allocation, if it has been booked."""
    entity = transaction.find(TRANSACTION, allocation["portfolioId"]["scope"], _transaction_id(allocation))
    return None if entity is None else document_of(entity)


def _transaction(call: ApiCall, allocation: Document) -> Document:
    price = allocation.get("price")
    if price is None or "amount" not in price:
        raise ItemError("AllocationWithoutPriceFailure", "the allocation has no price")
    settled_in = allocation.get("settlementCurrency", price["currency"])
    rate = allocation.get("settlementCurrencyFxRate", 1)
    conversion = 1 if settled_in == price["currency"] else rate
    counterparty = {"counterpartyId": allocation["counterparty"]} if "counterparty" in allocation else {}
    return {
        "transactionId": _transaction_id(allocation),
        "type": allocation["side"],
        "instrumentIdentifiers": allocation["instrumentIdentifiers"],
        "instrumentScope": "default",
        "instrumentUid": allocation["lusidInstrumentId"],
        "transactionDate": allocation["date"],
        "settlementDate": allocation.get("settlementDate", allocation["date"]),
        "units": allocation["quantity"],
        "transactionPrice": {"price": price["amount"], "type": "Price"},
        "totalConsideration": {
            "amount": product(allocation["quantity"], price["amount"], conversion),
            "currency": settled_in,
        },
        "exchangeRate": rate,
        "transactionCurrency": price["currency"],
        **counterparty,
        "source": "",
        "entryDateTime": call.as_at,
        "transactionStatus": "Active",
        "orderId": allocation["allocatedOrderId"],
        "allocationId": allocation["id"],
    }


def _keep(transaction: Transaction, allocation: Document, booked: Document) -> None:
    portfolio = allocation["portfolioId"]
    sequence = transaction.next_sequence()
    entity = Entity(sequence, portfolio["scope"], booked["transactionId"], name_of(portfolio), dumps(booked), None)
    transaction.add(TRANSACTION, entity)


def _mark(transaction: Transaction, call: ApiCall, kind: str, entity: Entity) -> None:
    document = document_of(entity)
    if document["state"] != BOOKED:
        change(transaction, entity, versioned(call, kind, {**document, "state": BOOKED}))


def _mark_order(transaction: Transaction, call: ApiCall, order_id: Document) -> None:
    """Marks an order whose whole quantity has been booked."""
    order = existing(transaction, ORDER, order_id, "")
    allocations = map(document_of, transaction.linked(OF_ORDER, order.name))
    booked = total(each["quantity"] for each in allocations if booked_as(transaction, each))
    if booked == document_of(order)["quantity"]:
        _mark(transaction, call, ORDER, order)


def list_transactions(call: ApiCall) -> Document:
    """GET /api/transactionportfolios/{scope}/{code}/transactions; portfolios are assumed to exist.

    Raises:
        ProblemError: 400, a parameter is invalid.
    """
    portfolio = name_of(checked_path(call))
    for name in ("fromTransactionDate", "toTransactionDate"):
        if call.parameter(name):
            raise validation_problem({name: ["the sandbox does not know it: use filter"]})
    answer = list_all(call, TRANSACTION, show, portfolio)
    return {"version": call.version(unique_id(TRANSACTION, portfolio)), **answer}


ROUTES = (
    Route("POST", "/api/ordermanagement/booktransactions", book_transactions, 200),
    Route("GET", "/api/transactionportfolios/{scope}/{code}/transactions", list_transactions, 200),
)
