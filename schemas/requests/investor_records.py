"""Investor records. One row is one record.

POST /api/investorrecords/$batchUpsert, UpsertInvestorRecordRequest.
"""

from collections.abc import Callable, Iterable

from schemas.dialects import INVESTOR_TYPES, ONLY_2_3, Dialect
from schemas.requests.properties import (
    Wire,
    identifier_family,
    identifiers_of,
    plain_identifiers_of,
    properties_member,
    property_families,
)
from schemas.rows.cells import Description, Identifier, Name, NeededCode, NeededWord
from schemas.rows.columns import Columns, Family, Plain, Row, RowShape

SCOPE = Plain(
    "scope",
    NeededCode,
    "the scope the entity lives in",
    "MyScope",
    needed=True,
    dialects=ONLY_2_3,
    ignored_elsewhere=True,
)
"""Servers before 2.3 have no scope on records and accounts: for them the column is read and not sent."""


INVESTOR_DOMAINS = ("Person", "LegalEntity")
"""The domains of an investor's identifiers, which are also its types; a Nominee is identified by either."""


def check_investor(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    """A record is about exactly one investor, whose identifier must fit its investor type."""
    filled = [name for name in columns.values_of("investor") if row[name]]
    kind = row.get("investor_type")
    if len(filled) != 1:
        found = "none is" if not filled else f"{len(filled)} are"
        yield "investor:", f"exactly one of the investor: columns must be filled; {found}"
    elif kind in INVESTOR_DOMAINS and not filled[0].startswith(f"investor:{kind}/"):
        yield filled[0], f"is not the identifier of a {kind}, which is the investor_type of this row"


def check_identifier(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    """A record or account needs at least one identifier of its own."""
    if not any(map(row.get, columns.values_of("identifier"))):
        yield "identifier:", "at least one of the identifier: columns must be filled"


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    yield from check_identifier(row, columns)
    yield from check_investor(row, columns)


INVESTOR_RECORD = RowShape(
    plain=(
        SCOPE,
        Plain("display_name", Name, "the record's name, 1 to 512 characters", "Jane Doe", needed=True),
        Plain("description", Description, "free text, at most 512 characters", "Retail, since 2016"),
        Plain("investor_type", NeededWord, "what the investor is", "Person", needed=True, words=INVESTOR_TYPES),
    ),
    families=(
        identifier_family("InvestorRecord", "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"),
        Family(
            "investor",
            INVESTOR_DOMAINS,
            Identifier,
            "who the record is about: exactly one filled in each row",
            "investor:Person/HrSystem1/InternalId",
            needed=True,
        ),
        *property_families("InvestorRecord", dated=True),
    ),
    check=_check,
)


def investor_record_request(columns: Columns, dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds an UpsertInvestorRecordRequest from a validated row."""
    scoped = dialect is Dialect.V2_3
    identifiers = identifiers_of(columns, "identifier")
    properties = properties_member(columns)
    described = "description" in columns
    who = (plain_identifiers_of if scoped else identifiers_of)(columns, "investor")
    who_member = "identifiers" if scoped else "investorIdentifiers"

    def build(row: Row) -> Wire:
        body: Wire = {"scope": row["scope"]} if scoped else {}
        body["identifiers"] = identifiers(row)
        body.update(properties(row))
        body["displayName"] = row["display_name"]
        if described and row["description"]:
            body["description"] = row["description"]
        body["investor"] = {"investorType": row["investor_type"], who_member: who(row)}
        return body

    return build
