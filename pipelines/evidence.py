"""Evidence: what to read in LUSID when an answer is lost, to tell whether the request was applied.

An operation lists, for one request, the entities that exist if and only if it was applied, and the members they
must then have. All there and alike: applied. None there: not applied. Anything else: nobody can say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote

from schemas.dialects import Dialect
from schemas.errors import RejectedError

NOT_FOUND = 404

Read = Callable[[str, Mapping[str, str]], Any]
"""GETs a path with parameters; gives the parsed body, raises as `LusidClient.get` does."""


@dataclass(frozen=True)
class Evidence:
    """An entity that a request makes or changes.

    Attributes:
        path: where to read it.
        members: what it must hold, given that the request was applied; texts compare exactly, numbers by value.
        changed: the request changes an entity that was there before, so one that differs was not changed.
    """

    path: str
    members: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


@dataclass(frozen=True)
class Among:
    """A list must hold this, wherever in it."""

    item: Any


Examined = Callable[[Mapping[str, Any], Dialect], list[Evidence]]
"""The entities to read for a request."""


class Finding(Enum):
    """What reading says of one request."""

    APPLIED = "applied"
    ABSENT = "absent"
    UNCLEAR = "unclear"


def examine(evidence: Iterable[Evidence], read: Read) -> Finding:
    """Reads every entity of a request.

    Raises:
        RetryableError: nobody answers; other errors as `read` does.
    """
    found = {_look(entity, read) for entity in evidence}
    return found.pop() if len(found) == 1 else Finding.UNCLEAR


def _look(entity: Evidence, read: Read) -> Finding:
    try:
        body = read(entity.path, entity.params)
    except RejectedError as refused:
        return Finding.ABSENT if refused.status == NOT_FOUND else Finding.UNCLEAR
    if holds(body, entity.members):
        return Finding.APPLIED
    return Finding.ABSENT if entity.changed else Finding.UNCLEAR


def holds(actual: Any, wanted: Any) -> bool:
    """Whether an answer holds at least what was sent: maps by member, lists in order, numbers by value."""
    if isinstance(wanted, Among):
        return isinstance(actual, list) and any(holds(item, wanted.item) for item in actual)
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(holds(actual.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(actual, list) and len(actual) == len(wanted) and all(map(holds, actual, wanted))
    if isinstance(wanted, int | float) and isinstance(actual, int | float):
        return Decimal(str(actual)) == Decimal(str(wanted))
    return bool(actual == wanted)


def orders_of_block(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The orders of a BlockAndOrdersRequest."""
    del dialect
    compared = ("quantity", "amount", "portfolioId")
    return [Evidence(_path("orders", order["id"]), _members(order, compared)) for order in request["orders"]]


def own_entity(collection: str, *members: str) -> Examined:
    """The placement or execution that a request makes, by its own id."""

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        return [Evidence(_path(collection, request["id"]), _members(request, members))]

    return evidence


def moved_order(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The block that an order was moved to."""
    del dialect
    held = {"orderIds": Among(request["orderId"])}
    return [Evidence(_path("blocks", request["destinationBlockId"]), held, changed=True)]


def cancelled(collection: str) -> Examined:
    """The order or placement that a request, its id, cancels."""

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        return [Evidence(_path(collection, request), {"state": "Cancelled"}, changed=True)]

    return evidence


def nothing_to_read(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """No entity tells whether the request was applied: a lost answer stays unknown."""
    del request, dialect
    return []


def _path(collection: str, resource: Mapping[str, str]) -> str:
    return f"/api/{collection}/{quote(resource['scope'], safe='')}/{quote(resource['code'], safe='')}"


def _members(request: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: request[name] for name in names if name in request}


def record_by_identifier(collection: str) -> Examined:
    """The record or account of an upsert, read by its first identifier.

    All that was sent is compared, but for the dates that properties hold from: an upsert mostly changes what was there
    yesterday, and yesterday's must not be taken for today's.
    """

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        key, value = next(iter(request["identifiers"].items()))
        members = {m: request[m] for m in ("displayName", "description", "accountType") if m in request}
        members |= {m: _SHOWN[m](request[m]) for m in _SHOWN if request.get(m)}
        return [_entity(collection, key, value, request.get("scope"), dialect, members)]

    return evidence


def _values(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Identifiers or properties as they are shown: by value, or, as dialect 2.3 has references, as plain text."""
    return {k: {"value": e["value"]} if isinstance(e, Mapping) else e for k, e in entries.items()}


def _portfolio(portfolio: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"portfolioScope": "scope", "portfolioCode": "code"}
    return {renamed.get(name, name): value for name, value in portfolio.items()}


def _holder(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {**holder, "identifiers": _values(holder["identifiers"])}


_SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "identifiers": _values,
    "properties": _values,
    "investor": lambda investor: {m: v if isinstance(v, str) else _values(v) for m, v in investor.items()},
    "accountHolders": lambda holders: [_holder(each) for each in holders],
    "investmentPortfolios": lambda portfolios: [_portfolio(each) for each in portfolios],
}
"""How LUSID shows what was sent under another name or with more to it."""


def holders_of_account(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The investor records that an account needs; that they exist is enough."""
    return [
        _entity("investorrecords", key, value, holder.get("scope"), dialect, {})
        for holder in request.get("accountHolders", ())
        for key, value in holder["identifiers"].items()
    ]


def _entity(
    collection: str, key: str, value: Any, entity_scope: str | None, dialect: Dialect, members: Mapping[str, Any]
) -> Evidence:
    """A record or account by one identifier; how it is addressed changed with dialect 2.3."""
    _, scope, code = key.split("/")
    text = quote(value if isinstance(value, str) else value["value"]["labelValue"], safe="")
    if dialect is Dialect.V2_3:
        params = {"identifierScope": scope, "scope": entity_scope or ""}
        return Evidence(f"/api/{collection}/{code}/{text}", members, params)
    return Evidence(f"/api/{collection}/{scope}/{code}/{text}", members)
