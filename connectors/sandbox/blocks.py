"""Blocks and the orders in them: what every call of order management agrees on, and reading both back.

A block's orders share its blocking fields: instrument, side, type, time in force, limit and stop
price (support page KA-02110); its quantity is the sum of its orders'. Knows no single call.
"""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any

from connectors.sandbox.calls import Call, Route, luid
from connectors.sandbox.exact_json import Document, dumps, loads
from connectors.sandbox.listing import list_all
from connectors.sandbox.problems import not_found, validation_problem
from connectors.sandbox.readers import Errors
from connectors.sandbox.shapes import code
from connectors.sandbox.store import Entity, Transaction

BLOCK = "blocks"
ORDER = "orders"

BLOCKING_FIELDS = ("lusidInstrumentId", "side", "type", "timeInForce", "limitPrice", "stopPrice")

_DIRECTIONS = {"buy": 1, "sell": -1, "short": -1, "sellshort": -1}
_EXACT_DIGITS = 400


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


def name_of(resource_id: Document) -> str:
    """`scope/code`, as parents are written in the store."""
    return f"{resource_id['scope']}/{resource_id['code']}"


def find(transaction: Transaction, kind: str, resource_id: Document) -> Entity | None:
    """The block, order, ... of that id."""
    return transaction.find(kind, resource_id["scope"], resource_id["code"])


def differing(block: Document, wanted: Document) -> list[str]:
    """The blocking fields in which a block and what is wanted of it differ."""
    return [name for name in BLOCKING_FIELDS if block.get(name) != wanted.get(name)]


def total(values: Iterable[int | Decimal]) -> int | Decimal:
    """The exact sum, however many digits."""
    with localcontext() as context:
        context.prec = _EXACT_DIGITS
        return sum(values, start=0)


def direction(side: str) -> int | None:
    """1 for a side that adds to the position, -1 for one that takes from it, None when the name does not say."""
    return _DIRECTIONS.get(side.replace("-", "").replace(" ", "").lower())


def recount(call: Call, block: Document, orders: list[Document]) -> None:
    """Makes the block's order ids, quantity and (2.3) amount and basis follow from its orders."""
    block["orderIds"] = [order["id"] for order in orders]
    block["quantity"] = total(order["quantity"] for order in orders if "quantity" in order)
    if call.dialect == "2.1":
        return
    amounts = [order["amount"] for order in orders if "amount" in order]
    bases = {order["basis"] for order in orders}
    block["basis"] = bases.pop() if len(bases) == 1 else None
    block["amount"] = _sum_of(amounts)


def _sum_of(amounts: list[Document]) -> Document | None:
    currencies = {amount["currency"] for amount in amounts}
    if len(currencies) != 1:
        return None
    return {"amount": total(a.get("amount", 0) for a in amounts), "currency": currencies.pop()}


def store(transaction: Transaction, kind: str, document: Document, more: dict[str, Any] | None = None) -> None:
    """Stores a document under its id, new or over the one there is.

    Args:
        more: `parent` and `requested` of a new entity.
    """
    there = find(transaction, kind, document["id"])
    if there is not None:
        transaction.replace(there.sequence, dumps(document))
        return
    entity_id = document["id"]
    entity = Entity(
        transaction.next_sequence(),
        entity_id["scope"],
        entity_id["code"],
        (more or {}).get("parent"),
        dumps(document),
        (more or {}).get("requested"),
    )
    transaction.add(kind, entity)


def _show(_transaction: Transaction, _call: Call, document: Document) -> Document:
    return document


def _get(call: Call, kind: str) -> Document:
    errors = Errors()
    for name, value in call.path.items():
        code(value, name, errors)
    if errors:
        raise validation_problem(errors)
    with call.store.read() as transaction:
        entity = find(transaction, kind, dict(call.path))
    if entity is None:
        raise not_found(f"no {kind.removesuffix('s')} has the id {name_of(dict(call.path))}")
    document: Document = loads(entity.document)
    return document


def _list_blocks(call: Call) -> Document:
    return list_all(call, BLOCK, _show)


def _list_orders(call: Call) -> Document:
    return list_all(call, ORDER, _show)


def _get_block(call: Call) -> Document:
    return _get(call, BLOCK)


def _get_order(call: Call) -> Document:
    return _get(call, ORDER)


ROUTES = (
    Route("GET", "/api/blocks", _list_blocks, 200),
    Route("GET", "/api/blocks/{scope}/{code}", _get_block, 200),
    Route("GET", "/api/orders", _list_orders, 200),
    Route("GET", "/api/orders/{scope}/{code}", _get_order, 200),
)
