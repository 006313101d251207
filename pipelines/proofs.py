"""Proofs: for each operation, the entities in LUSID that tell whether a request was applied.

Declarations only; reading and judging them is `pipelines.evidence`'s. Which members LUSID shows, and how, is inferred
from the SDK's models where the documents are silent (docs/lusid.md).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pipelines.evidence import Among, Evidence, Quantities, quantity
from schemas.dialects import Dialect

Examined = Callable[[Mapping[str, Any], Dialect], list[Evidence]]
"""The entities to read for a request."""


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
    """The query for entities whose member is a ResourceId; the codes in one hold no quote (schemas.values.Code)."""
    clauses = (f"{member}.{part} eq '{resource[part]}'" for part in ("scope", "code"))
    return {"filter": " and ".join(clauses), "limit": "5000"}


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
