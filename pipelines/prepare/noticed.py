"""What is noticed in the cells of rows that may be sent, and is no row's fault."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Sequence

from schemas.rows.binding import Binding
from schemas.rows.cells import CODE_PATTERN
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.conventions.currencies import near_miss
from schemas.rows.conventions.foreign_words import null_words_in
from schemas.rows.times import finer_in
from schemas.rows.validated import Sheet
from schemas.suggestions import MOST_TOLD

MOST_OF_A_CODE = 64
"""Characters of a code by which LUSID documents that it can be read."""

is_usual = re.compile(CODE_PATTERN).fullmatch

Counts = tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]
"""Words for no value and clears by their columns, and cells that say something of nothing."""


class Noticed:
    """Counts what is noticed, batch by batch."""

    def __init__(self, binding: Binding, expected: Collection[str]) -> None:
        """Starts at nothing.

        Args:
            binding: the extract's header bound to the operation.
            expected: columns of the extract that something else uses.
        """
        self._binding, self._expected = binding, expected
        self._null_words = Counter[str]()
        self._finer = Counter[str]()
        self._cleared = Counter[str]()
        self._idle = Counter[tuple[str, str]]()
        self._near = Counter[tuple[str, str]]()
        self._wide = Counter[str]()

    @property
    def counts(self) -> Counts:
        """What was counted so far."""
        return self._null_words, self._cleared, self._idle

    def add(self, counts: Counts) -> None:
        """Adds what was counted in a portion."""
        null_words, cleared, idle = counts
        self._null_words.update(null_words)
        self._cleared.update(cleared)
        self._idle.update(idle)

    def take(self, sheet: Sheet, entries: Sequence[bytes]) -> None:
        """Looks at a batch.

        Args:
            sheet: its rows.
            entries: what each makes, b"" where that is nothing.
        """
        for counts, names, cells_of, count in (
            (self._null_words, sheet.with_null_words, sheet.cells, null_words_in),
            (self._finer, sheet.finer, sheet.picked, finer_in),
        ):
            counts.update({name: count([*itertools.compress(cells_of[name], entries)]) for name in names})
        for name in self._binding.columns.clearing:
            self._cleared[name] += [*itertools.compress(sheet.cells[name], entries)].count(CLEAR)
        for name, value in sheet.idle:
            cells = zip(sheet.cells[name], sheet.cells[value], entries, strict=True)
            self._idle[name, value] += sum(1 for said, of, entry in cells if said and not of and entry)
        for name in self._binding.currencies & sheet.cells.keys():
            for code in filter(near_miss, set(sheet.cells[name])):
                self._near[name, code] += [*itertools.compress(sheet.cells[name], entries)].count(code)
        for name in self._binding.codes & sheet.cells.keys():
            if not is_usual("".join(sheet.cells[name])) or max(map(len, sheet.cells[name])) > MOST_OF_A_CODE:
                self._wide[name] += sum(map(_is_wide, itertools.compress(sheet.cells[name], entries)))

    def remarks(self) -> tuple[str, ...]:
        """What was noticed, in words."""
        name, unused = self._binding.name, self._binding.unused(self._expected)
        told = [f"not used: {unused}"] if unused and self._binding.unmapped == "note" else []
        told += [
            f"{name(column)}: not sent in {count} of the rows, in which {name(value)} is empty"
            for (column, value), count in sorted(self._idle.items())
            if count
        ]
        told += [f"{name(column)}: cleared in {n} of the rows" for column, n in sorted(self._cleared.items()) if n]
        told += [
            f"{name(column)}: in {count} of the rows the cell is a word that databases and spreadsheets "
            "write for no value, and is sent as a text: declare it in the mapping's `null`, or pass --null"
            for column, count in sorted(self._null_words.items())
            if count
        ]
        told += [
            f"{name(column)}: {code} in {count} of the rows is no currency of ISO 4217: did you mean {near_miss(code)}?"
            for (column, code), count in self._near.most_common(MOST_TOLD)
            if count
        ]
        told += [
            f"{name(column)}: in {count} of the rows the code has more than {MOST_OF_A_CODE} characters, or others "
            "than letters, digits, - and _: LUSID may take it, and shows it in lists alone; --strict refuses it"
            for column, count in sorted(self._wide.items())
            if count
        ]
        told += [
            f"{name(column)}: in {count} of the rows the time is finer than 100 ns, and what is finer was cut off: "
            "LUSID keeps seven digits of a second"
            for column, count in sorted(self._finer.items())
            if count
        ]
        return tuple(told)


def _is_wide(code: str) -> bool:
    """Whether LUSID does not document that it can be read by a code."""
    return len(code) > MOST_OF_A_CODE or not is_usual(code)
