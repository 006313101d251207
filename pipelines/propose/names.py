"""Which columns of an extract are meant by which canonical ones, by their names alone.

Owns how sure a name makes. Must not look at cells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pipelines.propose.field_words import folded, instrument_column, means
from schemas.dialects import Dialect
from schemas.rows.columns import Plain, RowShape
from schemas.rows.header import family_column


class Likeness(IntEnum):
    """How a column's name is like a canonical one, the most alike first."""

    SAME = 0
    FOLDED = 1
    COMMON = 2


@dataclass(frozen=True)
class Match:
    """A canonical column and what feeds it.

    Attributes:
        columns: those of the extract whose names are equally like it: where there is more than one, or where one of
            them is like another canonical column too, a person must decide.
        certain: whether names leave no doubt.
    """

    canonical: str
    columns: tuple[str, ...]
    certain: bool


def matches(header: Sequence[str], shape: RowShape, dialect: Dialect) -> list[Match]:
    """What the names of an extract's columns say, in the order of the extract.

    Args:
        header: the extract's columns.
        shape: what an operation reads.
        dialect: the age of the server.
    """
    plain = shape.plain_of(dialect)
    found: dict[str, dict[str, Likeness]] = {}
    for column in header:
        for canonical, likeness in _likenesses(column, shape, plain):
            found.setdefault(canonical, {})[column] = likeness
    best = {canonical: _most_alike(columns) for canonical, columns in found.items()}
    taken = {c for canonical, names in best.items() for c in names if found[canonical][c] < Likeness.COMMON}
    best = {n: [c for c in names if c not in taken or found[n][c] < Likeness.COMMON] for n, names in best.items()}
    best = {n: names for n, names in best.items() if names and not _lonely(n, plain, best, found)}
    uses = [column for names in best.values() for column in names]
    return [
        Match(canonical, tuple(names), len(names) == 1 and uses.count(names[0]) == 1)
        for canonical, names in sorted(best.items(), key=lambda each: header.index(each[1][0]))
    ]


def _likenesses(column: str, shape: RowShape, plain: Mapping[str, Plain]) -> Iterator[tuple[str, Likeness]]:
    """The canonical columns that one of the extract's may feed."""
    if column.startswith("_"):
        return
    if ":" in column:
        yield from ((name, Likeness.SAME) for name in _of_family(column, shape, plain))
        return
    for name in plain:
        if column == name:
            yield name, Likeness.SAME
        elif folded(column) == folded(name):
            yield name, Likeness.FOLDED
        elif means(column, name):
            yield name, Likeness.COMMON
    instrument = instrument_column(column)
    if instrument and any(family.prefix == "instrument" for family in shape.families):
        yield instrument, Likeness.COMMON


def _of_family(column: str, shape: RowShape, plain: Mapping[str, Plain]) -> Iterator[str]:
    """The canonical column that a property's key with a prefix is."""
    prefix, _, key = column.partition(":")
    for family in shape.families:
        name = f"{family.prefix}:{key}"
        if folded(prefix) == folded(family.prefix) and family_column(name, shape, plain, []):
            yield name


def _most_alike(columns: Mapping[str, Likeness]) -> list[str]:
    least = min(columns.values())
    return [column for column, likeness in columns.items() if likeness is least]


def _lonely(
    canonical: str,
    plain: Mapping[str, Plain],
    best: Mapping[str, Sequence[str]],
    found: Mapping[str, Mapping[str, Likeness]],
) -> bool:
    """Whether a column was found by a common name only, and not what it says something of: a currency of nothing."""
    beside = plain[canonical].beside if canonical in plain else ()
    likeness = min(found[canonical].values())
    return bool(beside) and likeness is Likeness.COMMON and not any(best.get(name) for name in beside)


def unused(header: Iterable[str], found: Iterable[Match]) -> list[str]:
    """The extract's columns that feed nothing."""
    used = {column for match in found for column in match.columns}
    return [column for column in header if column not in used and not column.startswith("_")]
