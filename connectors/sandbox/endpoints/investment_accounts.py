"""Investment accounts: `$batchUpsert` and the calls that read them, in both dialects.

Rules: the how-to page "create an investment account" of each dialect, as far as the API reference's own examples keep
them (docs/sandbox.md). Holders must be existing investor records; portfolios are assumed to exist, or
must, as `--known` says.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.sandbox.domain.entities import EntityType, current, resolve, routes, save, shown
from connectors.sandbox.domain.reference.portfolios import check_portfolio
from connectors.sandbox.domain.shapes import (
    code,
    description,
    display_name,
    identifiers,
    labels_of,
    plain_identifiers,
    properties,
)
from connectors.sandbox.endpoints import investor_records
from connectors.sandbox.protocol.calls import ApiCall, numbered_luid, unique_id
from connectors.sandbox.protocol.exact_json import Document, loads_own
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, checked, listed, members, text, unique_by
from connectors.sandbox.store import Transaction

ACCOUNT = EntityType("investmentaccounts", "InvestmentAccount", removable_before=False)


@dataclass(frozen=True)
class HolderRule:
    """Who may hold an account of one type.

    Attributes:
        investors: the investor types that its holders may have.
        single: whether it has at most one holder.
        alike: whether all its holders must be of one investor type.
    """

    investors: tuple[str, ...]
    single: bool = False
    alike: bool = False


_PERSON, _ENTITY = ("Person",), ("LegalEntity",)
_BOTH = ("Person", "LegalEntity")
HOLDER_RULES = {
    "2.1": {
        "Personal": HolderRule(_PERSON, single=True),
        "Corporate": HolderRule(_ENTITY, single=True),
        "JointPersonal": HolderRule(_PERSON),
        "JointCorporate": HolderRule(_ENTITY),
        "JointMixed": HolderRule(_BOTH),
    },
    "2.3": {
        "Individual": HolderRule(_PERSON, single=True),
        "Corporate": HolderRule(_ENTITY, single=True),
        "Joint": HolderRule(_BOTH, alike=True),
        "Nominee": HolderRule((*_BOTH, "Nominee"), single=True),
    },
}
"""The rule for each account type of each dialect; there are no other account types."""


def _keyed(required: dict[str, Reader]) -> Reader:
    return checked(
        listed(members({"key": code, **required})), unique_by("key", str, "the key is used by an earlier item")
    )


_COMMON: dict[str, Reader] = {
    "identifiers": identifiers("InvestmentAccount"),
    "displayName": display_name,
    "accountType": text(),
}
_OPTIONAL: dict[str, Reader] = {"properties": properties("InvestmentAccount"), "description": description}
_REQUEST: dict[str, Reader] = {
    "2.1": members(
        _COMMON,
        {
            **_OPTIONAL,
            "accountHolders": _keyed({"identifiers": identifiers("InvestorRecord")}),
            "investmentPortfolios": _keyed({"portfolioScope": code, "portfolioCode": code}),
        },
    ),
    "2.3": members(
        {**_COMMON, "scope": code},
        {
            **_OPTIONAL,
            "accountHolders": _keyed({"scope": code, "identifiers": plain_identifiers("InvestorRecord")}),
            "investmentPortfolios": _keyed({"scope": code, "identifiers": plain_identifiers("Portfolio")}),
        },
    ),
}


def _upsert_one(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    rule = HOLDER_RULES[call.shapes].get(request["accountType"])
    if rule is None:
        raise ItemError(
            "InvalidAccountTypeFailure",
            f"{request['accountType']!r} is not an account type: {', '.join(HOLDER_RULES[call.shapes])}",
            "accountType",
        )
    known = current(transaction, call, ACCOUNT, request)
    holders = request.get("accountHolders", [])
    held_by = [_resolve(transaction, holder, n) for n, holder in enumerate(holders)]
    merged = request if "accountHolders" in request else known[1]
    _check_holders(request["accountType"], rule, _investors(transaction, merged, held_by))
    for holder, sequence in zip(holders, held_by, strict=True):
        holder["entityUniqueId"] = unique_id(investor_records.RECORD.name, numbered_luid(sequence))
        holder["_record"] = sequence
    for portfolio in request.get("investmentPortfolios", []):
        _complete(portfolio)
        check_portfolio(transaction, call, portfolio["scope"], _code_of(portfolio))
    return show(transaction, call, save(transaction, call, ACCOUNT, request, known))


def _resolve(transaction: Transaction, holder: Document, position: int) -> int:
    labels = labels_of(holder["identifiers"])
    found, unknown = resolve(transaction, investor_records.RECORD, holder.get("scope", ""), labels)
    path = f"accountHolders[{position}]"
    if unknown:
        raise ItemError(
            "InvestorRecordNotFoundFailure",
            f"holder {holder['key']}: no investor record has this value of {', '.join(unknown)}",
            path,
        )
    if len(found) > 1:
        raise ItemError(
            "InvestorRecordIdentifiersNotValidFailure",
            f"holder {holder['key']}: its identifiers belong to {len(found)} investor records",
            path,
        )
    return found.pop()


def _investors(transaction: Transaction, account: Document, resolved: list[int]) -> list[str | None]:
    """The investor type of each holder; None for a record that names no investor."""
    sequences = resolved or [holder["_record"] for holder in account.get("accountHolders", [])]
    documents = (loads_own(transaction.get(sequence).document) for sequence in sequences)
    return [document.get("investor", {}).get("investorType") for document in documents]


def _check_holders(account_type: str, rule: HolderRule, investors: list[str | None]) -> None:
    known = {investor for investor in investors if investor is not None}
    for position, investor in enumerate(investors):
        if investor is not None and investor not in rule.investors:
            raise _not_valid(f"a {investor} cannot hold an account of type {account_type}", position)
    if rule.single and len(investors) > 1:
        raise _not_valid(f"an account of type {account_type} has one holder", 1)
    if rule.alike and len(known) > 1:
        odd = next(n for n, each in enumerate(investors) if each not in (None, investors[0]))
        raise _not_valid(f"holders of type {' and '.join(sorted(known))} cannot share it", odd)


def _not_valid(detail: str, position: int) -> ItemError:
    return ItemError("AccountHolderNotValidFailure", detail, f"accountHolders[{position}]")


def _complete(portfolio: Document) -> None:
    if "portfolioScope" in portfolio:
        portfolio["scope"] = portfolio.pop("portfolioScope")
        portfolio["code"] = portfolio.pop("portfolioCode")
        portfolio["entityUniqueId"] = unique_id("portfolio", portfolio["scope"], portfolio["code"])
        return
    parts: Iterable[str] = (part for pair in portfolio["identifiers"].items() for part in pair)
    portfolio["entityUniqueId"] = unique_id("portfolio", portfolio["scope"], *parts)


def _code_of(portfolio: Document) -> str:
    """The code of a portfolio, which dialect 2.3 has as its single identifier."""
    return str(portfolio.get("code") or next(iter(portfolio["identifiers"].values())))


def show(transaction: Transaction, call: ApiCall, document: Document) -> Document:
    """A stored account as LUSID returns it: each holder embeds its investor record as it is now."""
    out = shown(call, ACCOUNT, document)
    if "accountHolders" in out:
        out["accountHolders"] = [_with_record(transaction, call, holder) for holder in out["accountHolders"]]
    return out


def _with_record(transaction: Transaction, call: ApiCall, holder: Document) -> Document:
    record = loads_own(transaction.get(holder["_record"]).document)
    shown_holder = {name: value for name, value in holder.items() if name != "_record"}
    return {**shown_holder, "investorRecord": investor_records.show(transaction, call, record)}


ROUTES = routes(ACCOUNT, _REQUEST, _upsert_one, show)
