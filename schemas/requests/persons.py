"""Persons and legal entities, which investor records refer to. One row is one of them.

POST /api/persons/$batchUpsert (UpsertPersonRequest) and /api/legalentities/$batchUpsert (UpsertLegalEntityRequest).
Both are the same in every dialect: they have no scope. Of UpsertLegalEntityRequest, `counterpartyRiskInformation` is
not sent.
"""

from collections.abc import Callable

from schemas.dialects import Dialect
from schemas.requests.investor_records import check_identifier
from schemas.requests.properties import Wire, identifier_family, identifiers_of, properties_member, property_families
from schemas.rows.cells import Description, Name
from schemas.rows.columns import Columns, Plain, Row, RowShape


def _shape(domain: str, identifier: str, name: str) -> RowShape:
    """The columns of either.

    Args:
        domain: of its identifiers and properties.
        identifier: an example of an identifier's column.
        name: an example of its name.
    """
    return RowShape(
        plain=(
            Plain("display_name", Name, "its name, 1 to 512 characters", name, needed=True),
            Plain("description", Description, "free text, at most 512 characters", "Client since 2016"),
        ),
        families=(identifier_family(domain, identifier), *property_families(domain, dated=True)),
        check=check_identifier,
    )


PERSON = _shape("Person", "identifier:Person/HrSystem1/InternalId", "Jane Doe")
LEGAL_ENTITY = _shape("LegalEntity", "identifier:LegalEntity/ExternalIdentifier/LEI", "Doe Holdings plc")


def person_request(columns: Columns, _dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds the request for a person or legal entity from a validated row."""
    identifiers = identifiers_of(columns, "identifier")
    properties = properties_member(columns)

    def build(row: Row) -> Wire:
        body: Wire = {"identifiers": identifiers(row), **properties(row), "displayName": row["display_name"]}
        if row.get("description"):
            body["description"] = row["description"]
        return body

    return build
