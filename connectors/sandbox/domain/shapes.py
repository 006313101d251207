"""Readers for the shapes that LUSID's requests share: properties, identifiers, ids, amounts. Knows no endpoint.

Sources: the OpenAPI specification and support page KA-01633 (limits); docs/sandbox.md says where they disagree.
"""

from typing import Any

from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.readers import (
    Check,
    Errors,
    Reader,
    checked,
    date_time,
    listed,
    mapped,
    members,
    number,
    text,
    unique_by,
)

CODE_PATTERN = r"[a-zA-Z0-9\-_]+"
LABEL_LIMIT = 1024
SET_LIMIT = 250
PROPERTIES_LIMIT = 100
INSTRUMENT_IDENTIFIERS_LIMIT = 25
REQUESTS_LIMIT = 100

code = text(1, 64, CODE_PATTERN)
"""A scope, a code or a client-defined key: 1 to 64 of A-Z a-z 0-9 - _"""

resource_code = text(1, 256, r"[a-zA-Z0-9@/+\-_*#;^&.?]+")
"""The code of an order, block, placement, execution or allocation: 1 to 256 characters of a wider set (KA-01633)."""

resource_id = members({"scope": code, "code": resource_code})
currency_and_amount = members({"currency": text()}, {"amount": number})
display_name = text(1, 512)
description = text(0, 512)
label = text(1, LABEL_LIMIT)


def name_of(resource_id: Document) -> str:
    """An id as `scope/code`, the form that messages and the store's parents use."""
    return f"{resource_id['scope']}/{resource_id['code']}"


def id_of(name: str) -> Document:
    """The ResourceId of a name made by `name_of`; a scope cannot contain a slash."""
    scope, _, its_code = name.partition("/")
    return {"scope": scope, "code": its_code}


def labelled(resource_id: Document) -> str:
    """The key under which allocate and booktransactions answer: `Scope:MyScope Code:PLAC00000456`."""
    return f"Scope:{resource_id['scope']} Code:{resource_id['code']}"


def requests_of(request: Reader, once: Check) -> Reader:
    """Reads the body `{"requests": [...]}` of calls that take at most 100 requests, which `once` checks together."""
    return members({"requests": checked(listed(request, 1, REQUESTS_LIMIT), once)})


def ids_once(member: str) -> Check:
    """A check for `listed`: no two items have the same id in their `member`."""
    return unique_by(member, name_of, "{} is listed earlier in this call")


def with_values(properties: Document) -> Document:
    """The properties that have a value; one given without a value is removed."""
    return {key: each for key, each in properties.items() if "value" in each}


def property_key(*domains: str) -> Reader:
    """Reads a key `{domain}/{scope}/{code}`."""
    part = r"[a-zA-Z0-9\-_]{1,64}"
    return text(1, 256, f"(?:{'|'.join(domains)})/{part}/{part}")


def _one_kind_of_value(value: Document, path: str, errors: Errors) -> None:
    if len(value) != 1:
        errors.add(path, "must hold exactly one of labelValue, metricValue, labelValueSet")


def _distinct(values: list[str], _path: str, _errors: Errors) -> None:
    values[:] = dict.fromkeys(values)


_property_value = checked(
    members(
        {},
        {
            "labelValue": label,
            "metricValue": members({}, {"value": number, "unit": text(0)}),
            "labelValueSet": members({"values": checked(listed(label, 1, SET_LIMIT), _distinct)}),
        },
    ),
    _one_kind_of_value,
)
_DATES: dict[str, Reader] = {"effectiveFrom": date_time, "effectiveUntil": date_time}
_reference_data = mapped(members({}, {"stringValue": text(0, LABEL_LIMIT), "numericValue": number}))


def _label_only(_value: Any, path: str, errors: Errors) -> None:
    errors.add(path, "an identifier is a labelValue")


_identifier_value = members({"labelValue": label}, {"metricValue": _label_only, "labelValueSet": _label_only})


def _key_agrees(entries: Document, path: str, errors: Errors) -> None:
    for name, entry in entries.items():
        if entry["key"] != name:
            errors.add(f"{path}.{name}.key", "differs from the key it is listed under")


def _no_reference_data(entries: Document, _path: str, _errors: Errors) -> None:
    for entry in entries.values():
        entry.pop("referenceData", None)


def _property_map(key: Reader, value: dict[str, Reader], rest: dict[str, Reader], low: int) -> Reader:
    entry = members({"key": key, **value}, {**rest, "referenceData": _reference_data})
    return checked(mapped(entry, key, low, PROPERTIES_LIMIT), _key_agrees, _no_reference_data)


def properties(domain: str) -> Reader:
    """Reads a map of ModelProperty in `domain`, with dates; a null value removes the property."""
    return _property_map(property_key(domain), {}, {"value": _property_value, **_DATES}, 0)


def perpetual_properties(domain: str) -> Reader:
    """Reads a map of PerpetualProperty in `domain`, which has no dates."""
    return _property_map(property_key(domain), {}, {"value": _property_value}, 0)


def identifiers(*domains: str, exactly_one: bool = False) -> Reader:
    """Reads a map of ModelProperty that are identifiers: at least one, each with a label."""
    reader = _property_map(property_key(*domains), {"value": _identifier_value}, _DATES, 1)
    return checked(reader, _exactly_one) if exactly_one else reader


def plain_identifiers(*domains: str) -> Reader:
    """Reads a map of one property key to a plain string, which is how dialect 2.3 refers to other entities."""
    return checked(mapped(label, property_key(*domains), 1), _exactly_one)


def _exactly_one(entries: Document, path: str, errors: Errors) -> None:
    if len(entries) != 1:
        errors.add(path, "must hold exactly one identifier")


instrument_identifiers = mapped(text(), property_key("Instrument"), 1, INSTRUMENT_IDENTIFIERS_LIMIT)
"""Reads a map of 1 to 25 instrument identifiers to plain strings."""


def labels_of(entries: Document) -> dict[str, str]:
    """The plain value of each identifier by its key, in whichever of the two shapes the identifiers are."""
    return {name: entry if isinstance(entry, str) else entry["value"]["labelValue"] for name, entry in entries.items()}
