"""The namespace of canonical columns: one flat list that a CSV header, a Parquet field and a mapping all speak.

A plain column is a word (`display_name`); a family is a prefix with a LUSID property key behind it
(`identifier:Domain/Scope/Code`), and some families have facets (`@unit`). What an operation reads is declared by
a `RowShape`; what an extract has of it is a `Columns`, which `schemas.rows.header` makes of the names in its header.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from schemas.dialects import Dialect

Cell = str | list[str]
"""A cell as it was read: text; or a list of texts, which only Parquet has. `''` is an empty cell, an empty list too."""

Row = dict[str, Any]
"""A validated row: canonical column to text (or list of texts); '' where the cell was empty."""


@dataclass(frozen=True)
class Plain:
    """One plain column.

    Attributes:
        cell: the pydantic type of a cell.
        needed: the column must be there (its type then refuses empty cells).
        dialects: where it exists; elsewhere a column of this name is refused or, if `ignored_elsewhere`, unused.
        words: the vocabulary of each dialect that has one.
        ruled: rules between cells look at its words, though no vocabulary of them is known.
        qualifies: it only says something of what is `beside` it, as a currency of its price.
        beside: columns and families (`holder:`) without which this one says nothing, as a currency without its
            price: a mapping's constant counts as absent in rows where all of these are empty.
        rule: a further rule of its cells: a validator around their type.
    """

    name: str
    cell: Any
    about: str
    example: str
    needed: bool = False
    dialects: frozenset[Dialect] = frozenset(Dialect)
    ignored_elsewhere: bool = False
    words: Mapping[Dialect, tuple[str, ...]] = field(default_factory=dict)
    ruled: bool = False
    qualifies: bool = False
    beside: tuple[str, ...] = ()
    rule: Any = None


@dataclass(frozen=True)
class Family:
    """Columns `prefix:Domain/Scope/Code`, with the cell types of the value and of its facets.

    Attributes:
        member: the map on the wire that families share, where a key may stand once (`properties`).
        most: entries LUSID takes in that map; None where it publishes no limit.
        dialects: where it exists; elsewhere its columns are refused.
        rule: a further rule of its values, as for a plain column.
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
    rule: Any = None


@dataclass(frozen=True)
class FamilyColumn:
    """One column of a family: `property:A/B/C@effective_from` has key `A/B/C`."""

    name: str
    prefix: str
    key: str
    facet: str = ""


@dataclass(frozen=True)
class KeyRule:
    """How a request is named: the first filled of these columns or families, or all of them, `/` between.

    Attributes:
        any_of: families (`identifier:`), of which the first filled column in the extract's order names it.
        all_of: plain columns that make the key together.
    """

    any_of: str = ""
    all_of: tuple[str, ...] = ()


Check = Callable[[Row, "Columns"], Iterable[tuple[str, str]]]
"""Rules between the cells of a row: yields (column, message) for each one that the row breaks.

It may look at which cells are filled and at words of a vocabulary, nothing else: it is asked once for all rows alike
in these.
"""


@dataclass(frozen=True)
class RowShape:
    """What one row of an operation may hold.

    Attributes:
        check: the rules between cells of every dialect.
        check_in: further ones of single dialects.
        check_strictly: those that --strict adds.
        together: columns and families (`holder:`) of which an extract has all or none.
        one_of: plain columns of which an extract has at least one.
        side_by_side: columns and families of an item of a list, of which a mapping may say that a row has several.
    """

    plain: tuple[Plain, ...]
    families: tuple[Family, ...] = ()
    check: Check | None = None
    check_in: Mapping[Dialect, Check] = field(default_factory=dict)
    check_strictly: Check | None = None
    together: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[str, ...] = ()
    side_by_side: tuple[tuple[str, ...], ...] = ()

    def plain_of(self, dialect: Dialect) -> dict[str, Plain]:
        """The plain columns of a dialect by name."""
        return {p.name: p for p in self.plain if dialect in p.dialects}

    def checks_of(self, dialect: Dialect) -> tuple[Check, ...]:
        """The rules between cells of a dialect."""
        return tuple(check for check in (self.check, self.check_in.get(dialect)) if check is not None)

    def families_of(self, dialect: Dialect) -> tuple[Family, ...]:
        """The families of a dialect."""
        return tuple(f for f in self.families if dialect in f.dialects)


@dataclass(frozen=True)
class Columns:
    """The canonical columns one extract has, in its order.

    Attributes:
        clearing: those in which a cell may be CLEAR (`schemas.rows.conventions.clearing`).
    """

    names: tuple[str, ...]
    families: Mapping[str, tuple[FamilyColumn, ...]]
    ignored: frozenset[str] = frozenset()
    clearing: frozenset[str] = frozenset()

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

    def keyed(self, prefix: str) -> list[tuple[str, str, dict[str, str]]]:
        """(column, property key, facets) of a family, sorted by key: column order never shows on the wire.

        The facets are those that the extract has, each with its column.
        """
        facets: dict[str, dict[str, str]] = {}
        for column in self.families.get(prefix, ()):
            facets.setdefault(column.key, {})[column.facet] = column.name
        return [(columns.pop(""), key, columns) for key, columns in sorted(facets.items())]

    def of_key(self, rule: KeyRule) -> tuple[str, ...]:
        """The columns that a key is read from."""
        return rule.all_of or self.values_of(rule.any_of[:-1])

    def has_any(self, *names: str) -> bool:
        """Whether the extract has one of these plain columns or families (`holder:`)."""
        return any(bool(self.families.get(n[:-1])) if n.endswith(":") else n in self for n in names)


def declared_as(names: Iterable[str]) -> dict[str, str]:
    """Each name with the column that declares it: a plain one by itself, one of a family by its prefix (`holder:`)."""
    return {name: name[: name.find(":") + 1] or name for name in names}


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


def qualified(names: Iterable[str], shape: RowShape) -> dict[str, str]:
    """The columns that only say something of another (its currency, unit or dates), each with that one."""
    there = set(names)
    found = {name: name.partition("@")[0] for name in there if "@" in name}
    found |= {p.name: p.beside[0] for p in shape.plain if p.qualifies and p.name in there and p.beside[0] in there}
    return found


def own_rules(columns: Columns, shape: RowShape, dialect: Dialect) -> dict[str, Any]:
    """The rule of each canonical column that has one of its own."""
    rules = {name: plain.rule for name, plain in shape.plain_of(dialect).items()}
    for family in shape.families_of(dialect):
        rules |= dict.fromkeys(columns.values_of(family.prefix), family.rule)
    return {name: rule for name, rule in rules.items() if rule is not None}


def crowds(columns: Columns, shape: RowShape) -> list[tuple[str, int, list[str]]]:
    """(map on the wire, most entries, columns) where an extract has more columns than LUSID takes entries."""
    members: dict[tuple[str, int], list[str]] = {}
    for family in shape.families:
        if family.most is not None:
            members.setdefault((family.member, family.most), []).extend(columns.values_of(family.prefix))
    return [(member, most, names) for (member, most), names in members.items() if len(names) > most]
