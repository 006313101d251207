"""Request templates: rows that fill the same cells make requests that differ in nothing but those cells.

Which cells a row fills, and its words of a vocabulary, are its pattern. Rules between cells and the shape of a request
follow from the pattern alone, so both are settled once for each pattern, on a row of marks; in what is encoded of
that, cells take the marks' places (docs/decisions/0010-validation-by-column.md).
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow.compute as pc

from pipelines.operations.operation import BodyShape, Operation
from pipelines.prepare.encoding.entries import Entries
from pipelines.prepare.encoding.filling import Filling, Template
from pipelines.prepare.encoding.patterns import MARK, Pattern, has_mark, patterns_of, row_of_marks
from pipelines.prepare.encoding.tokens import Tokens
from schemas.rows.binding import Binding
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import flag_array, text_array

MOST_PATTERNS = 1024
"""Patterns that are remembered. A row of any further one is checked and encoded by itself: where cells are empty at
random, in thirty columns, few patterns come twice, and a template costs as much as five rows."""

_PLACE = re.compile(MARK.format("([0-9]+)"))
_PLACE_IN_BYTES = re.compile(_PLACE.pattern.encode())

RowTokens = Sequence[bytes]
Pick = Callable[[RowTokens], Any]
Encode = Callable[[str, Any], bytes]
"""Makes an entry of a key, and of a validated row or several."""


class RowTemplate(NamedTuple):
    """JSON with `%b` where cells go, and how these are picked, in their order, from all cells of a row."""

    text: bytes
    pick: Pick


_REFUSED = RowTemplate(b"", lambda _: ())
"""The template of a pattern that breaks a rule."""


def template_of(encoded: bytes) -> RowTemplate:
    """The template of what a row of marks is encoded as."""
    places = [int(place) for place in _PLACE_IN_BYTES.findall(encoded)]
    return RowTemplate(_PLACE_IN_BYTES.sub(b"%b", encoded.replace(b"%", b"%%")), picker(places))


def picker(places: Sequence[int]) -> Pick:
    """What picks the tokens at these places, in their order."""
    return itemgetter(*places) if places else _REFUSED.pick


def in_pieces(encoded: bytes) -> Template:
    """The same, as it is filled in for many rows at once."""
    texts = _PLACE.split(encoded.decode())
    return Template(texts[::2], [*map(int, texts[1::2])])


class Templates:
    """Makes the entries of rows that are a request each."""

    def __init__(self, binding: Binding, encode: Encode) -> None:
        """Makes entries as `encode` does from a key and a validated row, whatever the cells hold."""
        self._binding, self._encode = binding, encode
        self._number_of: dict[Pattern, int | None] = {}
        self._filling = Filling()

    def entries(self, sheet: Sheet) -> Entries:
        """The entry of each row, b"" where it breaks a rule; what was refused counts as empty."""
        known = self._number_of
        different, of_row = patterns_of(self._binding, sheet)
        numbers = [known[each] if each in known else self._new(each) for each in different]
        apart = np.array([number is None for number in numbers])[of_row]
        if 2 * np.count_nonzero(apart) > len(apart):
            return Entries.of([self._by_itself(sheet, position) for position in range(len(apart))])
        made = self._filling.filled([number or 0 for number in numbers], of_row, Tokens(self._binding, sheet).column)
        if apart.any():
            alone = [self._by_itself(sheet, position) for position in np.flatnonzero(apart).tolist()]
            made = pc.replace_with_mask(made, flag_array(apart), text_array(alone))
        return Entries(made)

    def _by_itself(self, sheet: Sheet, position: int) -> bytes:
        row = sheet.row(position)
        return b"" if self._binding.broken_rules(row) else self._encode(sheet.keys[position], row)

    def _new(self, pattern: Pattern) -> int | None:
        """The number of a new pattern's template; None where it has none."""
        if len(self._number_of) >= MOST_PATTERNS or has_mark(pattern):
            return None
        row = row_of_marks(self._binding, pattern)
        refused = self._binding.broken_rules(row)
        encoded = b"" if refused else self._encode(MARK.format(len(row)), row)
        number = self._filling.add(in_pieces(encoded), len(row) + 1)
        return self._number_of.setdefault(pattern, number)


def request_encoder(operation: Operation, build: Callable[[Any], object]) -> Encode:
    """Encodes a request as it stands in a call, with the comma that follows it."""
    dumps = orjson.dumps
    if operation.body is BodyShape.KEYED:
        return lambda key, rows: b"%b:%b," % (dumps(key), dumps(build(rows)))
    return lambda _, rows: dumps(build(rows)) + b","
