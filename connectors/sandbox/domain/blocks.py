"""Blocks and the orders in them: what every call of order management agrees on, and reading both back.

A block's orders share its blocking fields: instrument, side, type, time in force, limit and stop
price (support page KA-02110); its quantity is the sum of those that are not cancelled. Knows no
single call.
"""

from connectors.sandbox.domain.arithmetic import total
from connectors.sandbox.domain.resources import add, change, document_of, find, reading, versioned
from connectors.sandbox.domain.shapes import name_of, with_values
from connectors.sandbox.protocol.calls import Call, luid
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.store import Transaction

BLOCK = "blocks"
ORDER = "orders"
CANCELLED = "Cancelled"

BLOCKING_FIELDS = ("lusidInstrumentId", "side", "type", "timeInForce", "limitPrice", "stopPrice")

_CANCELLED_STATES = (CANCELLED.lower(), "canceled")
_DIRECTIONS = {"buy": 1, "sell": -1, "short": -1, "sellshort": -1}


def instrument_luid(identifiers: dict[str, str]) -> str:
    """The LUSID instrument id that instrument identifiers lead to.

    There is no instrument master: a LusidInstrumentId is taken as it is, a currency is `CCY_GBP`,
    anything else gets an id made from the identifiers, the same each time.
    """
    by_code = {key.rsplit("/", 1)[1]: value for key, value in identifiers.items()}
    if "LusidInstrumentId" in by_code:
        return by_code["LusidInstrumentId"]
    if "Currency" in by_code:
        return f"CCY_{by_code['Currency']}"
    return luid(*(part for pair in sorted(identifiers.items()) for part in pair))


def completed(request: Document) -> Document:
    """What is asked for of a placement, execution or allocation, with what follows from it."""
    return {
        **request,
        "properties": with_values(request.get("properties", {})),
        "lusidInstrumentId": instrument_luid(request["instrumentIdentifiers"]),
        "links": [],
    }


def in_common(document: Document) -> Document:
    """What a block and each of its orders have alike, of either."""
    return {name: document[name] for name in ("instrumentIdentifiers", *BLOCKING_FIELDS) if name in document}


def differing(block: Document, wanted: Document) -> list[str]:
    """The blocking fields in which a block and what is wanted of it differ."""
    return [name for name in BLOCKING_FIELDS if block.get(name) != wanted.get(name)]


def direction(side: str) -> int | None:
    """1 for a side that adds to the position, -1 for one that takes from it, None when the name does not say."""
    return _DIRECTIONS.get(side.replace("-", "").replace(" ", "").lower())


def is_cancelled(document: Document) -> bool:
    """Whether an order or placement is cancelled: free text, in either spelling."""
    return document["state"].lower() in _CANCELLED_STATES


def outlined(call: Call, old: Document, wanted: Document) -> Document:
    """The block `old` (empty: a new one) as `wanted`, but for what follows from its orders.

    Args:
        wanted: id, instrument identifiers, blocking fields, and whatever else is to be set.
    """
    kept = {name: value for name, value in old.items() if name not in BLOCKING_FIELDS}
    swept = {} if call.dialect == "legacy" else {"isSwept": False}
    return versioned(call, BLOCK, {"createdDate": call.as_at, "links": [], "properties": {}, **swept, **kept, **wanted})


def settle(transaction: Transaction, call: Call, block: Document) -> list[Document]:
    """Makes the block follow from its orders, stores it, and returns the orders, oldest first."""
    parent = name_of(block["id"])
    orders = [document_of(each) for each in transaction.children(ORDER, parent)]
    _recount(call, block, orders)
    there = find(transaction, BLOCK, block["id"])
    if there is None:
        add(transaction, BLOCK, block)
    else:
        change(transaction, there, block)
    return orders


def _recount(call: Call, block: Document, orders: list[Document]) -> None:
    """Makes order ids, quantity and (2.3) amount and basis follow from the orders; cancelled ones count for nothing."""
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


ROUTES = (*reading(BLOCK), *reading(ORDER))
