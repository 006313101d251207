"""Which cells a row fills, and which words of a vocabulary it uses: all that its request's shape depends on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import encoded
from schemas.rows.whole.columns import Coded, Texts, filled, values_of

Pattern = tuple[bool | str, ...]
Places = npt.NDArray[np.int64]

MARK = "\ue000{}\ue000"
"""Stands where a cell goes. Cells are never looked through for it; words, which stand in the template, are."""

_FEW = 1 << 16
"""So many patterns are told apart by counting; more by sorting, which takes three times as long."""
_MANY = 1 << 40
_FILLED: Sequence[bool | str] = (False, True)


class Patterns(NamedTuple):
    """The patterns of a batch.

    Attributes:
        different: in the order of their first rows.
        of_row: of each row its place among them.
    """

    different: list[Pattern]
    of_row: Places


class _Column(NamedTuple):
    """What patterns see of a column: the number of each cell, and what the numbers stand for."""

    numbers: npt.NDArray[Any]
    seen: Sequence[bool | str]


def patterns_of(binding: Binding, sheet: Sheet) -> Patterns:
    """The patterns of a batch's rows."""
    words, clearing = binding.words, binding.columns.clearing
    columns = [
        _worded(cells) if name in words else _cleared(cells) if name in clearing else _Column(filled(cells), _FILLED)
        for name, cells in sheet.cells.items()
    ]
    firsts, of_row = _numbered(columns, len(sheet.keys))
    different = [tuple([column.seen[int(column.numbers[first])] for column in columns]) for first in firsts]
    return Patterns(different, of_row)


def _worded(cells: Sequence[Any]) -> _Column:
    """A column of words."""
    if isinstance(cells, Texts):
        found, places = encoded(cells.array)
        return _Column(places, found.to_pylist())
    number_of: dict[str, int] = {}
    different = values_of(cells)
    numbers = np.array([number_of.setdefault(word, len(number_of)) for word in different], np.int64)
    return _Column(numbers[cells.places] if isinstance(cells, Coded) else numbers, [*number_of])


def _cleared(cells: Sequence[Any]) -> _Column:
    """A column in which a cell may clear what LUSID has."""
    return _Column(np.array([2 if cell == CLEAR else bool(cell) for cell in cells], np.int64), (*_FILLED, CLEAR))


def _numbered(columns: Sequence[_Column], count: int) -> tuple[list[int], Places]:
    """The first row of each combination, ascending, and of each row the number of its own."""
    together, most = np.zeros(count, np.int64), 1
    for numbers, seen in columns:
        if len(seen) < 2 or (numbers == numbers[0]).all():
            continue
        if most * len(seen) > _MANY:
            together = np.unique(together, return_inverse=True)[1].astype(np.int64)
            most = int(together.max()) + 1
        together = together * len(seen) + numbers
        most *= len(seen)
    if most <= _FEW:
        first_of = np.full(most, count, np.int64)
        first_of[together[::-1]] = np.arange(count - 1, -1, -1)
        found = np.flatnonzero(first_of < count)
        firsts = first_of[found]
    else:
        found, firsts = np.unique(together, return_index=True)
    order = np.argsort(firsts)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return firsts[order].tolist(), rank[np.searchsorted(found, together)]


def has_mark(pattern: Pattern) -> bool:
    """Whether a word would be taken for the place of a cell: of some columns LUSID alone knows the words."""
    return any(isinstance(seen, str) and MARK[0] in seen for seen in pattern)


def row_of_marks(binding: Binding, pattern: Pattern) -> Row:
    """What rules and builders see in place of a row: words, marks, or nothing."""
    row: Row = {}
    for place, (name, seen) in enumerate(zip(binding.names, pattern, strict=True)):
        mark = MARK.format(place)
        if isinstance(seen, str):
            row[name] = seen
        elif name in binding.lists:
            row[name] = orjson.Fragment(mark) if seen else []
        else:
            row[name] = mark if seen else ""
    return row
