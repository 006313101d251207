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
from schemas.errors import RejectedError, RetryableError

NOT_FOUND = 404

Read = Callable[[str, Mapping[str, str]], Any]
"""GETs a path with parameters; gives the parsed body, raises as `LusidClient.get` does."""


@dataclass(frozen=True)
class Evidence:
    """An entity that a request makes or changes.

    Attributes:
        path: where to read it.
        members: what it must hold, given that the request was applied; texts compare exactly, numbers by value.
    """

    path: str
    members: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)


class Finding(Enum):
    """What reading says of one request."""

    APPLIED = "applied"
    ABSENT = "absent"
    UNCLEAR = "unclear"


def examine(evidence: Iterable[Evidence], read: Read) -> Finding:
    """Reads every entity of a request."""
    found = {_look(entity, read) for entity in evidence}
    return found.pop() if len(found) == 1 else Finding.UNCLEAR


def _look(entity: Evidence, read: Read) -> Finding:
    try:
        body = read(entity.path, entity.params)
    except RejectedError as refused:
        return Finding.ABSENT if refused.status == NOT_FOUND else Finding.UNCLEAR
    except RetryableError:
        return Finding.UNCLEAR
    return Finding.APPLIED if holds(body, entity.members) else Finding.UNCLEAR


def holds(actual: Any, wanted: Any) -> bool:
    """Whether an answer holds at least what was sent: maps by member, lists in order, numbers by value."""
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
    return [
        Evidence(
            f"/api/orders/{quote(order['id']['scope'], safe='')}/{quote(order['id']['code'], safe='')}",
            {member: order[member] for member in compared if member in order},
        )
        for order in request["orders"]
    ]


def record_by_identifier(collection: str) -> Callable[[Mapping[str, Any], Dialect], list[Evidence]]:
    """The record or account of an upsert, read by its first identifier."""

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        key, value = next(iter(request["identifiers"].items()))
        members = {m: request[m] for m in ("displayName", "description", "accountType") if m in request}
        members["identifiers"] = {k: {"value": v["value"]} for k, v in request["identifiers"].items()}
        return [_entity(collection, key, value, request.get("scope"), dialect, members)]

    return evidence


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
