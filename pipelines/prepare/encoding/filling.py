"""Fills the cells of many rows into their templates at once: one join of columns and of what stands between them."""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.prepare.encoding.patterns import Places
from schemas.rows.whole.arrays import NOTHING, flag_array, one_text, taken, text_array
from schemas.rows.whole.columns import Texts

_MOST_SLOTS = 4
"""Slots for each cell of a row, at most; a template that would need more is filled by itself."""


class Template(NamedTuple):
    """JSON with cells in it.

    Attributes:
        texts: what stands before each cell, and behind the last.
        places: of the cells, among all cells of a row.
    """

    texts: Sequence[str]
    places: Sequence[int]


class _Fitted(NamedTuple):
    """A template by slots, of which it fills some.

    Attributes:
        texts: what stands before each slot, and behind the last.
        fills: whether it fills each slot.
    """

    texts: Sequence[str]
    fills: Sequence[bool]


class Filling:
    """Fits templates into one row of slots, each of which takes the cells of one column, and fills them together."""

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._templates: list[Template] = []
        self._fitted: list[_Fitted] = []

    def add(self, template: Template, width: int) -> int | None:
        """Takes a template in, and gives its number; None where it fits in with no others.

        Args:
            template: one more.
            width: cells of a row, its key included.
        """
        if _fitted(template, self._slots) is None:
            slots = _merged(self._slots, template.places)
            if len(slots) > _MOST_SLOTS * width:
                return None
            self._slots = slots
            self._fitted = [_sure(_fitted(each, slots)) for each in self._templates]
        self._templates.append(template)
        self._fitted.append(_sure(_fitted(template, self._slots)))
        return len(self._templates) - 1

    def filled(self, numbers: Sequence[int], of_row: Places, column: Callable[[int], Texts]) -> Any:
        """What each row makes, as an array of Arrow.

        Args:
            numbers: the templates that are used, at least one.
            of_row: of each row its template's place among them.
            column: gives the tokens of a column by its place in a row.
        """
        parts = [*self._parts([self._fitted[number] for number in numbers], of_row, column)]
        if all(isinstance(part, str) for part in parts):
            return pa.repeat(one_text("".join(parts)), len(of_row))
        arrays = [one_text(part) if isinstance(part, str) else part for part in parts]
        return pc.binary_join_element_wise(*arrays, NOTHING)

    def _parts(self, used: Sequence[_Fitted], of_row: Places, column: Callable[[int], Texts]) -> Iterator[Any]:
        """What is joined: texts that all rows share, texts by template, and cells."""
        texts = [""] * len(used)
        for slot, place in enumerate(self._slots):
            texts = [text + fitted.texts[slot] for text, fitted in zip(texts, used, strict=True)]
            fills = [fitted.fills[slot] for fitted in used]
            if any(fills):
                yield from _by_template(texts, of_row)
                texts = [""] * len(used)
                yield _where(fills, of_row, column(place))
        yield from _by_template([t + fitted.texts[-1] for t, fitted in zip(texts, used, strict=True)], of_row)


def _by_template(texts: Sequence[str], of_row: Places) -> Iterator[Any]:
    """The text of each row's template."""
    if any(text != texts[0] for text in texts):
        yield taken(text_array([text.encode() for text in texts]), of_row)
    elif texts[0]:
        yield texts[0]


def _where(fills: Sequence[bool], of_row: Places, cells: Texts) -> Any:
    """The cells of the rows whose templates take them; what others may have there goes into no request."""
    if all(fills):
        return cells.array
    takes = np.array(fills)[of_row]
    return pc.if_else(flag_array(takes), cells.array, NOTHING) if (cells.filled & ~takes).any() else cells.array


def _fitted(template: Template, slots: Sequence[int]) -> _Fitted | None:
    """A template by these slots; None where its cells are in another order."""
    texts, fills, cells = [""] * (len(slots) + 1), [False] * len(slots), 0
    for slot, place in enumerate(slots):
        if cells < len(template.places) and template.places[cells] == place:
            texts[slot], fills[slot] = template.texts[cells], True
            cells += 1
    texts[-1] = template.texts[-1]
    return _Fitted(texts, fills) if cells == len(template.places) else None


def _sure(fitted: _Fitted | None) -> _Fitted:
    assert fitted is not None, "slots were merged so that the template fits"  # noqa: S101
    return fitted


def _merged(slots: Sequence[int], places: Sequence[int]) -> list[int]:
    """Slots into which both the present ones and a template's cells fit, in their order."""
    found: list[int] = []
    for _, first, last, begin, end in SequenceMatcher(None, slots, places, autojunk=False).get_opcodes():
        found += slots[first:last]
        found += [] if slots[first:last] == [*places[begin:end]] else places[begin:end]
    return found
