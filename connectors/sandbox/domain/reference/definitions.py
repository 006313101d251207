"""Property definitions: which properties and identifiers may be used, with what kind of value, dated or not.

Errors by the specification's table: 121 not defined, 125 invalid life time, 126 the constraint style excludes it, 196
and 197 a date that is missing or in the way, 224 another kind of value. Which error is for what is partly ours
(docs/sandbox.md).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from connectors.sandbox.domain.shapes import code
from connectors.sandbox.protocol.calls import ApiCall, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError, ProblemError, validation_problem
from connectors.sandbox.protocol.readers import Errors, members, text
from connectors.sandbox.store import Entity, Transaction

DEFINITION = "propertydefinitions"

LIFE_TIMES = ("Perpetual", "TimeVariant")
STYLES = ("Property", "Collection", "Identifier")
_UNDATED = frozenset({"Order", "Block", "Placement", "Execution", "Allocation", "Transaction"})
"""Domains whose entities carry PerpetualProperty, which has no dates."""

_DATA_TYPES = {
    "string": ("String", "Label", "NoUnits"),
    "boolean": ("Boolean", "Label", "NoUnits"),
    "date": ("Date", "Label", "NoUnits"),
    "number": ("Decimal", "Metric", "NoUnits"),
    "percentage": ("Percentage", "Metric", "NoUnits"),
    "currencyAndAmount": ("CurrencyAndAmount", "Metric", "Iso4217Currency"),
}
"""The system data types that the sandbox has: value type, type and unit schema of a definition."""

_REQUEST = members(
    {
        "domain": text(1, 64, "[A-Za-z]+"),
        "scope": code,
        "code": code,
        "displayName": text(1, 512),
        "dataTypeId": members({"scope": text(), "code": text()}),
    },
    {
        "lifeTime": text(),
        "constraintStyle": text(),
        "propertyDescription": text(0, 512),
        "collectionType": text(),
        "valueRequired": lambda value, *_: value,
        "customEntityTypes": lambda value, *_: value,
    },
)


class Fault(NamedTuple):
    """Why a property or an identifier cannot be used: the error's name, and what is wrong."""

    name: str
    detail: str


def read_definition(body: Any) -> Document:
    """Reads a CreatePropertyDefinitionRequest, with its defaults.

    Raises:
        ProblemError: 400, it is malformed, or names a life time, a constraint style or a data type that there is not.
    """
    errors = Errors()
    request = _REQUEST(body, "", errors)
    if errors:
        raise validation_problem(errors)
    out: Document = {"lifeTime": "Perpetual", "constraintStyle": "Property", **request}
    if out["lifeTime"] not in LIFE_TIMES:
        raise ProblemError(400, 125, "InvalidPropertyLifeTime", f"lifeTime must be {' or '.join(LIFE_TIMES)}")
    if out["lifeTime"] == "TimeVariant" and out["domain"] in _UNDATED:
        detail = f"properties of domain {out['domain']} have no dates, so lifeTime must be Perpetual"
        raise ProblemError(400, 125, "InvalidPropertyLifeTime", detail)
    if out["constraintStyle"] not in STYLES:
        raise validation_problem({"constraintStyle": [f"must be one of {', '.join(STYLES)}"]})
    if out["dataTypeId"]["scope"] != "system" or out["dataTypeId"]["code"] not in _DATA_TYPES:
        known = ", ".join(_DATA_TYPES)
        raise ProblemError(400, 151, "InvalidParameterValue", f"the sandbox has the data types system/{{{known}}}")
    return out


def add_definition(transaction: Transaction, call: ApiCall, request: Document, *, again: bool = False) -> Document:
    """Stores a definition and returns it.

    Args:
        transaction: writes to the store.
        call: the call that creates it.
        request: as `read_definition` gives it.
        again: take one that is there already and was created alike.

    Raises:
        ProblemError: 400, code 124: there is one of this key.
    """
    domain, scope, its_code = request["domain"], request["scope"], request["code"]
    key = f"{domain}/{scope}/{its_code}"
    there = transaction.find(DEFINITION, domain, f"{scope}/{its_code}")
    if there is not None:
        if again and there.requested is not None and loads_own(there.requested) == request:
            return document(there)
        raise ProblemError(400, 124, "PropertyAlreadyExists", f"property {key} is defined already")
    value_type, kind, units = _DATA_TYPES[request["dataTypeId"]["code"]]
    definition = {
        "key": key,
        "valueType": value_type,
        "type": kind,
        "unitSchema": units,
        "valueRequired": False,
        **request,
        "propertyDefinitionType": "ValueProperty",
        "version": call.version(unique_id(DEFINITION, key)),
        "links": [],
    }
    sequence = transaction.next_sequence()
    entity = Entity(sequence, domain, f"{scope}/{its_code}", None, dumps(definition), dumps(request))
    transaction.add(DEFINITION, entity)
    return definition


def document(entity: Entity) -> Document:
    """A stored definition."""
    found: Document = loads_own(entity.document)
    return found


def definition_of(transaction: Transaction, call: ApiCall, key: str) -> Document | None:
    """The definition of a key, or None; where definitions are assumed, one that says nothing of its kind.

    Args:
        transaction: reads the store.
        call: the call that asks.
        key: `{domain}/{scope}/{code}`.
    """
    domain, _, rest = key.partition("/")
    there = transaction.find(DEFINITION, domain, rest)
    if there is not None:
        return document(there)
    scope, slash, its_code = rest.partition("/")
    if DEFINITION not in call.assumed or not (domain and scope and slash and its_code):
        return None
    return {"key": key, "displayName": its_code, "domain": domain, "scope": scope, "code": its_code, "links": []}


def check_entity(transaction: Transaction, call: ApiCall, request: Document) -> None:
    """Checks the identifiers and properties of a record, an account, a person or a legal entity.

    Raises:
        ItemError: the first one that cannot be used (`PropertyNotDefinedFailure`, ...).
    """
    if not matters(transaction, call):
        return
    for member, is_identifier in (("identifiers", True), ("properties", False)):
        for path, fault in faults(transaction, call, request.get(member) or {}, member, is_identifier=is_identifier):
            raise ItemError(f"{fault.name}Failure", fault.detail, path)


def check_properties(transaction: Transaction, call: ApiCall, properties: Document, member: str) -> None:
    """Checks properties that have no dates.

    Args:
        transaction: reads the store.
        call: the call that brings them.
        properties: by key.
        member: the request's member that holds them.

    Raises:
        ItemError: the first one that cannot be used.
    """
    for path, fault in faults(transaction, call, properties, member):
        raise ItemError(f"{fault.name}Failure", fault.detail, path)


def matters(transaction: Transaction, call: ApiCall) -> bool:
    """Whether anything is known of definitions, so that something can be wrong."""
    return DEFINITION not in call.assumed or transaction.has_any(DEFINITION)


def faults(
    transaction: Transaction, call: ApiCall, entries: Mapping[str, Any], member: str, *, is_identifier: bool = False
) -> Iterator[tuple[str, Fault]]:
    """What is wrong with each property or identifier that cannot be used, by its path in the request.

    Args:
        transaction: reads the store.
        call: the call that brings them.
        entries: each with its value and its dates; without a value it is to be removed.
        member: the request's member that holds them.
        is_identifier: whether they are identifiers.
    """
    if not entries or not matters(transaction, call):
        return
    for key, entry in entries.items():
        definition = definition_of(transaction, call, key)
        if definition is None:
            yield f"{member}.{key}", Fault("PropertyNotDefined", f"property {key} is not defined")
        elif "constraintStyle" in definition and (fault := _fault(definition, key, entry, is_identifier=is_identifier)):
            yield f"{member}.{key}", fault


def _fault(definition: Document, key: str, entry: Document, *, is_identifier: bool) -> Fault | None:
    style = definition["constraintStyle"]
    if is_identifier != (style == "Identifier"):
        used = "an identifier" if is_identifier else "a property"
        detail = f"{key} has the constraint style {style}, so it cannot be used as {used}"
        return Fault("PropertyConstraintStyleExcludesProperties", detail)
    dated = any(name in entry for name in ("effectiveFrom", "effectiveUntil"))
    if definition["lifeTime"] == "Perpetual" and dated:
        return Fault("PerpetualPropertyUpsertDateSpecified", f"{key} is perpetual, and a date is specified")
    if "value" not in entry:
        return None
    if definition["lifeTime"] == "TimeVariant" and "effectiveFrom" not in entry:
        return Fault("TimeVariantPropertyUpsertDateUnspecified", f"{key} is time-variant, and effectiveFrom is missing")
    return _value_fault(definition, key, entry["value"])


def _value_fault(definition: Document, key: str, value: Document) -> Fault | None:
    is_set = definition["constraintStyle"] == "Collection"
    wanted = "labelValueSet" if is_set else {"Metric": "metricValue"}.get(definition["type"], "labelValue")
    if wanted not in value:
        return Fault("InvalidPropertyValueAssignment", f"{key} takes a {wanted}")
    unit = value.get("metricValue", {}).get("unit")
    if unit and definition["unitSchema"] == "NoUnits":
        return Fault("InvalidPropertyValueAssignment", f"{key} takes no unit")
    return None
