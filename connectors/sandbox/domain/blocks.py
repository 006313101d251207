"""Blocks and the orders in them: the rules that all calls of order management share.

A block's orders share its blocking fields: instrument, side, type, time in force, limit and stop price (support page
KA-02110); its quantity is the sum of those that are not cancelled. Knows no particular call.
"""

from connectors.sandbox.domain.arithmetic import total
from connectors.sandbox.domain.reference.definitions import check_properties
from connectors.sandbox.domain.reference.instruments import resolved
from connectors.sandbox.domain.resources import document_of, find, put, versioned
from connectors.sandbox.domain.shapes import name_of, with_values
from connectors.sandbox.protocol.calls import ApiCall
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.store import Transaction

BLOCK = "blocks"
ORDER = "orders"
CANCELLED = "Cancelled"

BLOCKING_FIELDS = ("lusidInstrumentId", "side", "type", "timeInForce", "limitPrice", "stopPrice")

_CANCELLED_STATES = (CANCELLED.lower(), "canceled")
_DIRECTIONS = {"buy": 1, "sell": -1, "short": -1, "sellshort": -1}


def entity_from(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    """The placement, execution or allocation that a request asks for, with the members derived from it.

    Raises:
        ItemError: it has a property that cannot be used.
    """
    check_properties(transaction, call, request.get("properties", {}), "properties")
    return {
        **request,
        "properties": with_values(request.get("properties", {})),
        "lusidInstrumentId": resolved(transaction, call, request["instrumentIdentifiers"]),
        "links": [],
    }


def shared_members(document: Document) -> Document:
    """The members that a block and each of its orders share, from either."""
    return {name: document[name] for name in ("instrumentIdentifiers", *BLOCKING_FIELDS) if name in document}


def differing(block: Document, wanted: Document) -> list[str]:
    """The blocking fields in which a block differs from what is wanted."""
    return [name for name in BLOCKING_FIELDS if block.get(name) != wanted.get(name)]


def direction(side: str) -> int | None:
    """1 for a side that adds to the position, -1 for one that reduces it, None for a side of any other name."""
    return _DIRECTIONS.get(side.replace("-", "").replace(" ", "").lower())


def is_cancelled(document: Document) -> bool:
    """Whether the state of an order or placement, which is free text, says cancelled in either spelling."""
    return document["state"].lower() in _CANCELLED_STATES


def revised(call: ApiCall, old: Document, wanted: Document) -> Document:
    """The block `old`, or a new one, with the wanted members; those derived from its orders are not set yet.

    Args:
        call: the call that revises it.
        old: the block as stored; empty for a new one.
        wanted: id, instrument identifiers, blocking fields, and whatever else is to be set.
    """
    kept = {name: value for name, value in old.items() if name not in BLOCKING_FIELDS}
    swept = {} if call.dialect == "legacy" else {"isSwept": False}
    return versioned(call, BLOCK, {"createdDate": call.as_at, "links": [], "properties": {}, **swept, **kept, **wanted})


def store_recounted(transaction: Transaction, call: ApiCall, block: Document) -> list[Document]:
    """Derives the block's members from its orders, stores the block and returns the orders, oldest first.

    Args:
        transaction: reads the orders and stores the block.
        call: the call that changes the block.
        block: the block, new or revised; its derived members are set in place.
    """
    parent = name_of(block["id"])
    orders = [document_of(each) for each in transaction.children(ORDER, parent)]
    _recount(call, block, orders)
    put(transaction, BLOCK, find(transaction, BLOCK, block["id"]), block)
    return orders


def _recount(call: ApiCall, block: Document, orders: list[Document]) -> None:
    """Derives order ids, quantity and (2.3) amount and basis from the orders; cancelled ones do not count."""
    live = [order for order in orders if not is_cancelled(order)]
    block["orderIds"] = [order["id"] for order in orders]
    block["quantity"] = total(order["quantity"] for order in live if "quantity" in order)
    if call.shapes == "2.1":
        return
    bases = {order["basis"] for order in live}
    block["basis"] = bases.pop() if len(bases) == 1 else None
    block["amount"] = _sum_of([order["amount"] for order in live if "amount" in order])


def _sum_of(amounts: list[Document]) -> Document | None:
    currencies = {amount["currency"] for amount in amounts}
    if len(currencies) != 1:
        return None
    return {"amount": total(a.get("amount", 0) for a in amounts), "currency": currencies.pop()}


def basis(instructed: Document) -> str | None:
    """The measure in which an order or a placement was instructed: quantity first, then amount (SDK 2.3)."""
    measures = (("quantity", "Quantity"), ("amount", "Amount"))
    return next((name for member, name in measures if member in instructed), None)
