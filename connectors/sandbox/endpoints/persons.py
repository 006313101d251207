"""Persons and legal entities: `$batchUpsert` and the calls that read them, alike in all dialects.

Rules: support page KA-01947 and the specification. Neither has a scope; investor records do not look whether the
person or legal entity exists (docs/sandbox.md).
"""

from connectors.sandbox.domain.entities import EntityType, current, routes, save, shown
from connectors.sandbox.domain.shapes import description, display_name, identifiers, properties
from connectors.sandbox.protocol.calls import DIALECTS, ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.readers import Reader, members, text
from connectors.sandbox.store import Transaction

PERSON = EntityType("persons", "Person", scoped=False)
LEGAL_ENTITY = EntityType("legalentities", "LegalEntity", scoped=False)

_RISK = members({"countryOfRisk": text()}, dict.fromkeys(("creditRatings", "industryClassifiers"), lambda v, *_: v))
_OPTIONAL: dict[EntityType, dict[str, Reader]] = {PERSON: {}, LEGAL_ENTITY: {"counterpartyRiskInformation": _RISK}}


def _routes(kind: EntityType) -> tuple[Route, ...]:
    def upsert_one(transaction: Transaction, call: ApiCall, request: Document) -> Document:
        known = current(transaction, call, kind, request)
        return show(transaction, call, save(transaction, call, kind, request, known))

    def show(_transaction: Transaction, call: ApiCall, document: Document) -> Document:
        return shown(call, kind, document)

    request = members(
        {"identifiers": identifiers(kind.noun), "displayName": display_name},
        {"properties": properties(kind.noun), "description": description, **_OPTIONAL[kind]},
    )
    return routes(kind, dict.fromkeys(DIALECTS, request), upsert_one, show)


ROUTES = (*_routes(PERSON), *_routes(LEGAL_ENTITY))
