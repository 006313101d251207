"""Builds LUSID's property maps of {key, value} from the columns `property:`, `metric:` and `labels:`.

ModelProperty (records, accounts) may carry effectiveFrom and effectiveUntil; PerpetualProperty (orders, blocks,
placements, executions) may not (docs/lusid.md).
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from schemas.dialects import Dialect
from schemas.rows.cells import DecimalText, Identifier, Label, Labels, Unit
from schemas.rows.columns import Columns, Family, Row
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.times import TimeText

Wire = dict[str, Any]

_DATES = {"effective_from": TimeText, "effective_until": TimeText}
_MOST_PROPERTIES = 100
"""Properties of one entity, of any kind (docs/lusid.md)."""
_WIRE_DATES = (("effective_from", "effectiveFrom"), ("effective_until", "effectiveUntil"))


def number(text: str) -> orjson.Fragment:
    """The exact JSON number for the text of a validated decimal."""
    return orjson.Fragment(text.encode())


def identifier_family(domain: str, example: str) -> Family:
    """The family of `identifier:` columns, by which an entity is known."""
    return Family(
        "identifier",
        (domain,),
        Identifier,
        "an identifier; the first one that is filled is the row's key",
        example,
        facets=_DATES,
        needed=True,
    )


def property_families(
    domain: str, *, dated: bool, prefix: str = "", dialects: frozenset[Dialect] = frozenset(Dialect)
) -> tuple[Family, ...]:
    """The families of `property:`, `metric:` and `labels:` columns of one domain.

    Args:
        domain: the domain of the properties' keys.
        dated: whether the entity's properties have effective dates.
        prefix: put before the names of the families (`block_`).
        dialects: those that have the columns.
    """
    dates = _DATES if dated else {}
    unit = {"unit": Unit, **dates}
    kinds: tuple[tuple[str, Any, str, str, dict[str, Any]], ...] = (
        ("property", Label, "a property with a label", "Country", dates),
        ("metric", DecimalText, "a property with a number and its @unit", "NetWorth", unit),
        ("labels", Labels, "a property with a set of labels, `|` between them", "Markets", dates),
    )
    return tuple(
        Family(
            f"{prefix}{kind}",
            (domain,),
            cell,
            about,
            f"{prefix}{kind}:{domain}/Details/{code}",
            facets,
            member=f"{prefix}properties",
            most=_MOST_PROPERTIES,
            dialects=dialects,
        )
        for kind, cell, about, code, facets in kinds
    )


def identifiers_of(columns: Columns, prefix: str) -> Callable[[Row], Wire]:
    """Returns a function that builds the map of {key, value} of a row's identifiers; absent ones are left out."""
    found = columns.keyed(prefix)
    pairs = [(name, key) for name, key, _ in found]
    dated = [(name, key, dates) for name, key, facets in found if (dates := _dates(facets))]

    def build(row: Row) -> Wire:
        out: Wire = {key: {"key": key, "value": {"labelValue": value}} for name, key in pairs if (value := row[name])}
        for name, key, dates in dated:
            if row[name]:
                out[key].update((wire, row[c]) for c, wire in dates if row[c])
        return out

    return build


def plain_identifiers_of(columns: Columns, prefix: str) -> Callable[[Row], dict[str, str]]:
    """Returns a function that builds a row's identifiers as a map of plain strings (dialect 2.3, instruments)."""
    pairs = [(name, key) for name, key, _ in columns.keyed(prefix)]

    def build(row: Row) -> dict[str, str]:
        return {key: value for name, key in pairs if (value := row[name])}

    return build


def properties_of(columns: Columns, prefix: str = "") -> Callable[[Row], Wire]:
    """Returns a function that builds the property map of a row; properties with empty cells are left out.

    One that is cleared has a null in place of its value.
    """
    labels = _valued(columns, f"{prefix}property", _label)
    bare = [(name, key) for name, key, dates, _ in labels if not dates and name not in columns.clearing]
    rest = [entry for entry in labels if entry[2] or entry[0] in columns.clearing]
    others = [*rest, *_valued(columns, f"{prefix}metric", _metric)]
    others += _valued(columns, f"{prefix}labels", _label_set)
    others = [_clearing(each) if each[0] in columns.clearing else each for each in others]

    def build(row: Row) -> Wire:
        out: Wire = {key: {"key": key, "value": {"labelValue": value}} for name, key in bare if (value := row[name])}
        for name, key, dates, to_value in others:
            if row[name]:
                out[key] = entry = {"key": key, "value": to_value(row)}
                for column, wire in dates:
                    if row[column]:
                        entry[wire] = row[column]
        return out

    return build


def properties_member(columns: Columns, member: str = "properties", prefix: str = "") -> Callable[[Row], Wire]:
    """Returns a function that builds the member with a row's properties; empty when the extract has no such columns.

    Args:
        columns: the columns of the extract.
        member: the name of the member.
        prefix: put before the names of the families (`block_`).
    """
    if not columns.has_any(f"{prefix}property:", f"{prefix}metric:", f"{prefix}labels:"):
        return lambda _: {}
    properties = properties_of(columns, prefix)
    return lambda row: {member: properties(row)}


_ToWire = Callable[[Row], Wire | None]
_Other = tuple[str, str, list[tuple[str, str]], _ToWire]


def _dates(facets: Mapping[str, str]) -> list[tuple[str, str]]:
    """(column, member on the wire) of the dates among the facets of a value."""
    return [(facets[facet], wire) for facet, wire in _WIRE_DATES if facet in facets]


def _valued(columns: Columns, family: str, to_value: Callable[[str, Mapping[str, str]], _ToWire]) -> list[_Other]:
    """The columns of a family, each with what makes its value on the wire, given its name and facets."""
    return [(name, key, _dates(facets), to_value(name, facets)) for name, key, facets in columns.keyed(family)]


def _clearing(other: _Other) -> _Other:
    """The same for a column of which a cell may clear the property: a null in place of the value (docs/lusid.md)."""
    name, key, dates, to_value = other
    return name, key, dates, lambda row: None if row[name] == CLEAR else to_value(row)


def _label(name: str, _facets: Mapping[str, str]) -> _ToWire:
    return lambda row: {"labelValue": row[name]}


def _metric(name: str, facets: Mapping[str, str]) -> _ToWire:
    unit = facets.get("unit")

    def build(row: Row) -> Wire:
        metric: Wire = {"value": number(row[name])}
        if unit is not None and row[unit]:
            metric["unit"] = row[unit]
        return {"metricValue": metric}

    return build


def _label_set(name: str, _facets: Mapping[str, str]) -> _ToWire:
    return lambda row: {"labelValueSet": {"values": row[name]}}
