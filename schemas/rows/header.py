"""Which canonical columns a header or a mapping names, and everything that is wrong with their names, in one line.

Owns how a name is read, and what must stand beside what. What columns there are is `schemas.rows.columns`'.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.dialects import Dialect
from schemas.errors import SEE_OUTPUT, ConfigError
from schemas.rows.columns import Columns, FamilyColumn, Plain, RowShape, declared_as
from schemas.suggestions import MOST_TOLD, did_you_mean, first_of

_FAMILY = re.compile(r"(?P<prefix>[a-z_]+):(?P<key>[^@]*)(?:@(?P<facet>[a-z_]+))?")
_KEY_PART = re.compile(r"[a-zA-Z0-9\-_]{1,64}")


def parse_columns(names: Sequence[str], shape: RowShape, dialect: Dialect, where: str) -> Columns:
    """Sorts canonical names into plain columns and families.

    Args:
        names: canonical column names; those that begin with `_` must be gone.
        where: what the names came from, for messages (`the header`, `the mapping`).

    Raises:
        ConfigError: one line that names unknown, misplaced and repeated columns, the first of each, and every missing
            one.
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
        column = family_column(name, shape, plain, faults)
        if column is not None:
            faults += _wrong_age(name, next(f.dialects for f in shape.families if f.prefix == column.prefix), dialect)
            families.setdefault(column.prefix, []).append(column)
    twice = [f"column {name} is there twice" for name, count in sorted(Counter(names).items()) if count > 1]
    missing = [f"needed column {name} is missing" for name in _absent(names, plain, shape, families)]
    kinds = (faults, twice, missing, _halves(names, shape), _lonely_facets(families), _shared_keys(shape, families))
    told = [fault for kind in kinds for fault in first_of(kind)]
    if told:
        outside = "" if where == "the mapping" else f"{where}: its columns are not those that are needed{SEE_OUTPUT}"
        raise ConfigError(f"{where}: {'; '.join(told)}", outside)
    return Columns(tuple(names), {p: tuple(c) for p, c in families.items()}, frozenset(ignored))


def knows_any(names: Sequence[str], shape: RowShape) -> bool:
    """Whether a column is one of a row's, in whatever dialect and however misspelt behind its prefix."""
    plain, prefixes = {p.name for p in shape.plain}, {f.prefix for f in shape.families}
    return any(name in plain or name.partition(":")[0] in prefixes for name in names)


def _wrong_age(name: str, dialects: frozenset[Dialect], dialect: Dialect) -> list[str]:
    """A column that servers of this age know nothing of."""
    ages = ", ".join(sorted(dialects))
    return [] if dialect in dialects else [f"column {name} needs dialect {ages} (this is {dialect})"]


def family_column(name: str, shape: RowShape, plain: Mapping[str, Plain], faults: list[str]) -> FamilyColumn | None:
    """The column of a family that a name means, or `None`.

    Args:
        name: one that is no plain column's.
        shape: what an operation reads.
        plain: its plain columns.
        faults: where it is said what is wrong with the name.
    """
    known = {f.prefix: f for f in shape.families}
    match = _FAMILY.fullmatch(name)
    if match is None or match["prefix"] not in known:
        near = did_you_mean(name, [*plain, *_examples(shape)]) if len(faults) < MOST_TOLD else ""
        faults.append(f"column {name} is unknown{near}")
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


def needed_columns(shape: RowShape, dialect: Dialect) -> list[str]:
    """The columns that a header must have, as messages name them."""
    return _absent((), shape.plain_of(dialect), shape, {})


def _absent(
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
    return absent


def _halves(names: Sequence[str], shape: RowShape) -> list[str]:
    """Columns that mean something only together, of which the extract has some."""
    faults, found = [], set(declared_as(names).values())
    for group in shape.together:
        there = [c in found for c in group]
        if any(there) and not all(there):
            first = group[there.index(True)]
            faults += [
                f"column {c} is missing: {first} needs it" for c, has in zip(group, there, strict=True) if not has
            ]
    return faults


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
