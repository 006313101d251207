"""What LUSID should hold of a request once it is in: the entities, where each is read, and the members that were sent.

Where to read is what the operation declares as its evidence; the members are named here anew, so that a mistake there
does not hide itself. What moves on by itself (states, dates that LUSID gives) is not expected.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.operations.evidence import Evidence
from pipelines.operations.operation import Operation
from pipelines.operations.places import IdentifierPlace
from pipelines.planning.differences import KNOWN_INSTRUMENT, Among, IfShown
from schemas.dialects import Dialect

Members = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """An entity, or a list of which some item must belong to it.

    Attributes:
        name: what it is called where it is one of several of a key; empty where it is the only one.
        where: how it is read.
        members: what it should hold; empty where it is enough that it exists.
    """

    name: str
    where: Evidence
    members: Members = field(default_factory=dict)


def expected_of(operation: Operation, request: Any, dialect: Dialect) -> list[Expected]:
    """The entities that a request leaves once it is accepted.

    Args:
        operation: whose request it is.
        request: as it went on the wire.
        dialect: of the server.
    """
    where = list(operation.evidence(request, dialect))
    if operation.name == "orders":
        return _orders(request, where)
    members = members_of(operation, request)
    return [Expected("", _listed(each, request, dialect), members) for each in where]


def members_of(operation: Operation, request: Any) -> Members:
    """What the one entity of a request should hold; empty where it is enough that it exists."""
    return _MEMBERS.get(operation.name, _identified)(request)


def addresses_of(operation: Operation, request: Any, dialect: Dialect) -> list[Evidence]:
    """Where to look for what a request would create or change: LUSID finds an entity by any of its identifiers.

    Args:
        operation: whose request it is.
        request: as it goes on the wire.
        dialect: of the server.
    """
    identifiers = request.get("identifiers") if isinstance(request, Mapping) else None
    if not identifiers:
        return [each.where for each in expected_of(operation, request, dialect)]
    rest = {name: request[name] for name in ("scope", "properties") if name in request}
    ones = [{**rest, "identifiers": {key: value}} for key, value in identifiers.items()]
    return [_listed(where, one, dialect) for one in ones for where in operation.evidence(one, dialect)]


def _orders(request: Members, where: list[Evidence]) -> list[Expected]:
    """The orders of a block, each with what it has of its block."""
    shared = {**{name: IfShown(request[name]) for name in _SHARED if name in request}, **_instrument(request)}
    return [
        Expected(f"orders[{order['id']['scope']}/{order['id']['code']}]", each, {**shared, **_order(order)})
        for order, each in zip(request["orders"], where, strict=True)
    ]


_SHARED = ("side", "type", "timeInForce", "limitPrice", "stopPrice")
_RENAMED = {"orderInstruction": "orderInstructionId", "package": "packageId"}


def _order(order: Members) -> Members:
    return {_RENAMED.get(name, name): value for name, value in order.items() if name not in ("id", "state")}


def _instrument(request: Members) -> Members:
    """The instrument as it was named, and LUSID's own id of it as far as that is known."""
    named = request["instrumentIdentifiers"]
    own = (value for key, value in named.items() if key.endswith("/LusidInstrumentId"))
    return {"instrumentIdentifiers": named, "lusidInstrumentId": IfShown(next(own, KNOWN_INSTRUMENT))}


def _own(request: Members) -> Members:
    """All of a placement or an execution but its id and its state."""
    return {**{name: value for name, value in request.items() if name not in ("id", "state")}, **_instrument(request)}


def _updated(request: Members) -> Members:
    """What an update changes of a placement; LUSID shows a price once it has a currency."""
    changed = {name: value for name, value in request.items() if name not in ("id", "currency", *_PRICES)}
    currency = {"currency": request["currency"]} if "currency" in request else {}
    prices = {name: IfShown({"amount": request[name], **currency}) for name in _PRICES if name in request}
    return {**changed, **prices}


_PRICES = ("limitPrice", "stopPrice")


def _identified(request: Any) -> Members:
    """All of what has identifiers of its own, such as a record, its scope and portfolios as LUSID shows them."""
    if not isinstance(request, Mapping) or "identifiers" not in request:
        return {}
    shown = {**request, **({"scope": IfShown(request["scope"])} if "scope" in request else {})}
    if "investmentPortfolios" in request:
        shown["investmentPortfolios"] = [_portfolio(each) for each in request["investmentPortfolios"]]
    return shown


def _portfolio(portfolio: Members) -> Members:
    renamed = {"portfolioScope": "scope", "portfolioCode": "code"}
    return {renamed.get(name, name): value for name, value in portfolio.items()}


_MEMBERS: Mapping[str, Callable[[Any], Members]] = {
    "move-orders": lambda request: {"orderIds": Among([request["orderId"]])},
    "update-orders": lambda request: {name: value for name, value in request.items() if name != "id"},
    "place-blocks": _own,
    "update-placements": _updated,
    "cancel-orders": lambda _: {"state": "Cancelled"},
    "cancel-placements": lambda _: {"state": "Cancelled"},
    "executions": _own,
}
"""The members of the one entity of a request, where it has no identifiers of its own; of allocations and bookings it is
enough that they are there."""


def _listed(where: Evidence, request: Any, dialect: Dialect) -> Evidence:
    """The same, to be read in a list where LUSID has one."""
    _, _, collection, *_ = where.path.split("/")
    if where.place is not None or not has_list(collection, dialect):
        return where
    key, value = next(iter(request["identifiers"].items()))
    label = value if isinstance(value, str) else value["value"]["labelValue"]
    place = IdentifierPlace(f"/api/{collection}", key, request.get("scope", ""), label)
    return replace(where, place=place)


def has_list(collection: str, dialect: Dialect) -> bool:
    """Whether LUSID has a list; of accounts it has one in dialect 2.3 alone (docs/lusid.md)."""
    return collection != "investmentaccounts" or dialect is Dialect.V2_3
