"""What is noticed in the cells of rows that may be sent, and is no row's fault."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from schemas.rows.binding import Binding
from schemas.rows.cells import CODE_PATTERN
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.conventions.currencies import near_miss
from schemas.rows.conventions.foreign_words import null_words_in
from schemas.rows.times import finer_in
from schemas.rows.validated import Sheet
from schemas.rows.whole.columns import Texts, values_of
from schemas.suggestions import MOST_TOLD

MOST_OF_A_CODE = 64
"""Characters of a code by which LUSID documents that it can be read."""

is_usual = re.compile(CODE_PATTERN).fullmatch
_are_usual = re.compile(CODE_PATTERN.encode()).fullmatch


class Counts(NamedTuple):
    """What is noticed, by column: how often.

    Attributes:
        null_words: words for no value.
        finer: times finer than LUSID keeps.
        cleared: cells that clear.
        idle: cells that say something of another column's, which is empty; with that column.
        near: codes that are nearly a currency's; with the code.
        wide: codes wider than usual.
    """

    null_words: Counter[str]
    finer: Counter[str]
    cleared: Counter[str]
    idle: Counter[tuple[str, str]]
    near: Counter[tuple[str, str]]
    wide: Counter[str]


class Noticed:
    """Counts what is noticed, batch by batch.

    Attributes:
        counts: what was counted so far.
    """

    def __init__(self, binding: Binding, expected: Collection[str]) -> None:
        """Starts at nothing.

        Args:
            binding: the extract's header bound to the operation.
            expected: columns of the extract that something else uses.
        """
        self._binding, self._expected = binding, expected
        self.counts = Counts(*(Counter[Any]() for _ in Counts._fields))

    def add(self, counts: Counts) -> None:
        """Adds what was counted in a portion."""
        both: Iterator[tuple[Counter[Any], Counter[Any]]] = zip(self.counts, counts, strict=True)
        for own, more in both:
            own.update(more)

    def take(self, sheet: Sheet, entries: Sequence[bytes]) -> None:
        """Looks at a batch.

        Args:
            sheet: its rows.
            entries: what each makes, b"" where that is nothing.
        """
        for counts, names, cells_of, count in (
            (self.counts.null_words, sheet.with_null_words, sheet.cells, null_words_in),
            (self.counts.finer, sheet.finer, sheet.picked, finer_in),
        ):
            counts.update({name: count([*itertools.compress(cells_of[name], entries)]) for name in names})
        for name in self._binding.columns.clearing:
            self.counts.cleared[name] += [*itertools.compress(sheet.cells[name], entries)].count(CLEAR)
        for name, value in sheet.idle:
            cells = zip(sheet.cells[name], sheet.cells[value], entries, strict=True)
            self.counts.idle[name, value] += sum(1 for said, of, entry in cells if said and not of and entry)
        for name in self._binding.currencies & sheet.cells.keys():
            for code in filter(near_miss, set(values_of(sheet.cells[name]))):
                self.counts.near[name, code] += [*itertools.compress(sheet.cells[name], entries)].count(code)
        for name in self._binding.codes & sheet.cells.keys():
            if _may_be_wide(sheet.cells[name]):
                self.counts.wide[name] += sum(map(_is_wide, itertools.compress(sheet.cells[name], entries)))

    def remarks(self) -> tuple[str, ...]:
        """What was noticed, in words."""
        name, unused = self._binding.name, self._binding.unused(self._expected)
        told = [f"not used: {unused}"] if unused and self._binding.unmapped == "note" else []
        told += [
            f"{name(column)}: not sent in {count} of the rows, in which {name(value)} is empty"
            for (column, value), count in sorted(self.counts.idle.items())
            if count
        ]
        told += [
            f"{name(column)}: cleared in {n} of the rows" for column, n in sorted(self.counts.cleared.items()) if n
        ]
        told += [
            f"{name(column)}: in {count} of the rows the cell is a word that databases and spreadsheets "
            "write for no value, and is sent as a text: declare it in the mapping's `null`, or pass --null"
            for column, count in sorted(self.counts.null_words.items())
            if count
        ]
        told += [
            f"{name(column)}: {code} in {count} of the rows is no currency of ISO 4217: did you mean {near_miss(code)}?"
            for (column, code), count in self.counts.near.most_common(MOST_TOLD)
            if count
        ]
        told += [
            f"{name(column)}: in {count} of the rows the code has more than {MOST_OF_A_CODE} characters, or others "
            "than letters, digits, - and _: LUSID may take it, and shows it in lists alone; --strict refuses it"
            for column, count in sorted(self.counts.wide.items())
            if count
        ]
        told += [
            f"{name(column)}: in {count} of the rows the time is finer than 100 ns, and what is finer was cut off: "
            "LUSID keeps seven digits of a second"
            for column, count in sorted(self.counts.finer.items())
            if count
        ]
        return tuple(told)


def _may_be_wide(cells: Sequence[Any]) -> bool:
    """Whether a code of a column may be wide; costs little where none is."""
    if isinstance(cells, Texts):
        return cells.longest > MOST_OF_A_CODE or not _are_usual(cells.data)
    return any(map(_is_wide, values_of(cells)))


def _is_wide(code: str) -> bool:
    """Whether LUSID does not document that it can be read by a code."""
    return len(code) > MOST_OF_A_CODE or not is_usual(code)
