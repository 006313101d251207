"""Why rows are refused, in words.

An extract that is wrong is mostly wrong in one way. So rules between cells are asked once for all rows that fill the
same cells, as request templates do it (docs/decisions/0010-validation-by-column.md), and faults that repeat are worded
once.
"""

from functools import partial

from connectors.extracts.extract import Extract
from schemas.rows.binding import Binding
from schemas.rows.faults import Fault
from schemas.rows.validated import Sheet

_MOST_KEPT = 4096
"""Patterns of cells, and lists of faults, that are remembered; further ones are worked out for each row."""
_NO_KEY = ("NoKey", "the cells that make its key are empty")

_Pattern = tuple[str | bool, ...]
_CellFaults = tuple[tuple[str, str, str], ...]


class Refusals:
    """Tells what is wrong with the rows of one extract."""

    def __init__(self, binding: Binding, extract: Extract) -> None:
        self._binding, self._extract = binding, extract
        self._broken: dict[_Pattern, tuple[Fault, ...]] = {}
        self._worded: dict[tuple[int, _CellFaults, tuple[Fault, ...]], tuple[str, str]] = {}

    def why(self, sheet: Sheet, position: int, source: int) -> tuple[str, str]:
        """(code, message) of a row that cannot be sent: its first fault's code, and all faults in words.

        Args:
            sheet: the batch that the row is in.
            position: of the row in it, from 0.
            source: index of the row's file, whose columns are numbered in its own order.
        """
        cells, broken = tuple(sheet.faults.get(position, ())), self._broken_by(sheet, position)
        if not cells and not broken:
            return _NO_KEY
        known = self._worded.get((source, cells, broken))
        if known is None:
            known = self._words(cells, broken, source)
            if len(self._worded) < _MOST_KEPT:
                self._worded[source, cells, broken] = known
        return known

    def _words(self, cells: _CellFaults, broken: tuple[Fault, ...], source: int) -> tuple[str, str]:
        number = partial(self._extract.number, source=source)
        faults = [*(self._binding.fault(*each) for each in cells), *broken]
        return faults[0].code, "; ".join(dict.fromkeys(fault.told(number) for fault in faults))

    def _broken_by(self, sheet: Sheet, position: int) -> tuple[Fault, ...]:
        """The rules between cells that a row breaks; they see words of vocabularies, and which cells are filled."""
        words = self._binding.words
        row = sheet.known(position)
        pattern = tuple([c if n in words and isinstance(c, str) else bool(c) for n, c in row.items()])
        broken = self._broken.get(pattern)
        if broken is None:
            broken = tuple(self._binding.broken_rules(row))
            if len(self._broken) < _MOST_KEPT:
                self._broken[pattern] = broken
        return broken
