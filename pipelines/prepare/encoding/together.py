"""Makes the requests of many keys at once, each of all rows of its key, as long as nothing speaks against it.

What does is left to whoever looks at one key after the other: rows that may be copies, that contradict each other or
do not have one key although its hash, and patterns without a template.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.prepare.encoding.filling import Filling, Template
from pipelines.prepare.encoding.parts import Parts, Places
from schemas.rows.whole.arrays import NOTHING, flags_in, one_text, taken
from schemas.rows.whole.columns import Flags, Texts

_NONE, _UNFIT = -1, -2
"""In place of a template's number: a row adds nothing to a list; its template fits in with no others."""


class Listed(NamedTuple):
    """The tokens of an item of a list, by their places in a row.

    Attributes:
        key: those that identify it in its request.
        owned: all of them.
    """

    key: Sequence[int]
    owned: Sequence[int]


class Together:
    """The templates of requests that several rows make, filled in for many keys at once.

    Attributes:
        width: tokens of a row; the last names its pattern, the one before that its key.
    """

    def __init__(self, width: int, shared: Sequence[int], lists: Sequence[Listed]) -> None:
        """Has no template yet.

        Args:
            width: see above.
            shared: those in which the rows of a request agree.
            lists: the items of each list to which rows add; a template has the lists behind the tokens of the row.
        """
        self.width, self._lists = width, lists
        self._alike = [*shared, width - 2]
        self._filling, self._fillings = Filling(), [Filling() for _ in lists]
        self._place_of: dict[str, int] = {}
        self._whole: list[int] = []
        self._items: list[list[int]] = [[] for _ in lists]

    def add(self, pattern: bytes, whole: Template, items: Sequence[Template | None]) -> None:
        """Takes in the templates of one more pattern.

        Args:
            pattern: how parts name it.
            whole: of a request that begins with such a row.
            items: of what such a row adds to each list; None where that is nothing.
        """
        most = self.width + len(self._lists)
        self._place_of[pattern.decode()] = len(self._whole)
        number = self._filling.add(whole, most)
        self._whole.append(_UNFIT if number is None else number)
        for numbers, filling, item in zip(self._items, self._fillings, items, strict=True):
            number = filling.add(item, most) if item else _NONE
            numbers.append(_UNFIT if number is None else number)

    def entries(self, parts: Parts, starts: Places) -> tuple[Texts, Flags]:
        """The entry of each key, and which keys have to be looked at by themselves.

        Args:
            parts: the rows, those of a key behind each other.
            starts: where each key's rows begin, and where the last one's end.
        """
        of_key = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        firsts = starts[:-1]
        further = np.flatnonzero(firsts[of_key] != np.arange(len(parts)))
        patterns = self._patterns(parts)
        whole = np.array([*self._whole, _UNFIT])[patterns]
        odd = whole < 0
        odd[further] |= self._unlike_the_row_before(parts)[further]
        adds, lists = np.zeros(len(parts), np.bool_), []
        for listed, filling, numbers in zip(self._lists, self._fillings, self._items, strict=True):
            templates = np.array([*numbers, _UNFIT])[patterns]
            odd |= templates == _UNFIT
            new = _new_items(parts, listed, np.flatnonzero(templates >= 0), of_key, odd)
            adds[new] = True
            lists.append(_listed(filling, templates[new], of_key[new], len(firsts), parts, new))
        odd[further] |= ~adds[further]  # it may be a copy
        columns = _Columns(parts, firsts, lists)
        made = _filled(self._filling, np.maximum(whole[firsts], 0), columns)
        return Texts(made), np.logical_or.reduceat(odd, firsts)

    def _unlike_the_row_before(self, parts: Parts) -> Flags:
        """Which rows differ from the row before in what the rows of a request must agree in."""
        found = np.zeros(len(parts), np.bool_)
        for place in self._alike:
            tokens = parts.column(place).array
            found[1:] |= flags_in(pc.not_equal(tokens.slice(1), tokens.slice(0, len(parts) - 1)))
        return found

    def _patterns(self, parts: Parts) -> Places:
        """The pattern of each row, numbered in the order they were added; one more where it has no template."""
        told, numbers = parts.numbered(self.width - 1)
        found: Places = np.array([self._place_of.get(name, len(self._whole)) for name in told], np.int64)[numbers]
        return found


class _Columns:
    """The tokens of some rows, and the lists of their keys."""

    def __init__(self, parts: Parts, rows: Places, lists: Sequence[Texts] = ()) -> None:
        self._parts, self._rows, self._lists = parts, rows, lists

    def __call__(self, place: int) -> Texts:
        if place >= self._parts.width:
            return self._lists[place - self._parts.width]
        return Texts(taken(self._parts.column(place).array, self._rows))


def _filled(filling: Filling, templates: npt.NDArray[np.int64], column: Any) -> Any:
    used, of_row = np.unique(templates, return_inverse=True)
    return filling.filled(used.tolist(), of_row, column)


def _differ(parts: Parts, places: Sequence[int], rows: Places, others: Places) -> Flags:
    """Which rows differ from others in one of these tokens."""
    found = np.zeros(len(rows), np.bool_)
    for place in places if len(rows) else ():
        numbers = parts.numbered(place)[1]
        found |= numbers[rows] != numbers[others]
    return found


def _new_items(parts: Parts, listed: Listed, rows: Places, of_key: Places, odd: Flags) -> Places:
    """Those of some rows that add an item to a list, and do not repeat it; `odd` become those that contradict it."""
    if not len(rows):
        return rows
    together = of_key[rows]
    for place in listed.key:
        different, numbers = parts.numbered(place)
        together = np.unique(together * len(different) + numbers[rows], return_inverse=True)[1]
    _, firsts, of_item = np.unique(together, return_index=True, return_inverse=True)
    first = firsts[of_item]
    again = np.flatnonzero(first != np.arange(len(rows)))
    odd[rows[again]] |= _differ(parts, listed.owned, rows[again], rows[first[again]])
    new: Places = rows[first == np.arange(len(rows))]
    return new


def _listed(
    filling: Filling, templates: npt.NDArray[np.int64], of_key: Places, keys: int, parts: Parts, rows: Places
) -> Texts:
    """The list of each key, as JSON, of the items that some rows add."""
    if not len(rows):
        return Texts(pa.repeat(one_text("[]"), keys))
    items = _filled(filling, templates, _Columns(parts, rows))
    ends = np.zeros(keys + 1, np.int32)
    np.cumsum(np.bincount(of_key, minlength=keys), out=ends[1:])
    lists = pa.Array.from_buffers(pa.list_(pa.string()), keys, [None, pa.py_buffer(ends)], children=[items])
    joined = pc.binary_join(lists, one_text(","))
    return Texts(pc.binary_join_element_wise(one_text("["), joined, one_text("]"), NOTHING))
