"""The completeness gate: whether the extract is whole, as far as anybody has said what whole is.

A half-written file is the one fault that validation cannot see: every row in it is good. Nothing has been sent when
the gate speaks.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from itertools import chain

from connectors.extracts import Extract, RowBatch
from schemas.dialects import did_you_mean
from schemas.errors import ConfigError, ExtractError
from schemas.expectations import Expectations, Trailer
from schemas.values import decimal

_EXACT = Context(prec=100)
"""Digits of a control total: cells have at most 28, and no extract has enough of them to fill 100."""


def check_before(expected: Expectations, extract: Extract) -> None:
    """What can be told without reading.

    Raises:
        ConfigError: a control total names a column that the extract does not have.
        ExtractError: the done-marker is not there, or a file may still be growing.
    """
    for column in expected.totals:
        if column not in extract.columns:
            raise ConfigError(
                f"control total: column {column} is not in the extract{did_you_mean(column, extract.columns)}"
            )
    if expected.done_marker is not None and not expected.done_marker.exists():
        raise ExtractError(f"the done-marker {expected.done_marker} is not there: the extract is not complete yet")
    if expected.settled_seconds is not None:
        for source in extract.sources:
            age = time.time() - source.path.stat().st_mtime
            if age < expected.settled_seconds:
                raise ExtractError(
                    f"{source.name} was written {age:.0f} s ago and may still be growing: "
                    f"it must have been left alone for {expected.settled_seconds:g} s"
                )


class Gate:
    """Watches an extract being read; says at the end whether it is whole.

    Attributes:
        trailers: records that were trailers, and are no rows.
    """

    def __init__(self, expected: Expectations, extract: Extract) -> None:
        self._expected, self._extract = expected, extract
        self._rows = 0
        self.trailers = 0
        self._sums = dict.fromkeys(expected.totals, Decimal(0))
        self._places = {column: extract.columns.index(column) for column in expected.totals}
        self._faults: list[str] = []

    def through(self, batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
        """The same batches, without trailers, counted and summed on the way."""
        if self._expected.trailer is not None:
            batches = self._without_trailers(batches, self._expected.trailer)
        for batch in batches:
            self._rows += len(batch.rows)
            with localcontext(_EXACT):
                for column, place in self._places.items():
                    self._sums[column] += sum(self._amount(row[place]) for row in batch.rows)
            yield batch

    def check(self) -> None:
        """Raises ExtractError, naming everything that does not hold."""
        expected = self._expected
        if expected.rows is not None and self._rows != expected.rows:
            self._faults.append(f"{self._rows} rows, not the {expected.rows} expected")
        if expected.min_rows is not None and self._rows < expected.min_rows:
            self._faults.append(f"{self._rows} rows, fewer than the {expected.min_rows} expected")
        for column, total in expected.totals.items():
            if self._sums[column] != total:
                self._faults.append(f"column {column} adds up to {self._sums[column]}, not to {total}")
        if self._faults:
            raise ExtractError(f"the extract is not complete: {'; '.join(self._faults)}; nothing was sent")

    def _amount(self, cell: object) -> Decimal:
        """A cell's number; cells that are none are validation's to refuse, and count nothing."""
        try:
            return Decimal(decimal(cell) or "0")
        except ValueError:
            return Decimal(0)

    def _without_trailers(self, batches: Iterator[RowBatch], trailer: Trailer) -> Iterator[RowBatch]:
        """Holds each batch back until it is known whether it is the last of its file."""
        rows_of: dict[int, int] = dict.fromkeys(range(len(self._extract.sources)), 0)
        trailed: set[int] = set()
        held: RowBatch | None = None
        for batch in chain(batches, [None]):
            if held is not None:
                if batch is None or batch.source != held.source:
                    trailed.add(held.source)
                    held = self._cut(held, trailer, rows_of[held.source])
                rows_of[held.source] += len(held.rows)
                if held.rows:
                    yield held
            held = batch
        for number in rows_of.keys() - trailed:
            self._faults.append(f"{self._extract.sources[number].name} has no trailer")

    def _cut(self, batch: RowBatch, trailer: Trailer, rows_before: int) -> RowBatch:
        """The last batch of a file without its trailer, which is checked."""
        name, last = self._extract.sources[batch.source].name, len(batch.rows) - 1
        cells = [*batch.rows[last], *batch.extra.get(last, ())]
        if cells[0] != trailer.starts_with:
            self._faults.append(f"{name} does not end in the trailer")
            return batch
        self.trailers += 1
        if trailer.rows_cell is not None:
            told = str(cells[trailer.rows_cell - 1]).strip() if trailer.rows_cell <= len(cells) else ""
            if not told or (told.lstrip("0") or "0") != str(rows_before + last):  # some pad it: 000123
                self._faults.append(f"{name} has {rows_before + last} rows, and its trailer says otherwise")
        return replace(
            batch,
            rows=batch.rows[:last],
            bad={i: why for i, why in batch.bad.items() if i != last},
            extra={i: more for i, more in batch.extra.items() if i != last},
        )
