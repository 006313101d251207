"""Proofs: for each operation, the entities in LUSID that tell whether a request was applied.

Declarations only; reading and judging them is `evidence`'s. Which members LUSID shows, and how, is inferred
from the SDK's models where the documents are silent (docs/lusid.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pipelines.operations.evidence import Among, Evidence, IfShown, Instant, Quantities, quantity
from schemas.dialects import Dialect

Proof = Callable[[Mapping[str, Any], Dialect], list[Evidence]]
"""The entities to read for a request, in a dialect."""


def orders_of_block(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The orders of a BlockAndOrdersRequest, with what each takes over from its block."""
    del dialect
    inherited = {name: IfShown(request[name]) for name in _INHERITED if name in request}
    return [
        Evidence(_path("orders", order["id"]), {**inherited, **_as_shown(order)}, _with_properties(order))
        for order in request["orders"]
    ]


def own_entity(collection: str) -> Proof:
    """The placement or execution that a request makes or changes, by its own id."""

    def proof(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        return [Evidence(_path(collection, request["id"]), _as_shown(request), _with_properties(request))]

    return proof


_INHERITED = ("instrumentIdentifiers", "side", "type", "timeInForce", "limitPrice", "stopPrice")
"""What LUSID shows of a block in each of its orders (docs/lusid.md)."""


def _with_properties(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """The query that makes LUSID show properties: it shows those it is asked for."""
    keys = list(request.get("properties") or ())
    return {"propertyKeys": keys} if keys else {}


def _as_shown(request: Mapping[str, Any]) -> dict[str, Any]:
    """All that was sent, as LUSID shows it; but for the state, which goes on."""
    shown: dict[str, Any] = {}
    for name, value in request.items():
        if name == "properties":
            shown[name] = _values(value)
        elif name != "state":
            shown[name] = Instant(value) if name.lower().endswith("date") else value
    return shown


def moved_order(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The block that an order was moved to."""
    del dialect
    held = {"orderIds": Among(request["orderId"])}
    return [Evidence(_path("blocks", request["destinationBlockId"]), held, changed=True)]


def cancelled(collection: str) -> Proof:
    """The order or placement that a request, its id, cancels."""

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        return [Evidence(_path(collection, request), {"state": "Cancelled"}, changed=True)]

    return evidence


def booked_transaction(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The transaction that names the allocation of a request, in the portfolio that the allocation is for."""
    del dialect

    def in_its_portfolio(allocation: Mapping[str, Any]) -> list[Evidence]:
        portfolio = allocation["portfolioId"]
        path = f"{_path('transactionportfolios', portfolio)}/transactions"
        booked = {"values": Among({"allocationId": request})}
        return [Evidence(path, booked, _of("allocationId", request), changed=True)]

    somewhere = {"id": request, "portfolioId": {"scope": str, "code": str}}
    return [Evidence(_path("allocations", request), somewhere, then=in_its_portfolio)]


def allocations_of_placement(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The allocations of a placement: together they hold all that was executed, if that is anything."""
    del dialect
    of_placement = {"placementId": request}

    def all_shared_out(executions: Mapping[str, Any]) -> list[Evidence]:
        executed = quantity(executions["values"], of_placement)
        if not executed:
            return []
        shared = Quantities(executed, {"placementIds": Among(request)})
        return [Evidence("/api/allocations", {"values": shared, "nextPage": None}, _of("placementIds", request))]

    whole = {"values": Among(of_placement), "nextPage": None}
    return [Evidence("/api/executions", whole, _of("placementId", request), then=all_shared_out)]


def _of(member: str, resource: Mapping[str, str]) -> dict[str, str]:
    """The query for entities whose member is a ResourceId; the codes in one hold no quote (schemas.rows.cells.Code)."""
    clauses = (f"{member}.{part} eq '{resource[part]}'" for part in ("scope", "code"))
    return {"filter": " and ".join(clauses), "limit": "5000"}


def _path(collection: str, resource: Mapping[str, str]) -> str:
    return f"/api/{collection}/{quote(resource['scope'], safe='')}/{quote(resource['code'], safe='')}"


def record_by_identifier(collection: str) -> Proof:
    """The record or account of an upsert, read by its first identifier.

    All that was sent is compared, but for the dates that properties hold from: an upsert mostly changes what was there
    yesterday, and yesterday's must not be taken for today's.
    """

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        key, value = next(iter(request["identifiers"].items()))
        members = {m: request[m] for m in ("displayName", "description", "accountType") if m in request}
        members |= {m: _SHOWN[m](request[m]) for m in _SHOWN if request.get(m)}
        found = _entity(collection, key, value, request.get("scope"), dialect)
        return [replace(found, members=members, params={**found.params, **_with_properties(request)})]

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
        _entity("investorrecords", key, value, holder.get("scope"), dialect)
        for holder in request.get("accountHolders", ())
        for key, value in holder["identifiers"].items()
    ]


def named(**collections: str) -> Proof:
    """The entities that members of a request name by their ids; that they exist is enough.

    Args:
        collections: where the entity of each member is read, as in `orderId="orders"`.
    """

    def parents(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        ids = [(place, request[member]) for member, place in collections.items() if member in request]
        several = [(place, found if isinstance(found, list) else [found]) for place, found in ids]
        return [Evidence(_path(place, each), {}) for place, found in several for each in found]

    return parents


def itself(collection: str) -> Proof:
    """The order or placement whose id a request is; that it exists is enough."""

    def parents(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        del dialect
        return [Evidence(_path(collection, request), {})]

    return parents


def executed_placement(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The placement that is to be allocated, and an execution of it: without one there is nothing to share out."""
    some = {"values": Among({"placementId": request})}
    executions = Evidence("/api/executions", some, _of("placementId", request), changed=True)
    return [*itself("placements")(request, dialect), executions]


def _entity(collection: str, key: str, value: Any, entity_scope: str | None, dialect: Dialect) -> Evidence:
    """A record or account by one identifier; how it is addressed changed with dialect 2.3."""
    _, scope, code = key.split("/")
    text = quote(value if isinstance(value, str) else value["value"]["labelValue"], safe="")
    if dialect is Dialect.V2_3:
        params = {"identifierScope": scope, "scope": entity_scope or ""}
        return Evidence(f"/api/{collection}/{code}/{text}", {}, params)
    return Evidence(f"/api/{collection}/{scope}/{code}/{text}", {})
