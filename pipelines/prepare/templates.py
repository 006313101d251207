"""Request templates: rows that fill the same cells make requests that differ in nothing but those cells.

Which cells a row fills, and its words of a vocabulary, are its pattern. Rules between cells and the shape of a request
follow from the pattern alone, so both are settled once for each pattern, on a row of marks; in what is encoded of
that, cells take the marks' places (docs/decisions/0010-validation-by-column.md).
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from pipelines.operations.operation import BodyShape, Operation
from schemas.requests.members import Disagreement, Gathered, Member, disagreements, shared_columns
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.side_by_side import Slot, plain_name, spread
from schemas.rows.validated import Sheet

MOST_PATTERNS = 1024
"""Patterns that are remembered. A row of any further one is checked and encoded by itself: where cells are empty at
random, in thirty columns, few patterns come twice, and a template costs as much as five rows."""

_MARK = "\ue000{}\ue000"
"""Stands where a cell goes. Cells are never looked through for it; words, which stand in the template, are."""
_PLACE = re.compile(_MARK.format("([0-9]+)").encode())

_Pattern = tuple[bool | str, ...]
_Tokens = Sequence[bytes]
_Pick = Callable[[_Tokens], Any]
Encode = Callable[[str, Any], bytes]
"""Makes an entry of a key, and of a validated row or several."""


class _Template(NamedTuple):
    """JSON with `%b` where cells go, and how these are picked, in their order, from all cells of a row."""

    text: bytes
    pick: _Pick


_REFUSED = _Template(b"", lambda _: ())
"""The template of a pattern that breaks a rule."""


def _template(encoded: bytes) -> _Template:
    """The template of what a row of marks is encoded as."""
    places = [int(place) for place in _PLACE.findall(encoded)]
    return _Template(_PLACE.sub(b"%b", encoded.replace(b"%", b"%%")), _picker(places))


def _picker(places: Sequence[int]) -> _Pick:
    return itemgetter(*places) if places else _REFUSED.pick


class Templates:
    """Makes the entries of rows that are a request each."""

    def __init__(self, binding: Binding, encode: Encode) -> None:
        """Makes entries as `encode` does from a key and a validated row, whatever the cells hold."""
        self._binding, self._encode = binding, encode
        self._template_of: dict[_Pattern, _Template] = {}

    def entries(self, sheet: Sheet) -> list[bytes]:
        """The entry of each row, b"" where it breaks a rule; what was refused counts as empty."""
        known = self._template_of
        templates = [known.get(pattern) or self._new(pattern) for pattern in _patterns(self._binding, sheet)]
        if 2 * templates.count(None) > len(templates):
            return [self._by_itself(sheet, position) for position in range(len(templates))]
        return [
            template.text % template.pick(cells) if template else self._by_itself(sheet, position)
            for position, (template, cells) in enumerate(zip(templates, _tokens(self._binding, sheet), strict=True))
        ]

    def _by_itself(self, sheet: Sheet, position: int) -> bytes:
        row = sheet.row(position)
        return b"" if self._binding.broken_rules(row) else self._encode(sheet.keys[position], row)

    def _new(self, pattern: _Pattern) -> _Template | None:
        """The template of a new pattern; None where it has none."""
        if len(self._template_of) >= MOST_PATTERNS or _has_mark(pattern):
            return None
        row = _row_of_marks(self._binding, pattern)
        refused = self._binding.broken_rules(row)
        template = _REFUSED if refused else _template(self._encode(_MARK.format(len(row)), row))
        return self._template_of.setdefault(pattern, template)


class _Gathered(NamedTuple):
    """The templates of one pattern, where rows of one key make one request.

    Attributes:
        whole: of the request that begins with such a row; its lists stand behind the cells of the row.
        items: of what such a row adds to each list, one for each item that it may have; None where that is nothing.
    """

    whole: _Template
    items: Sequence[Sequence[_Template | None]]


class _Item(NamedTuple):
    """One item that a row may add to a list.

    Attributes:
        slot: its canonical columns, with their names in a row.
        key: picks the tokens of its key.
        owned: picks those of all its cells.
    """

    slot: Slot
    key: _Pick
    owned: _Pick


_APART = b"\n"
"""Stands between the tokens of a part: JSON has no line feed."""
_BROKEN, _UNKNOWN = b"-", b"?"
"""In place of a pattern's number: it breaks a rule; it has no template."""


class GatheredTemplates:
    """Makes the entries of requests that rows of one key make together.

    Until they are together, each row is a part: the tokens of its cells and of its key, and its pattern's number. Rows
    are alike where their parts are.

    Attributes:
        names_size: bytes by which a row as JSON is longer than the tokens of its cells.
    """

    def __init__(self, binding: Binding, operation: Operation, build: Gathered) -> None:
        """Makes entries as `build` does from validated rows, whatever the cells hold."""
        self._binding, self._build, self._members = binding, build, operation.members
        self._number_of: dict[_Pattern, bytes] = {}
        self._templates: dict[bytes, _Gathered] = {}
        names = binding.names
        lists = {m: orjson.Fragment(_MARK.format(len(names) + 2 + i)) for i, m in enumerate(self._members)}
        self._encode = request_encoder(operation, build)
        self._encode_whole = request_encoder(operation, lambda row: build.whole(row, lists))
        self.names_size = len(orjson.dumps(dict.fromkeys(names, ""))) - 2 * sum(name in binding.lists for name in names)
        self._shared = shared_columns(binding.columns, self._members)
        self._shared_cells = _picker([names.index(c) for c in self._shared])
        self._items = [self._items_of(member) for member in self._members]

    def _items_of(self, member: Member) -> list[_Item]:
        """The items that a row may add to a list: one, or as many as the mapping has side by side."""
        names = self._binding.names
        own = {name: name for name in member.own(name for name in names if plain_name(name) == name)}
        slots = [slot for slot in self._binding.items if own.keys() & slot.keys()] or [own]
        return [
            _Item(
                slot,
                _picker([names.index(slot[c]) for c in member.key if c in slot]),
                _picker([names.index(name) for name in slot.values()]),
            )
            for slot in slots
        ]

    def parts(self, sheet: Sheet) -> list[bytes]:
        """The part of each row, b"" where it breaks a rule; what was refused counts as empty."""
        known = self._number_of
        numbers = [known.get(pattern) or self._new(pattern) for pattern in _patterns(self._binding, sheet)]
        if _UNKNOWN in numbers:
            broken = self._binding.broken_rules
            numbers = [_BROKEN if n == _UNKNOWN and broken(sheet.row(i)) else n for i, n in enumerate(numbers)]
        parts = list(map(_APART.join, _tokens(self._binding, sheet, numbers)))
        return parts if _BROKEN not in numbers else [p if p[-1:] != _BROKEN else b"" for p in parts]

    def _new(self, pattern: _Pattern) -> bytes:
        """The number of a new pattern."""
        if len(self._number_of) >= MOST_PATTERNS or _has_mark(pattern):
            return _UNKNOWN
        row, number = _row_of_marks(self._binding, pattern), _BROKEN
        if not self._binding.broken_rules(row):
            number = b"%d" % len(self._templates)
            items = [
                [self._template_of(member, item, row) for item in items]
                for member, items in zip(self._members, self._items, strict=True)
            ]
            whole = _template(self._encode_whole(_MARK.format(len(row)), row))
            self._templates[number] = _Gathered(whole, items)
        return self._number_of.setdefault(pattern, number)

    def _template_of(self, member: Member, item: _Item, row: Row) -> _Template | None:
        """The template of an item of a row of marks."""
        if not any(map(row.get, item.slot.values())):
            return None
        return _template(orjson.dumps(self._build.items[member]({**row, **{n: row[s] for n, s in item.slot.items()}})))

    def entry(self, parts: Collection[bytes]) -> bytes | None:
        """The entry of rows of one key, all different; None where two of them contradict each other."""
        rows = [part.split(_APART) for part in parts]
        templates = [found for row in rows if (found := self._templates.get(row[-1]))]
        if len(templates) < len(rows):
            return None if self.disagreements(parts) else self._by_itself(parts)
        if len(rows) > 1 and len(set(map(self._shared_cells, rows))) > 1:
            return None
        lists = [self._list(place, rows, templates) for place in range(len(self._members))]
        first, whole = rows[0], templates[0].whole
        first += filter(None, lists)
        return None if None in lists else whole.text % whole.pick(first)

    def _list(self, place: int, rows: Sequence[_Tokens], templates: Sequence[_Gathered]) -> bytes | None:
        """The list of one member; None where two rows of one item differ."""
        seen, items = {}, []
        for row, templates_of_row in zip(rows, templates, strict=True):
            for template, item in zip(templates_of_row.items[place], self._items[place], strict=True):
                if template is None:
                    continue
                key, owned = item.key(row), item.owned(row)
                if key not in seen:
                    seen[key] = owned
                    items.append(template.text % template.pick(row))
                elif seen[key] != owned:
                    return None
        return b"[%b]" % b",".join(items)

    def _by_itself(self, parts: Collection[bytes]) -> bytes:
        *_, key, _ = next(iter(parts)).split(_APART)
        return self._encode(orjson.loads(b'"%b"' % key), [row for part in parts for row in self._spread(part)])

    def _spread(self, part: bytes) -> list[Row]:
        """The validated row of a part, as a row for each item that it may add to a list."""
        return spread(self.row(part), self._binding.items)

    def disagreements(self, parts: Collection[bytes]) -> list[Disagreement]:
        """All that rows of one key contradict each other in."""
        rows = [(place, row) for place, part in enumerate(parts) for row in self._spread(part)]
        found = disagreements([row for _, row in rows], self._shared, self._members)
        return [replace(clash, first=rows[clash.first][0], second=rows[clash.second][0]) for clash in found]

    def size(self, part: bytes) -> int:
        """Bytes of a row as JSON, its columns' names included: a row larger than a call is refused by itself."""
        *tokens, _, _ = part.split(_APART)
        return self.names_size + sum(map(len, tokens))

    def row(self, part: bytes) -> Row:
        """The validated row of a part."""
        lists = self._binding.lists
        tokens = zip(self._binding.names, part.split(_APART), strict=False)
        return {name: orjson.loads(token if name in lists else b'"%b"' % token) for name, token in tokens}


def _patterns(binding: Binding, sheet: Sheet) -> Iterator[_Pattern]:
    """The pattern of each row."""
    words, clearing = binding.words, binding.columns.clearing
    columns: list[Sequence[bool | str]] = [
        c if n in words else [CLEAR if x == CLEAR else bool(x) for x in c] if n in clearing else list(map(bool, c))
        for n, c in sheet.cells.items()
    ]
    return zip(*columns, strict=True)


def _has_mark(pattern: _Pattern) -> bool:
    """Whether a word would be taken for the place of a cell: of some columns LUSID alone knows the words."""
    return any(isinstance(seen, str) and _MARK[0] in seen for seen in pattern)


def _row_of_marks(binding: Binding, pattern: _Pattern) -> Row:
    """What rules and builders see in place of a row: words, marks, or nothing."""
    row: Row = {}
    for place, (name, seen) in enumerate(zip(binding.names, pattern, strict=True)):
        mark = _MARK.format(place)
        if isinstance(seen, str):
            row[name] = seen
        elif name in binding.lists:
            row[name] = orjson.Fragment(mark) if seen else []
        else:
            row[name] = mark if seen else ""
    return row


def _tokens(binding: Binding, sheet: Sheet, *further: list[bytes]) -> Iterator[tuple[bytes, ...]]:
    """For each row the tokens of its cells, that of its key, and what else is given."""
    columns = [_column_tokens(cells, listed=name in binding.lists) for name, cells in sheet.cells.items()]
    return zip(*columns, _column_tokens(sheet.keys, listed=False), *further, strict=True)


def _column_tokens(cells: Sequence[Any], *, listed: bool) -> list[bytes]:
    """The JSON of each cell; of a text what stands between its quotes, which templates have already."""
    if listed:
        return [orjson.dumps(cell) for cell in cells]
    joined = orjson.dumps(cells)
    if b'\\","' in joined:  # a cell ends in `",` or a backslash: what looks like the end of a cell may stand inside it
        return [orjson.dumps(cell)[1:-1] for cell in cells]
    # Any other quote inside a cell is escaped, so `","` stands between cells only: all are encoded at once.
    return joined[2:-2].split(b'","')


def request_encoder(operation: Operation, build: Callable[[Any], object]) -> Encode:
    """Encodes a request as it stands in a call, with the comma that follows it."""
    dumps = orjson.dumps
    if operation.body is BodyShape.KEYED:
        return lambda key, rows: b"%b:%b," % (dumps(key), dumps(build(rows)))
    return lambda _, rows: dumps(build(rows)) + b","
