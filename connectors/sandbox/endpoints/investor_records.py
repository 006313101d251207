"""Investor records: `$batchUpsert` and the calls that read them, in both dialects.

Rules: the how-to page "create an investor record" and the specification. Whether the investor that a record points to
must exist is what `--known` says.
"""

from connectors.sandbox.domain.entities import EntityType, current, routes, save, shown
from connectors.sandbox.domain.reference.people import check_investor
from connectors.sandbox.domain.shapes import (
    code,
    description,
    display_name,
    identifiers,
    labels_of,
    plain_identifiers,
    properties,
)
from connectors.sandbox.protocol.calls import ApiCall, luid, unique_id
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.protocol.readers import Reader, members, text
from connectors.sandbox.store import Transaction

RECORD = EntityType("investorrecords", "InvestorRecord")

INVESTOR_TYPES = {"2.1": ("Person", "LegalEntity"), "2.3": ("Person", "LegalEntity", "Nominee")}

_ENTITIES = ("Person", "LegalEntity")
_MEMBER = {"Person": ("person", "lusidPersonId"), "LegalEntity": ("legalEntity", "lusidLegalEntityId")}
INVESTOR_IDENTIFIERS = {"2.1": "investorIdentifiers", "2.3": "identifiers"}

_COMMON_REQUIRED: dict[str, Reader] = {"identifiers": identifiers("InvestorRecord"), "displayName": display_name}
_COMMON_OPTIONAL: dict[str, Reader] = {"properties": properties("InvestorRecord"), "description": description}
_REQUEST: dict[str, Reader] = {
    "2.1": members(
        _COMMON_REQUIRED,
        {
            **_COMMON_OPTIONAL,
            "investor": members(
                {"investorType": text(), "investorIdentifiers": identifiers(*_ENTITIES, exactly_one=True)}
            ),
        },
    ),
    "2.3": members(
        {
            **_COMMON_REQUIRED,
            "scope": code,
            "investor": members({"investorType": text(), "identifiers": plain_identifiers(*_ENTITIES)}),
        },
        _COMMON_OPTIONAL,
    ),
}


def _upsert_one(transaction: Transaction, call: ApiCall, request: Document) -> Document:
    if "investor" in request:
        request["investor"] = _investor(transaction, call, request["investor"])
    known = current(transaction, call, RECORD, request)
    return show(transaction, call, save(transaction, call, RECORD, request, known))


def _investor(transaction: Transaction, call: ApiCall, investor: Document) -> Document:
    kind = investor["investorType"]
    allowed = INVESTOR_TYPES[call.shapes]
    if kind not in allowed:
        raise ItemError(
            "InvalidInvestorTypeFailure",
            f"{kind!r} is not an investor type: {', '.join(allowed)}",
            "investor.investorType",
        )
    member = INVESTOR_IDENTIFIERS[call.shapes]
    ((key, value),) = labels_of(investor[member]).items()
    domain = key.split("/")[0]
    if kind in _ENTITIES and domain != kind:
        raise ItemError(
            "InvestorIdentifierNotValidFailure",
            f"an investor of type {kind} is not identified by {key}",
            f"investor.{member}",
        )
    check_investor(transaction, call, key, value)
    lusid_id = luid(key, value)
    name, id_member = _MEMBER[domain]
    listed = {key: {"key": key, "value": {"labelValue": value}}}
    entity = {id_member: lusid_id, "identifiers": listed, "properties": {}, "relationships": []}
    return {**investor, "entityUniqueId": unique_id(domain, lusid_id), name: entity}


def show(_transaction: Transaction, call: ApiCall, document: Document) -> Document:
    """A stored record as LUSID returns it."""
    return shown(call, RECORD, document)


ROUTES = routes(RECORD, _REQUEST, _upsert_one, show)
