"""Request templates: rows that fill the same cells make requests that differ in nothing but those cells.

Which cells a row fills, and its words of a vocabulary, are its pattern. Rules between cells and the shape of a request
follow from the pattern alone, so both are settled once for each pattern, on a row of marks; in what is encoded of
that, cells take the marks' places (docs/decisions/0010-validation-by-column.md).
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow.compute as pc

from pipelines.operations.operation import BodyShape, Operation
from pipelines.prepare.entries import Entries
from pipelines.prepare.filling import Filling, Template
from pipelines.prepare.parts import APART
from pipelines.prepare.patterns import MARK, Pattern, has_mark, patterns_of, row_of_marks
from pipelines.prepare.together import Listed, Together
from pipelines.prepare.tokens import Tokens
from schemas.requests.members import Disagreement, Gathered, Member, disagreements, shared_columns
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.side_by_side import Slot, plain_name, spread
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import NOTHING, flag_array, one_text, taken, text_array

MOST_PATTERNS = 1024
"""Patterns that are remembered. A row of any further one is checked and encoded by itself: where cells are empty at
random, in thirty columns, few patterns come twice, and a template costs as much as five rows."""

_PLACE = re.compile(MARK.format("([0-9]+)"))
_PLACE_IN_BYTES = re.compile(_PLACE.pattern.encode())

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
    places = [int(place) for place in _PLACE_IN_BYTES.findall(encoded)]
    return _Template(_PLACE_IN_BYTES.sub(b"%b", encoded.replace(b"%", b"%%")), _picker(places))


def _picker(places: Sequence[int]) -> _Pick:
    return itemgetter(*places) if places else _REFUSED.pick


def _in_pieces(encoded: bytes) -> Template:
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
        number = self._filling.add(_in_pieces(encoded), len(row) + 1)
        return self._number_of.setdefault(pattern, number)


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


_BROKEN, _UNKNOWN = b"-", b"?"
"""In place of a pattern's number: it breaks a rule; it has no template."""


class GatheredTemplates:
    """Makes the entries of requests that rows of one key make together.

    Until they are together, each row is a part: the tokens of its cells and of its key, and its pattern's number. Rows
    are alike where their parts are.

    Attributes:
        names_size: bytes by which a row as JSON is longer than the tokens of its cells.
        together: makes many of them at once; None where a row may add several items to a list.
    """

    def __init__(self, binding: Binding, operation: Operation, build: Gathered) -> None:
        """Makes entries as `build` does from validated rows, whatever the cells hold."""
        self._binding, self._build, self._members = binding, build, operation.members
        self._number_of: dict[Pattern, bytes] = {}
        self._templates: dict[bytes, _Gathered] = {}
        names = binding.names
        lists = {m: orjson.Fragment(MARK.format(len(names) + 2 + i)) for i, m in enumerate(self._members)}
        self._encode = request_encoder(operation, build)
        self._encode_whole = request_encoder(operation, lambda row: build.whole(row, lists))
        self.names_size = len(orjson.dumps(dict.fromkeys(names, ""))) - 2 * sum(name in binding.lists for name in names)
        self._shared = shared_columns(binding.columns, self._members)
        self._shared_cells = _picker([names.index(c) for c in self._shared])
        self._items = [self._items_of(member) for member in self._members]
        self.together = self._together() if all(len(items) == 1 for items in self._items) else None

    def _together(self) -> Together:
        names = self._binding.names
        lists = [
            Listed([names.index(c) for c in member.key if c in slot], [names.index(name) for name in slot.values()])
            for member, ((slot, _, _),) in zip(self._members, self._items, strict=True)
        ]
        return Together(len(names) + 2, [names.index(c) for c in self._shared], lists)

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

    def parts(self, sheet: Sheet) -> Entries:
        """The part of each row, b"" where it breaks a rule; what was refused counts as empty."""
        known = self._number_of
        different, of_row = patterns_of(self._binding, sheet)
        numbers = [known.get(pattern) or self._new(pattern) for pattern in different]
        told = taken(text_array(numbers), of_row)
        broken = np.array([number == _BROKEN for number in numbers])[of_row]
        if _UNKNOWN in numbers:
            unknown = np.flatnonzero(np.array([number == _UNKNOWN for number in numbers])[of_row]).tolist()
            broken[[place for place in unknown if self._binding.broken_rules(sheet.row(place))]] = True
        tokens = [each.array for each in Tokens(self._binding, sheet).columns()]
        parts = pc.binary_join_element_wise(*tokens, told, one_text(APART.decode()))
        return Entries(pc.if_else(flag_array(broken), NOTHING, parts) if broken.any() else parts)

    def _new(self, pattern: Pattern) -> bytes:
        """The number of a new pattern."""
        if len(self._number_of) >= MOST_PATTERNS or has_mark(pattern):
            return _UNKNOWN
        row, number = row_of_marks(self._binding, pattern), _BROKEN
        if not self._binding.broken_rules(row):
            number = b"%d" % len(self._templates)
            items = [
                [self._item_of_marks(member, item, row) for item in items]
                for member, items in zip(self._members, self._items, strict=True)
            ]
            whole = self._encode_whole(MARK.format(len(row)), row)
            self._templates[number] = _Gathered(
                _template(whole), [[_template(each) if each else None for each in some] for some in items]
            )
            if self.together is not None:
                self.together.add(number, _in_pieces(whole), [_in_pieces(each) if each else None for (each,) in items])
        return self._number_of.setdefault(pattern, number)

    def _item_of_marks(self, member: Member, item: _Item, row: Row) -> bytes | None:
        """What a row of marks adds to a list; None where that is nothing."""
        if not any(map(row.get, item.slot.values())):
            return None
        return orjson.dumps(self._build.items[member]({**row, **{n: row[s] for n, s in item.slot.items()}}))

    def entry(self, parts: Collection[bytes]) -> bytes | None:
        """The entry of rows of one key, all different; None where two of them contradict each other."""
        rows = [part.split(APART) for part in parts]
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
        *_, key, _ = next(iter(parts)).split(APART)
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
        *tokens, _, _ = part.split(APART)
        return self.names_size + sum(map(len, tokens))

    def row(self, part: bytes) -> Row:
        """The validated row of a part."""
        lists = self._binding.lists
        tokens = zip(self._binding.names, part.split(APART), strict=False)
        return {name: orjson.loads(token if name in lists else b'"%b"' % token) for name, token in tokens}


def request_encoder(operation: Operation, build: Callable[[Any], object]) -> Encode:
    """Encodes a request as it stands in a call, with the comma that follows it."""
    dumps = orjson.dumps
    if operation.body is BodyShape.KEYED:
        return lambda key, rows: b"%b:%b," % (dumps(key), dumps(build(rows)))
    return lambda _, rows: dumps(build(rows)) + b","
