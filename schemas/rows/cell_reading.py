"""How the cells of an extract's columns become validated ones: picked as a mapping says, guarded, and validated.

Nothing here knows rules between cells, nor what a request is made of.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from schemas.errors import ConfigError
from schemas.rows.cells import NAMES, TEXTS, DecimalText, Identifier, Switch
from schemas.rows.column_rule import ColumnRule, could_be
from schemas.rows.columns import Cell, RowShape
from schemas.rows.conventions.clearing import CLEAR, EMPTY, REFUSED
from schemas.rows.conventions.foreign_words import NULL_WORDS, Guard, guarded_validator, null_words_in
from schemas.rows.kinds import Kind, Kinds
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.rows.side_by_side import Slot
from schemas.rows.sources import Cells, CellSource, Picked, picker, used_by
from schemas.rows.times import TimeText, finer_in, may_be_finer
from schemas.rows.validated import CellFaults, validated
from schemas.rows.whole.columns import Texts, values_of
from schemas.rows.whole.looks import look_of

_STRICT = (DecimalText, TimeText, Switch)
"""Types of cells that take nothing but what they are about."""


class CellReading:
    """Reads the canonical columns of a batch out of an extract's.

    Attributes:
        types: the pydantic type of each cell of a validated row, by its column.
        sources: what feeds each of these columns.
        key_columns: the extract's columns that make the key by themselves, each as it is picked.
        conditions: the extract's columns of texts that decide where others are used, each as it is picked.
        used_columns: the extract's columns that it looks at.
        unclear_midnights: canonical columns to the extract's timestamps that feed them, of which it must be known
            whether they have midnights: these may be dates or local times.
    """

    def __init__(
        self,
        header: Sequence[str],
        shape: RowShape,
        cells: Mapping[str, Any],
        types: Mapping[str, Any],
        rules: Mapping[str, ColumnRule],
        mapping: ColumnMapping | None,
        kinds: Kinds,
        null: Sequence[str],
        vocabularies: Collection[str],
        items: Sequence[Slot] = (),
    ) -> None:
        """Gets ready to read.

        Args:
            header: the extract's columns.
            shape: says beside which columns a constant counts.
            cells: the type of each canonical column.
            types: the same, vocabularies having their words.
            rules: how each canonical column is read.
            mapping: the client's; without one the header is canonical.
            kinds: what the extract's columns hold.
            null: words that are no value, in place of the mapping's.
            vocabularies: canonical columns that take the words of a list alone.
            items: the columns of each item, where a row has several of a list.

        Raises:
            ConfigError: the mapping declares what a column has no use for.
        """
        nulls = null or (mapping.null if mapping else ())
        unmarked = mapping is not None and mapping.excel_text
        source = partial(ColumnRule.source, kinds=kinds, nulls=nulls, unmarked=unmarked)
        plain = mapping.cell_types(cells, types, kinds) if mapping else types
        self.sources = {n: source(rules[n], cell) for n, cell in cells.items()}
        _check_nulls(self.sources, rules, nulls, kinds)
        own_key = mapping.key_columns if mapping else []
        self.key_columns = {f"key {c}": source(ColumnRule(column=c), Identifier) for c in own_key}
        conditions = dict.fromkeys(column for s in self.sources.values() for column, _ in s.when)
        self.conditions = {
            f"when {c}": source(ColumnRule(column=c), Identifier)
            for c in conditions
            if kinds.get(c, Kind.TEXT) is Kind.TEXT
        }
        everything = {**self.sources, **self.key_columns, **self.conditions}
        self.used_columns = used_by(everything.values())
        self.unclear_midnights = (
            {n: self.sources[n].columns[0] for n in mapping.unclear_midnights(dict(cells), kinds)} if mapping else {}
        )
        # A vocabulary refuses what it does not list, and `None` may be a word of it.
        guards = {n: rules[n].guard(cell) if n not in vocabularies else None for n, cell in cells.items()}
        self.types: dict[str, Any] = {n: g.cell_type(plain[n]) if g else plain[n] for n, g in guards.items()}
        self._validators = {
            n: guarded_validator(plain[n], guard, strict=cells[n] in _STRICT) for n, guard in guards.items()
        }
        looks = {n: look_of(plain[n], guard, strict=cells[n] in _STRICT) for n, guard in guards.items()}
        self._looks = {n: look for n, look in looks.items() if look}
        named = {c for n, s in self.sources.items() if cells[n] in NAMES for c in s.columns}
        self._unnamed = [name for name, s in self.key_columns.items() if not named.issuperset(s.columns)]
        self._unnamed += self.conditions
        guard = Guard(names=True)
        self._validators |= {name: guarded_validator(str, guard, strict=False) for name in self._unnamed}
        self._texts = [n for n, cell in cells.items() if cell in TEXTS and (guard_of := guards[n]) and guard_of.nulls]
        self._times = [n for n, cell in cells.items() if cell is TimeText and self.sources[n].columns]
        self._marked = [n for n, s in self.sources.items() if s.clears or s.absent]
        self.pick = picker(header, everything, shape, [[*item.values()] for item in items])

    def validate(self, picked: Picked) -> tuple[dict[str, Sequence[Any]], CellFaults]:
        """The validated cells of each canonical column, and what is wrong with cells, those of the key among them."""
        plain = {n: ["" if cell in (CLEAR, EMPTY) else cell for cell in picked[n]] for n in self._marked}
        cells, faults = validated(self._validators, {**picked, **plain} if plain else picked, self._looks)
        for name in plain:
            cells[name] = marked = [*cells[name]]
            for place in [i for i, cell in enumerate(picked[name]) if cell in (CLEAR, EMPTY)]:
                self._mark(name, picked[name][place], place, marked, faults)
        for name in self._unnamed:
            del cells[name]
        return cells, faults

    @staticmethod
    def _mark(name: str, marker: Cell, place: int, cells: list[Any], faults: CellFaults) -> None:
        """Puts a marker back in its place, or says what is wrong with it."""
        if marker == CLEAR:
            cells[place] = CLEAR
        elif all(column != name for column, _, _ in faults.get(place, ())):
            faults.setdefault(place, []).append((name, *REFUSED))

    def with_finer_times(self, picked: Picked) -> list[str]:
        """The columns of times of which some cells say more of a second than LUSID keeps."""
        return [name for name in self._times if _has_finer_times(picked[name])]

    def with_null_words(self, cells: Mapping[str, Cells]) -> list[str]:
        """The columns of which some validated cells are words for no value, and told as texts."""
        return [name for name in self._texts if _has_null_words(cells[name])]


def _has_finer_times(cells: Cells) -> bool:
    """Whether some cells of a column say more of a second than LUSID keeps."""
    if isinstance(cells, Texts) and not may_be_finer(cells.data, cells.longest):
        return False
    return bool(finer_in(values_of(cells)))


def _has_null_words(cells: Cells) -> bool:
    """Whether some cells of a column, or lists in it, are words for no value."""
    if isinstance(cells, Texts):
        return cells.holds_any(NULL_WORDS)
    return bool(null_words_in(values_of(cells)))


def _check_nulls(
    sources: Mapping[str, CellSource], rules: Mapping[str, ColumnRule], nulls: Sequence[str], kinds: Kinds
) -> None:
    """Refuses words for no value that a typed column could hold as values, which they would be in a text."""
    faults = []
    for name, source in sources.items():
        faults += [
            f"column {name}: {word} is a word of `clear` and of the file's `null`: it can say one thing"
            for word in sorted(source.clears & source.nulls)
        ]
    for name, column in ((name, column) for name, source in sources.items() for column in source.columns):
        declared, kind = rules[name].null, kinds.get(column, Kind.TEXT)
        faults += [
            f"column {name}: its `null` word {word} is a value where column {column} holds a {kind}, which has "
            "nulls of its own: leave it out, or write the column as text"
            for word in (nulls if declared is None else declared)
            if could_be(word, kind)
        ]
    if faults:
        raise ConfigError(f"the mapping does not fit: {'; '.join(faults)}")
