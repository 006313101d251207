"""Investment accounts, with their holders and portfolios. An account may span rows, one for each holder or portfolio.

POST /api/investmentaccounts/$batchUpsert, UpsertInvestmentAccountRequest.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.dialects import ACCOUNT_TYPES, ONLY_2_3, Dialect
from schemas.requests.investor_records import SCOPE, check_identifier
from schemas.requests.members import Gathered, Member
from schemas.requests.properties import (
    Wire,
    identifier_family,
    identifiers_of,
    plain_identifiers_of,
    properties_member,
    property_families,
)
from schemas.rows.cells import Code, Description, Identifier, Name, NeededWord
from schemas.rows.columns import Columns, Family, Plain, Row, RowShape

HOLDER = Member("holder", ("holder_key", "holder_scope", "holder:"), ("holder_key",))
PORTFOLIO = Member("portfolio", ("portfolio_key", "portfolio_scope", "portfolio_code"), ("portfolio_key",))
PORTFOLIO_CODE = "Portfolio/default/Code"
"""The identifier key that dialect 2.3 uses for a portfolio's code."""


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    yield from check_identifier(row, columns)
    yield from _whole(row, HOLDER, "holder:")
    yield from _whole(row, PORTFOLIO, "portfolio_code")


def _check_one_holder(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    """In dialect 2.3 LUSID knows a holder by a single identifier."""
    if sum(1 for name in columns.values_of("holder") if row[name]) > 1:
        yield "holder:", "takes one identifier in dialect 2.3: fill one of the holder: columns of this row"


def _whole(row: Row, member: Member, value: str) -> Iterable[tuple[str, str]]:
    """A row that gives part of a holder or portfolio must give all of it."""
    part = {c: row[c] for c in member.own(row)}
    if not any(part.values()):
        return
    (key,) = member.key
    if not part.get(key):
        yield key, f"is missing: the {member.name} of this row has no key"
    if not any(v for c, v in part.items() if c.startswith(value)):
        yield value, f"is missing: the {member.name} of this row refers to nothing"
    if member is PORTFOLIO and not part.get("portfolio_scope"):
        yield "portfolio_scope", "is missing: the portfolio of this row has no scope"


INVESTMENT_ACCOUNT = RowShape(
    plain=(
        SCOPE,
        Plain("display_name", Name, "the account's name, 1 to 512 characters", "Does' joint account", needed=True),
        Plain("description", Description, "free text, at most 512 characters", "Opened online"),
        Plain("account_type", NeededWord, "what kind of account", "Personal", needed=True, words=ACCOUNT_TYPES),
        Plain("holder_key", Code, "names the holder inside the account", "AccountHolder1"),
        Plain(
            "holder_scope",
            Code,
            "the scope of the holder's record; default: the account's",
            "MyScope",
            dialects=ONLY_2_3,
            ignored_elsewhere=True,
            beside=("holder_key", "holder:"),
        ),
        Plain("portfolio_key", Code, "names the portfolio inside the account", "Portfolio1"),
        Plain("portfolio_scope", Code, "the portfolio's scope", "Funds", beside=("portfolio_key", "portfolio_code")),
        Plain("portfolio_code", Code, "the portfolio's code", "GROWTH-01"),
    ),
    families=(
        identifier_family("InvestmentAccount", "identifier:InvestmentAccount/ExternalIdentifier/ExternalIAId"),
        Family(
            "holder",
            ("InvestorRecord",),
            Identifier,
            "the investor record that holds the account, by one of its identifiers",
            "holder:InvestorRecord/ExternalIdentifier/ExternalIRId",
        ),
        *property_families("InvestmentAccount", dated=True),
    ),
    check=_check,
    check_in={Dialect.V2_3: _check_one_holder},
    together=(("holder_key", "holder:"), PORTFOLIO.columns),
    side_by_side=(HOLDER.columns, PORTFOLIO.columns),
)


def investment_account_request(columns: Columns, dialect: Dialect) -> Gathered:
    """Returns what builds an UpsertInvestmentAccountRequest from the validated rows of one account."""
    scoped = dialect is Dialect.V2_3
    identifiers = identifiers_of(columns, "identifier")
    properties = properties_member(columns)
    has_holders = columns.has_any("holder_key", "holder:")
    has_portfolios = columns.has_any("portfolio_key", "portfolio_scope", "portfolio_code")

    def whole(row: Row, lists: Mapping[Member, Any]) -> Wire:
        body: Wire = {"scope": row["scope"]} if scoped else {}
        body["identifiers"] = identifiers(row)
        body.update(properties(row))
        body["displayName"] = row["display_name"]
        if row.get("description"):
            body["description"] = row["description"]
        body["accountType"] = row["account_type"]
        if has_holders:
            body["accountHolders"] = lists[HOLDER]
        if has_portfolios:
            body["investmentPortfolios"] = lists[PORTFOLIO]
        return body

    portfolio = _portfolio_2_3 if scoped else _portfolio_2_1
    return Gathered(whole, {HOLDER: _holder(columns, scoped=scoped), PORTFOLIO: portfolio})


def _holder(columns: Columns, *, scoped: bool) -> Callable[[Row], Wire]:
    identifiers = (plain_identifiers_of if scoped else identifiers_of)(columns, "holder")

    def build(row: Row) -> Wire:
        body: Wire = {"key": row["holder_key"]}
        if scoped:
            body["scope"] = row.get("holder_scope") or row["scope"]
        body["identifiers"] = identifiers(row)
        return body

    return build


def _portfolio_2_1(row: Row) -> Wire:
    return {
        "key": row["portfolio_key"],
        "portfolioScope": row["portfolio_scope"],
        "portfolioCode": row["portfolio_code"],
    }


def _portfolio_2_3(row: Row) -> Wire:
    return {
        "key": row["portfolio_key"],
        "scope": row["portfolio_scope"],
        "identifiers": {PORTFOLIO_CODE: row["portfolio_code"]},
    }
