"""Forms of requests: rows that fill the same cells make requests that differ in nothing but those cells.

Which cells a row fills, and its words of a vocabulary, are its pattern. Rules between cells and the shape of a request
follow from the pattern alone, so both are settled once for each pattern, on a row of marks; in what `encode` makes of
that, cells take the marks' places. On 13 columns it takes 2.6 µs a row, 6 less than checking, building and encoding
each row by itself (docs/decisions/0010-by-the-column.md).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from pipelines.operations.operation import BodyShape, Operation
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.validated import Sheet

MOST_FORMS = 1024
"""Forms that are remembered. A row of any further pattern is checked and encoded by itself: where cells are empty at
random, in thirty columns, few patterns come twice, and a form costs as much as five rows."""

_MARK = "\ue000{}\ue000"
"""Stands where a cell goes. Cells are never looked through for it, and nothing else in a request is not ASCII."""
_PLACE = re.compile(_MARK.format("([0-9]+)").encode())

_Pattern = tuple[bool | str, ...]
_Tokens = tuple[bytes, ...]


class _Form(NamedTuple):
    """An entry with `%b` where cells go, and how these are picked, in their order, from all cells of a row."""

    template: bytes
    pick: Callable[[_Tokens], _Tokens | bytes]


def _no_cells(_: _Tokens) -> _Tokens:
    return ()


_REFUSED = _Form(b"", _no_cells)
"""The form of a pattern that breaks a rule."""


class Forms:
    """Makes the entries of rows."""

    def __init__(self, binding: Binding, encode: Callable[[str, Row], bytes]) -> None:
        """Makes entries as `encode` does from a key and a validated row, whatever the cells hold."""
        self._binding, self._encode = binding, encode
        self._form_of: dict[_Pattern, _Form] = {}

    def entries(self, sheet: Sheet) -> list[bytes]:
        """The entry of each row, b"" where it breaks a rule; what was refused counts as empty."""
        names = list(sheet.cells)
        known = self._form_of
        forms = [known.get(pattern) or self._new(pattern, names) for pattern in self._patterns(sheet)]
        if 2 * sum(form is None for form in forms) > len(forms):
            return [self._by_itself(sheet, position) for position in range(len(forms))]
        tokens = [_tokens(sheet.cells[name], listed=name in self._binding.lists) for name in names]
        rows = zip(*tokens, _tokens(sheet.keys, listed=False), strict=True)
        return [
            form.template % form.pick(cells) if form else self._by_itself(sheet, position)
            for position, (form, cells) in enumerate(zip(forms, rows, strict=True))
        ]

    def _patterns(self, sheet: Sheet) -> Iterator[_Pattern]:
        words = self._binding.words
        return zip(*(c if n in words else list(map(bool, c)) for n, c in sheet.cells.items()), strict=True)

    def _by_itself(self, sheet: Sheet, position: int) -> bytes:
        row = sheet.row(position)
        return b"" if self._binding.broken_rules(row) else self._encode(sheet.keys[position], row)

    def _new(self, pattern: _Pattern, names: Sequence[str]) -> _Form | None:
        """The form of a new pattern; None past the bound."""
        if len(self._form_of) >= MOST_FORMS:
            return None
        return self._form_of.setdefault(pattern, self._form(pattern, names))

    def _form(self, pattern: _Pattern, names: Sequence[str]) -> _Form:
        row = {name: self._stand_in(place, name, pattern[place]) for place, name in enumerate(names)}
        if self._binding.broken_rules(row):
            return _REFUSED
        entry = self._encode(_MARK.format(len(names)), row)
        places = [int(place) for place in _PLACE.findall(entry)]
        return _Form(_PLACE.sub(b"%b", entry.replace(b"%", b"%%")), itemgetter(*places) if places else _no_cells)

    def _stand_in(self, place: int, name: str, seen: bool | str) -> Any:  # noqa: FBT001  # it is what a row shows
        """What rules and `encode` see in place of a cell: its word, nothing, or a mark."""
        if isinstance(seen, str):
            return seen
        if name in self._binding.lists:
            return orjson.Fragment(_MARK.format(place)) if seen else []
        return _MARK.format(place) if seen else ""


def _tokens(cells: Sequence[Any], *, listed: bool) -> list[bytes]:
    """The JSON of each cell; of a text what stands between its quotes, which the form has already."""
    if listed:
        return [orjson.dumps(cell) for cell in cells]
    joined = orjson.dumps(cells)
    if b'\\","' in joined:  # a cell ends in `",` or a backslash: what looks like the end of a cell may stand inside it
        return [orjson.dumps(cell)[1:-1] for cell in cells]
    # Any other quote inside a cell is escaped, so `","` stands between cells only: all are encoded at once.
    return joined[2:-2].split(b'","')


def request_encoder(operation: Operation, build: Callable[[object], object]) -> Callable[[str, object], bytes]:
    """Encodes a request as it stands in a call, with the comma that follows it."""
    dumps = orjson.dumps
    if operation.body is BodyShape.KEYED:
        return lambda key, rows: b"%b:%b," % (dumps(key), dumps(build(rows)))
    return lambda _, rows: dumps(build(rows)) + b","
