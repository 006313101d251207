"""Templates of requests that rows of one key make together: each row is a part until all of them are read."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow.compute as pc

from pipelines.operations.operation import Operation
from pipelines.prepare.encoding.entries import Entries
from pipelines.prepare.encoding.parts import APART
from pipelines.prepare.encoding.patterns import MARK, Pattern, has_mark, patterns_of, row_of_marks
from pipelines.prepare.encoding.templates import (
    MOST_PATTERNS,
    Pick,
    RowTemplate,
    RowTokens,
    in_pieces,
    picker,
    request_encoder,
    template_of,
)
from pipelines.prepare.encoding.together import Listed, Together
from pipelines.prepare.encoding.tokens import Tokens
from schemas.requests.members import Disagreement, Gathered, Member, disagreements, shared_columns
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.side_by_side import Slot, plain_name, spread
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import NOTHING, flag_array, one_text, taken, text_array


class _Gathered(NamedTuple):
    """The templates of one pattern, where rows of one key make one request.

    Attributes:
        whole: of the request that begins with such a row; its lists stand behind the cells of the row.
        items: of what such a row adds to each list, one for each item that it may have; None where that is nothing.
    """

    whole: RowTemplate
    items: Sequence[Sequence[RowTemplate | None]]


class _Item(NamedTuple):
    """One item that a row may add to a list.

    Attributes:
        slot: its canonical columns, with their names in a row.
        key: picks the tokens of its key.
        owned: picks those of all its cells.
    """

    slot: Slot
    key: Pick
    owned: Pick


_BROKEN = b"-"
"""In place of a pattern's name: it breaks a rule."""


class GatheredTemplates:
    """Makes the entries of requests that rows of one key make together.

    Until they are together, each row is a part: the tokens of its cells and of its key, and its pattern's name. Rows
    are alike where their parts are, whichever process made them.

    Attributes:
        names_size: bytes by which a row as JSON is longer than the tokens of its cells.
        together: makes many of them at once; None where a row may add several items to a list.
    """

    def __init__(self, binding: Binding, operation: Operation, build: Gathered) -> None:
        """Makes entries as `build` does from validated rows, whatever the cells hold."""
        self._binding, self._build, self._members = binding, build, operation.members
        self._name_of: dict[Pattern, bytes] = {}
        self._templates: dict[bytes, _Gathered] = {}
        names = binding.names
        lists = {m: orjson.Fragment(MARK.format(len(names) + 2 + i)) for i, m in enumerate(self._members)}
        self._encode = request_encoder(operation, build)
        self._encode_whole = request_encoder(operation, lambda row: build.whole(row, lists))
        self.names_size = len(orjson.dumps(dict.fromkeys(names, ""))) - 2 * sum(name in binding.lists for name in names)
        self._shared = shared_columns(binding.columns, self._members)
        self._shared_cells = picker([names.index(c) for c in self._shared])
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
                picker([names.index(slot[c]) for c in member.key if c in slot]),
                picker([names.index(name) for name in slot.values()]),
            )
            for slot in slots
        ]

    def parts(self, sheet: Sheet) -> Entries:
        """The part of each row, b"" where it breaks a rule; what was refused counts as empty."""
        known = self._name_of
        different, of_row = patterns_of(self._binding, sheet)
        names = [known.get(pattern) or self._new(pattern) for pattern in different]
        told = taken(text_array(names), of_row)
        broken = np.array([name == _BROKEN for name in names])[of_row]
        if {*names} - self._templates.keys() - {_BROKEN}:
            unknown = np.array([name != _BROKEN and name not in self._templates for name in names])[of_row]
            rows = np.flatnonzero(unknown).tolist()
            broken[[place for place in rows if self._binding.broken_rules(sheet.row(place))]] = True
        tokens = [each.array for each in Tokens(self._binding, sheet).columns()]
        parts = pc.binary_join_element_wise(*tokens, told, one_text(APART.decode()))
        return Entries(pc.if_else(flag_array(broken), NOTHING, parts) if broken.any() else parts)

    @property
    def patterns(self) -> list[Pattern]:
        """The patterns that have templates here, or break a rule."""
        return list(self._name_of)

    def adopt(self, patterns: Iterable[Pattern]) -> None:
        """Makes the templates of parts that another process made."""
        for pattern in patterns:
            if pattern not in self._name_of:
                self._new(pattern)

    def _new(self, pattern: Pattern) -> bytes:
        """The name of a new pattern; one of which no template is kept has none in `_templates`."""
        name = b64encode(blake2b(repr(pattern).encode(), digest_size=9).digest())
        if len(self._name_of) >= MOST_PATTERNS or has_mark(pattern):
            return name
        row = row_of_marks(self._binding, pattern)
        if self._binding.broken_rules(row):
            name = _BROKEN
        else:
            items = [
                [self._item_of_marks(member, item, row) for item in items]
                for member, items in zip(self._members, self._items, strict=True)
            ]
            whole = self._encode_whole(MARK.format(len(row)), row)
            self._templates[name] = _Gathered(
                template_of(whole), [[template_of(each) if each else None for each in some] for some in items]
            )
            if self.together is not None:
                self.together.add(name, in_pieces(whole), [in_pieces(each) if each else None for (each,) in items])
        return self._name_of.setdefault(pattern, name)

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

    def _list(self, place: int, rows: Sequence[RowTokens], templates: Sequence[_Gathered]) -> bytes | None:
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
