"""The namespace of canonical columns: one flat list that a CSV header, a Parquet field and a mapping all speak.

A plain column is a word (`display_name`); a family is a prefix with a LUSID property key behind it
(`identifier:Domain/Scope/Code`), and some families have facets (`@unit`). What an operation reads is declared by
a `RowShape`; what an extract has of it is a `Columns`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from schemas.dialects import Dialect, did_you_mean
from schemas.errors import ConfigError

Row = dict[str, Any]
"""A validated row: canonical column to text (or list of texts); '' where the cell was empty."""

_FAMILY = re.compile(r"(?P<prefix>[a-z_]+):(?P<key>[^@]*)(?:@(?P<facet>[a-z_]+))?")
_KEY_PART = re.compile(r"[a-zA-Z0-9\-_]{1,64}")


@dataclass(frozen=True)
class Plain:
    """One plain column.

    Attributes:
        cell: the pydantic type of a cell.
        needed: the column must be there (its type then refuses empty cells).
        dialects: where it exists; elsewhere a column of this name is refused or, if `ignored_elsewhere`, unused.
        words: the vocabulary of each dialect that has one.
        beside: columns and families (`holder:`) without which this one says nothing, as a currency without its
            price: a mapping's constant counts as absent in rows where all of these are empty.
    """

    name: str
    cell: Any
    about: str
    example: str
    needed: bool = False
    dialects: frozenset[Dialect] = frozenset(Dialect)
    ignored_elsewhere: bool = False
    words: Mapping[Dialect, tuple[str, ...]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """Columns `prefix:Domain/Scope/Code`, with the cell types of the value and of its facets.

    Attributes:
        member: the map on the wire that families share, where a key may stand once (`properties`).
        most: entries LUSID takes in that map; None where it publishes no limit.
        dialects: where it exists; elsewhere its columns are refused.
    """

    prefix: str
    domains: tuple[str, ...]
    cell: Any
    about: str
    example: str
    facets: Mapping[str, Any] = field(default_factory=dict)
    needed: bool = False
    member: str = ""
    most: int | None = None
    dialects: frozenset[Dialect] = frozenset(Dialect)


@dataclass(frozen=True)
class FamilyColumn:
    """One column of a family: `property:A/B/C@effective_from` has key `A/B/C`."""

    name: str
    prefix: str
    key: str
    facet: str = ""


@dataclass(frozen=True)
class RowShape:
    """What one row of an operation may hold.

    Attributes:
        check: cross-field rules: yields (column, message) for each rule the row breaks. It may look at which cells
            are filled and at words of a vocabulary, nothing else: it is asked once for all rows alike in these.
        together: columns and families (`holder:`) of which an extract has all or none.
        one_of: plain columns of which an extract has at least one.
    """

    plain: tuple[Plain, ...]
    families: tuple[Family, ...] = ()
    check: Callable[[Row, "Columns"], Iterable[tuple[str, str]]] | None = None
    together: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[str, ...] = ()

    def plain_of(self, dialect: Dialect) -> dict[str, Plain]:
        """The plain columns of a dialect by name."""
        return {p.name: p for p in self.plain if dialect in p.dialects}

    def families_of(self, dialect: Dialect) -> tuple[Family, ...]:
        """The families of a dialect."""
        return tuple(f for f in self.families if dialect in f.dialects)


@dataclass(frozen=True)
class Columns:
    """The canonical columns one extract has, in its order."""

    names: tuple[str, ...]
    families: Mapping[str, tuple[FamilyColumn, ...]]
    ignored: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.names) - self.ignored

    @cached_property
    def _values(self) -> dict[str, tuple[str, ...]]:
        return {p: tuple(c.name for c in columns if not c.facet) for p, columns in self.families.items()}

    def values_of(self, prefix: str) -> tuple[str, ...]:
        """The columns of a family without its facets; cheap enough to ask for every row."""
        return self._values.get(prefix, ())

    def keyed(self, prefix: str) -> list[tuple[str, str]]:
        """(column, property key) of a family, sorted by key: column order never shows on the wire."""
        found = [(c.name, c.key) for c in self.families.get(prefix, ()) if not c.facet]
        return sorted(found, key=lambda pair: pair[1])

    def facet(self, prefix: str, key: str, facet: str) -> str | None:
        """The name of a facet column, if the extract has it."""
        for column in self.families.get(prefix, ()):
            if column.key == key and column.facet == facet:
                return column.name
        return None

    def has_any(self, *names: str) -> bool:
        """Whether the extract has one of these plain columns or families (`holder:`)."""
        return any(bool(self.families.get(n[:-1])) if n.endswith(":") else n in self for n in names)


def parse_columns(names: Sequence[str], shape: RowShape, dialect: Dialect, where: str) -> Columns:
    """Sorts canonical names into plain columns and families.

    Args:
        names: canonical column names; those that begin with `_` must be gone.
        where: what the names came from, for messages (`investors.csv`, `the mapping`).

    Raises:
        ConfigError: one line that names every unknown, misplaced, repeated or missing column.
    """
    plain = shape.plain_of(dialect)
    elsewhere = {p.name: p for p in shape.plain if p.name not in plain}
    faults: list[str] = []
    families: dict[str, list[FamilyColumn]] = {}
    ignored = set()
    for name in names:
        if name in plain:
            continue
        if name in elsewhere:
            if elsewhere[name].ignored_elsewhere:
                ignored.add(name)
            else:
                faults += _wrong_age(name, elsewhere[name].dialects, dialect)
            continue
        column = _family_column(name, shape, plain, faults)
        if column is not None:
            faults += _wrong_age(name, next(f.dialects for f in shape.families if f.prefix == column.prefix), dialect)
            families.setdefault(column.prefix, []).append(column)
    faults += [f"column {n} is there twice" for n in sorted({n for n in names if names.count(n) > 1})]
    faults += _missing(names, plain, shape, families)
    faults += _halves(names, shape)
    faults += _lonely_facets(families)
    faults += _shared_keys(shape, families)
    if faults:
        raise ConfigError(f"{where}: {'; '.join(faults)}")
    return Columns(tuple(names), {p: tuple(c) for p, c in families.items()}, frozenset(ignored))


def _wrong_age(name: str, dialects: frozenset[Dialect], dialect: Dialect) -> list[str]:
    """A column that servers of this age know nothing of."""
    ages = ", ".join(sorted(dialects))
    return [] if dialect in dialects else [f"column {name} needs dialect {ages} (this is {dialect})"]


def _family_column(name: str, shape: RowShape, plain: Mapping[str, Plain], faults: list[str]) -> FamilyColumn | None:
    known = {f.prefix: f for f in shape.families}
    match = _FAMILY.fullmatch(name)
    if match is None or match["prefix"] not in known:
        faults.append(f"column {name} is unknown{did_you_mean(name, [*plain, *_examples(shape)])}")
        return None
    family = known[match["prefix"]]
    parts = match["key"].split("/")
    if len(parts) != 3 or not all(map(_KEY_PART.fullmatch, parts)):
        faults.append(f"column {name}: a property key is Domain/Scope/Code, each of 1 to 64 letters, digits, - or _")
        return None
    if parts[0] not in family.domains:
        faults.append(f"column {name}: the domain must be {' or '.join(family.domains)}")
        return None
    facet = match["facet"] or ""
    if facet and facet not in family.facets:
        known_facets = ", ".join(f"@{f}" for f in family.facets) or "none"
        faults.append(f"column {name}: facets of {family.prefix}: are {known_facets}")
        return None
    return FamilyColumn(name, family.prefix, match["key"], facet)


def _examples(shape: RowShape) -> list[str]:
    return [f.example for f in shape.families]


def _missing(
    names: Sequence[str],
    plain: Mapping[str, Plain],
    shape: RowShape,
    families: Mapping[str, list[FamilyColumn]],
) -> list[str]:
    absent = [p.name for p in plain.values() if p.needed and p.name not in names]
    absent += [
        f"{f.prefix}:{'|'.join(f.domains)}/..."
        for f in shape.families
        if f.needed and not any(not c.facet for c in families.get(f.prefix, ()))
    ]
    one_of = [n for n in shape.one_of if n in plain]
    if one_of and not any(n in names for n in one_of):
        absent.append(" or ".join(one_of))
    return [f"needed column {name} is missing" for name in absent]


def _halves(names: Sequence[str], shape: RowShape) -> list[str]:
    """Columns that mean something only together, of which the extract has some."""
    faults = []
    for group in shape.together:
        there = [any(is_column(c, name) for name in names) for c in group]
        if any(there) and not all(there):
            first = group[there.index(True)]
            faults += [
                f"column {c} is missing: {first} needs it" for c, has in zip(group, there, strict=True) if not has
            ]
    return faults


def is_column(column: str, name: str) -> bool:
    """Whether `name` is this plain column, or of this family (`holder:`)."""
    return name.startswith(column) if column.endswith(":") else name == column


def _lonely_facets(families: Mapping[str, list[FamilyColumn]]) -> list[str]:
    """A facet says something of a value: the value's column must be there."""
    values = {(c.prefix, c.key) for cs in families.values() for c in cs if not c.facet}
    return [
        f"column {c.name} has no column {c.prefix}:{c.key} to belong to"
        for cs in families.values()
        for c in cs
        if c.facet and (c.prefix, c.key) not in values
    ]


def _shared_keys(shape: RowShape, families: Mapping[str, list[FamilyColumn]]) -> list[str]:
    """A property has one kind of value: two families that make one map on the wire may not share a key."""
    seen: dict[tuple[str, str], str] = {}
    faults = []
    for family in shape.families:
        for column in families.get(family.prefix, ()):
            if family.member and not column.facet:
                other = seen.setdefault((family.member, column.key), column.name)
                if other.partition(":")[0] != family.prefix:
                    faults.append(f"columns {other} and {column.name} are the same property: keep one")
    return faults


def cell_types(columns: Columns, shape: RowShape, dialect: Dialect) -> dict[str, Any]:
    """The pydantic type of each canonical column an extract has."""
    plain = shape.plain_of(dialect)
    families = {f.prefix: f for f in shape.families}
    types: dict[str, Any] = {n: plain[n].cell for n in columns.names if n in plain}
    for found in columns.families.values():
        for column in found:
            family = families[column.prefix]
            types[column.name] = family.facets[column.facet] if column.facet else family.cell
    return types


def row_adapter(types: Mapping[str, Any]) -> TypeAdapter[Any]:
    """The pydantic schema of one row: canonical column to cell, other members ignored."""
    schema: Any = TypedDict("Row", dict(types))  # type: ignore[misc]  # its members are the extract's
    return TypeAdapter(schema)
