"""The JSON of cells, a column at a time; of texts what stands between the quotes, which templates have already."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc

from schemas.rows.binding import Binding
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import taken, text_array
from schemas.rows.whole.columns import Coded, Texts

_FIRST_PLAIN = 0x20
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
"""In their order: a backslash that stands before another character is not escaped again."""
_SHORT = frozenset("\n\r\t")


class Tokens:
    """The tokens of a batch, each column's worked out when it is first asked for."""

    def __init__(self, binding: Binding, sheet: Sheet) -> None:
        self._binding, self._sheet = binding, sheet
        self._found: dict[int, Texts] = {}

    def column(self, place: int) -> Texts:
        """Those of a column by its place in a row, behind which the key has its own."""
        if place not in self._found:
            names, sheet = self._binding.names, self._sheet
            name = names[place] if place < len(names) else ""
            cells = sheet.cells[name] if name else sheet.keys
            self._found[place] = column_tokens(cells, listed=name in self._binding.lists)
        return self._found[place]

    def columns(self) -> list[Texts]:
        """Those of all columns, and of the key."""
        return [self.column(place) for place in range(len(self._binding.names) + 1)]


def column_tokens(cells: Sequence[Any], *, listed: bool) -> Texts:
    """The JSON of each cell of a column; `listed` where they are lists."""
    if isinstance(cells, Coded):
        return Texts(taken(column_tokens(cells.values, listed=listed).array, cells.places))
    if isinstance(cells, Texts) and not listed and (plain := _escaped(cells)) is not None:
        return plain
    return Texts(text_array(_encoded([*cells], listed=listed)))


def _escaped(texts: Texts) -> Texts | None:
    """Texts with what JSON escapes; None where it escapes something uncommon."""
    data, octets = texts.data, texts.octets
    low = int(np.count_nonzero(octets < _FIRST_PLAIN))
    found = [mark for mark in _ESCAPES if (low or mark not in _SHORT) and mark.encode() in data]
    if low > sum(data.count(mark.encode()) for mark in found if mark in _SHORT):
        return None
    array = texts.array
    for mark in found:
        array = pc.replace_substring(array, mark, _ESCAPES[mark])
    return Texts(array) if found else texts


def _encoded(cells: list[Any], *, listed: bool) -> list[bytes]:
    if listed:
        return [orjson.dumps(cell) for cell in cells]
    if not cells:
        return []
    joined = orjson.dumps(cells)
    if b'\\","' in joined:  # a cell ends in `",` or a backslash: what looks like the end of a cell may stand inside it
        return [orjson.dumps(cell)[1:-1] for cell in cells]
    # Any other quote inside a cell is escaped, so `","` stands between cells only: all are encoded at once.
    return joined[2:-2].split(b'","')
