"""Evidence rules: for each operation, the entities in LUSID that show whether a request was applied.

Declarations only; `evidence` reads and compares them. Where LUSID's documents do not say which members it shows, and
how, that is inferred from the SDK's models (docs/lusid.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pipelines.operations.evidence import (
    Contains,
    Evidence,
    IfPresent,
    QuantitiesAddUpTo,
    SameInstant,
    quantity,
)
from pipelines.operations.places import Place
from schemas.dialects import Dialect

EvidenceRule = Callable[[Mapping[str, Any], Dialect], list[Evidence]]
"""Gives the entities to read for a request, in a dialect."""


def orders_of_block(request: Mapping[str, Any], _dialect: Dialect) -> list[Evidence]:
    """The orders of a BlockAndOrdersRequest, with what each inherits from its block."""
    inherited = {name: IfPresent(request[name]) for name in _INHERITED if name in request}
    return [
        _resource("orders", order["id"], {**inherited, **_as_shown(order)}, params=_with_properties(order))
        for order in request["orders"]
    ]


def own_entity(collection: str) -> EvidenceRule:
    """The placement or execution that a request creates or changes, by its own id."""
    return lambda request, _dialect: [
        _resource(collection, request["id"], _as_shown(request), params=_with_properties(request))
    ]


_INHERITED = ("instrumentIdentifiers", "side", "type", "timeInForce", "limitPrice", "stopPrice")
"""The members of a block that LUSID shows in each of its orders (docs/lusid.md)."""


def _with_properties(request: Mapping[str, Any]) -> dict[str, list[str]]:
    """The query for the request's properties, since LUSID shows only those it is asked for."""
    keys = list(request.get("properties") or ())
    return {"propertyKeys": keys} if keys else {}


def _as_shown(request: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was sent, as LUSID shows it, except the state, which moves on."""
    shown: dict[str, Any] = {}
    for name, value in request.items():
        if name == "properties":
            shown[name] = _values(value)
        elif name != "state":
            shown[name] = SameInstant(value) if name.lower().endswith("date") else value
    return shown


def moved_order(request: Mapping[str, Any], _dialect: Dialect) -> list[Evidence]:
    """The block that an order was moved to."""
    held = {"orderIds": Contains(request["orderId"])}
    return [_resource("blocks", request["destinationBlockId"], held, changed=True)]


def cancelled(collection: str) -> EvidenceRule:
    """The order or placement that a request cancels; the request is its id."""
    return lambda request, _dialect: [_resource(collection, request, {"state": "Cancelled"}, changed=True)]


def booked_transaction(request: Mapping[str, Any], _dialect: Dialect) -> list[Evidence]:
    """The transaction of an allocation, in the portfolio that the allocation is for."""

    def in_its_portfolio(allocation: Mapping[str, Any]) -> list[Evidence]:
        portfolio = allocation["portfolioId"]
        path = f"{_path('transactionportfolios', portfolio)}/transactions"
        booked = {"values": Contains({"allocationId": request})}
        return [_belonging(path, "allocationId", request, booked, changed=True)]

    somewhere = {"portfolioId": {"scope": str, "code": str}}
    return [_resource("allocations", request, somewhere, then=in_its_portfolio)]


def allocations_of_placement(request: Mapping[str, Any], _dialect: Dialect) -> list[Evidence]:
    """The allocations of a placement, which together hold everything that was executed, if anything was."""
    of_placement = {"placementId": request}

    def all_shared_out(executions: Mapping[str, Any]) -> list[Evidence]:
        executed = quantity(executions["values"], of_placement)
        if not executed:
            return []
        shared = QuantitiesAddUpTo(executed, {"placementIds": Contains(request)})
        held = {"values": shared, "nextPage": None}
        return [_belonging("/api/allocations", "placementIds", request, held)]

    whole = {"values": Contains(of_placement), "nextPage": None}
    return [_belonging("/api/executions", "placementId", request, whole, then=all_shared_out)]


def _resource(collection: str, resource: Mapping[str, str], members: Mapping[str, Any], **more: Any) -> Evidence:
    """The entity of a ResourceId, which whatever is read must hold."""
    place = Place(f"/api/{collection}", "id", resource["scope"], resource["code"])
    return Evidence(_path(collection, resource), {**members, "id": resource}, place=place, **more)


def _belonging(path: str, member: str, resource: Mapping[str, str], held: Mapping[str, Any], **more: Any) -> Evidence:
    """The entities in a list that hold a ResourceId in a member."""
    place = Place(path, member, resource["scope"], resource["code"])
    return Evidence(path, held, _of(member, resource), place=place, **more)


def _of(member: str, resource: Mapping[str, str]) -> dict[str, str]:
    """The query for entities by a ResourceId member; its codes contain no quote (schemas.rows.cells.Code)."""
    clauses = (f"{member}.{part} eq '{resource[part]}'" for part in ("scope", "code"))
    return {"filter": " and ".join(clauses), "limit": "5000"}


def _path(collection: str, resource: Mapping[str, str]) -> str:
    return f"/api/{collection}/{quote(resource['scope'], safe='')}/{quote(resource['code'], safe='')}"


def record_by_identifier(collection: str) -> EvidenceRule:
    """The record, account, person or legal entity of an upsert, read by its first identifier.

    Everything that was sent is compared, except the effective dates of properties: an upsert mostly changes an entity
    that existed yesterday, and yesterday's state must not be mistaken for today's.
    """

    def evidence(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
        key, value = next(iter(request["identifiers"].items()))
        members = {m: request[m] for m in ("displayName", "description", "accountType") if m in request}
        members |= {m: _SHOWN[m](request[m]) for m in _SHOWN if request.get(m)}
        found = _entity(collection, key, value, request.get("scope"), dialect)
        return [replace(found, members=members, params={**found.params, **_with_properties(request)})]

    return evidence


def _values(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Identifiers or properties as LUSID shows them: by value or, for references in dialect 2.3, as plain text."""
    return {k: _shown_value(e) for k, e in entries.items()}


def _shown_value(entry: Any) -> Any:
    """One of them; of a property that is cleared, nothing."""
    if not isinstance(entry, Mapping):
        return entry
    return None if entry["value"] is None else {"value": entry["value"]}


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
"""For each member that LUSID shows under another name or with more in it than was sent: how it shows it."""


def holders_of_account(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The investor records that an account needs; it is enough that they exist."""
    return [
        _entity("investorrecords", key, value, holder.get("scope"), dialect)
        for holder in request.get("accountHolders", ())
        for key, value in holder["identifiers"].items()
    ]


def investor_of_record(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The person or legal entity that a record is about; it is enough that it exists."""
    investor = request["investor"]
    (found,) = (entries for name, entries in investor.items() if name != "investorType")
    return [_entity(_INVESTORS[key.split("/")[0]], key, value, None, dialect) for key, value in found.items()]


_INVESTORS = {"Person": "persons", "LegalEntity": "legalentities"}
"""The collection of each kind of investor; neither has a scope in any dialect."""


def entities_named(**collections: str) -> EvidenceRule:
    """The entities that members of a request name by their ids; it is enough that they exist.

    Args:
        collections: the collection in which each member's entity is read, as in `orderId="orders"`.
    """

    def parents(request: Mapping[str, Any], _dialect: Dialect) -> list[Evidence]:
        ids = [(place, request[member]) for member, place in collections.items() if member in request]
        several = [(place, found if isinstance(found, list) else [found]) for place, found in ids]
        return [_resource(place, each, {}) for place, found in several for each in found]

    return parents


def entity_itself(collection: str) -> EvidenceRule:
    """The order or placement whose id is the request; it is enough that it exists."""
    return lambda request, _dialect: [_resource(collection, request, {})]


def executed_placement(request: Mapping[str, Any], dialect: Dialect) -> list[Evidence]:
    """The placement to allocate, and an execution of it: without one there is nothing to allocate."""
    some = {"values": Contains({"placementId": request})}
    executions = _belonging("/api/executions", "placementId", request, some, changed=True)
    return [*entity_itself("placements")(request, dialect), executions]


def _entity(collection: str, key: str, value: Any, entity_scope: str | None, dialect: Dialect) -> Evidence:
    """An entity by one identifier, at the path that the dialect has for it."""
    _, scope, code = key.split("/")
    text = quote(value if isinstance(value, str) else value["value"]["labelValue"], safe="")
    if dialect is Dialect.V2_3 and collection not in _INVESTORS.values():
        params = {"identifierScope": scope, "scope": entity_scope or ""}
        return Evidence(f"/api/{collection}/{code}/{text}", {}, params)
    return Evidence(f"/api/{collection}/{scope}/{code}/{text}", {})
