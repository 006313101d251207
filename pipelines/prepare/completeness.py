"""The completeness gate: whether the extract is whole, as far as anybody has said what whole is.

A half-written file is the one fault that validation cannot see: every row in it is good. Nothing has been sent when
the gate speaks.
"""

import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Context, Decimal, localcontext
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from connectors.extracts.extract import Extract, RowBatch, Source
from schemas.errors import ConfigError, ExtractError
from schemas.expectations import Expectations, Trailer
from schemas.rows.cells import decimal
from schemas.suggestions import did_you_mean
from schemas.texts import many

_EXACT = Context(prec=100)
"""Digits of a control total: cells have at most 28, and no extract has enough of them to fill 100."""

_COUNT = re.compile(r"\d+|\d{1,3}(?:([,.' \u00a0\u202f])\d{3}(?:\1\d{3})*)", re.ASCII)
"""A trailer's count: padded (000123) by some writers, with separators between thousands (1,000) by others."""

_END_OF_FILE = "\x1a"
"""Ctrl-Z, which DOS and mainframe transfers write behind the last record."""

_IF_MEANT = "pass --min-rows 0, or put `expect: {min_rows: 0}` into the mapping, if that is meant"

AmountReader = Callable[[Any], str]
"""Gives the plain decimal of a cell, '' of an empty one; raises ValueError for a cell that is no number."""


def check_before(expected: Expectations, columns: Sequence[str], sources: Sequence[Source]) -> None:
    """What can be told without reading, so that a feed that is not ready yet costs nothing.

    Args:
        columns: the extract's.
        sources: its files; none of a data frame.

    Raises:
        ConfigError: a control total names a column that the extract does not have.
        ExtractError: the done-marker is not there or older than the extract, or a file may still be growing.
    """
    for column in expected.totals:
        if column not in columns:
            absent = f"control total: column {column} is not in the extract"
            raise ConfigError(f"{absent}{did_you_mean(column, columns)}", absent)
    if expected.done_marker is not None:
        _check_marker(expected.done_marker, sources)
    if expected.settled_seconds is not None:
        for source in sources:
            _check_settled(source, expected.settled_seconds)


def _check_marker(marker: Path, sources: Sequence[Source]) -> None:
    """A relative marker must be in the folder of each file, and none may be older than what it vouches for."""
    vouched: dict[Path, list[Source]] = {} if sources else {marker: []}
    for source in sources:
        vouched.setdefault(source.path.parent / marker, []).append(source)
    for place, files in vouched.items():
        try:
            found = place.stat()
        except OSError:
            raise ExtractError(f"the done-marker {place} is not there: the extract is not complete yet") from None
        if not stat.S_ISREG(found.st_mode):
            raise ExtractError(f"the done-marker {place} is not a file: name the file that says the extract is done")
        newest = max(files, key=lambda source: source.stamp[0], default=None)
        if newest is not None and found.st_mtime_ns < newest.stamp[0]:
            raise ExtractError(
                f"the done-marker {place} is older than {newest.name}: it is of an earlier extract, "
                "so this one is not complete yet"
            )


def _check_settled(source: Source, seconds: float) -> None:
    age = time.time() - source.stamp[0] / 1e9
    if age >= seconds:
        return
    if age < 0:
        raise ExtractError(
            f"{source.name} bears a time {-age:.0f} s ahead of this machine's clock, so nobody can tell how long it "
            "has been left alone: set the clocks right, or load without --settled"
        )
    raise ExtractError(
        f"{source.name} was written {age:.0f} s ago and may still be growing: "
        f"it must have been left alone for {seconds:g} s"
    )


class Gate:
    """Watches an extract being read; says at the end whether it is whole.

    Attributes:
        trailers: records that were trailers or end-of-file marks, and are no rows.
        columns: the columns that it looks at.
    """

    def __init__(
        self, expected: Expectations, extract: Extract, amount_reader: Callable[[str], AmountReader] = lambda _: decimal
    ) -> None:
        """Gets ready for one pass.

        Args:
            amount_reader: what reads the cells of a column as numbers, by the column's own rule.
        """
        self._expected, self._extract = expected, extract
        self._rows = 0
        self.trailers = 0
        self._sums = dict.fromkeys(expected.totals, Decimal(0))
        self._readers = {c: (extract.columns.index(c), amount_reader(c)) for c in expected.totals}
        self.columns = frozenset(extract.columns if expected.trailer else expected.totals)
        self._faults: list[str] = []
        self._outside: dict[str, str] = {}  # faults that quote cells, each as people outside are told it

    def through(self, batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
        """The same batches, without trailers and end-of-file marks, counted and summed on the way."""
        batches = self._without_marks(batches)
        if self._expected.trailer is not None:
            batches = self._without_trailers(batches, self._expected.trailer)
        for batch in batches:
            self._rows += len(batch)
            if self._readers:
                self._add_up(batch)
            yield batch

    def add(self, rows: int, trailers: int) -> None:
        """Counts what was read apart."""
        self._rows += rows
        self.trailers += trailers

    def check(self) -> None:
        """Raises ExtractError, naming everything that does not hold."""
        expected = self._expected
        if expected.rows is not None and self._rows != expected.rows:
            self._faults.append(f"{many(self._rows, 'row', 'rows')}, not the {expected.rows:,} expected")
        if expected.min_rows is not None and self._rows < expected.min_rows:
            self._faults.append(f"{many(self._rows, 'row', 'rows')}, fewer than the {expected.min_rows:,} expected")
        if expected.max_rows is not None and self._rows > expected.max_rows:
            self._faults.append(f"{many(self._rows, 'row', 'rows')}, more than the {expected.max_rows:,} expected")
        for column in self._readers:
            if self._sums[column] != expected.totals[column]:
                told = f"column {column} adds up to {self._sums[column]}, not to {expected.totals[column]}"
                self._faults.append(told)
                self._outside[told] = f"column {column} does not add up to {expected.totals[column]}"
        if self._faults:
            told, outside = "; ".join(self._faults), "; ".join(self._outside.get(each, each) for each in self._faults)
            raise ExtractError(*(f"the extract is not complete: {each}; nothing was sent" for each in (told, outside)))
        if not self._rows and expected.rows is None and expected.min_rows is None:
            first, *others = (source.name for source in self._extract.sources)
            names = f"{first} and {len(others)} more hold" if others else f"{first} holds"
            raise ExtractError(f"{names} no row: {_IF_MEANT}")

    def _add_up(self, batch: RowBatch) -> None:
        """Adds a batch to each total; a column with a cell that is no number has no total, and that is a fault."""
        with localcontext(_EXACT):
            for column, (place, read) in list(self._readers.items()):
                index = -1
                try:
                    for index, cell in enumerate(batch.columns[place]):  # noqa: B007 - the error names it
                        self._sums[column] += Decimal(read(cell) or "0")
                except ValueError as error:
                    where = f"{self._extract.sources[batch.source].name} row {batch.first_row + index}"
                    self._faults.append(f"column {column} cannot be added up: {where}: {error}")
                    del self._readers[column]

    def _without_marks(self, batches: Iterator[RowBatch]) -> Iterator[RowBatch]:
        """Takes the end-of-file mark off each file that has one."""
        for batch, is_last in _with_ends(batches):
            if is_last and [cell for cell in batch.row(-1) if cell] == [_END_OF_FILE]:
                batch = batch.without_last()
                self.trailers += 1
            if len(batch):
                yield batch

    def _without_trailers(self, batches: Iterator[RowBatch], trailer: Trailer) -> Iterator[RowBatch]:
        """Takes the trailer off each file, and checks it."""
        rows_of: dict[int, int] = dict.fromkeys(range(len(self._extract.sources)), 0)
        trailed: set[int] = set()
        for batch, is_last in _with_ends(batches):
            if is_last:
                trailed.add(batch.source)
                batch = self._cut(batch, trailer, rows_of[batch.source])
            rows_of[batch.source] += len(batch)
            if len(batch):
                yield batch
        for number in rows_of.keys() - trailed:
            self._faults.append(f"{self._extract.sources[number].name} has no trailer")

    def _cut(self, batch: RowBatch, trailer: Trailer, rows_before: int) -> RowBatch:
        """The last batch of a file without its trailer, which is checked."""
        name, last = self._extract.sources[batch.source].name, len(batch) - 1
        cells = [*self._extract.in_file_order(batch.source, batch.row(last)), *batch.extra.get(last, ())]
        if str(cells[0]).strip() != trailer.starts_with.strip():
            self._faults.append(f"{name} does not end in the trailer")
            return batch
        self.trailers += 1
        if trailer.rows_cell is not None:
            told = str(cells[trailer.rows_cell - 1]).strip() if trailer.rows_cell <= len(cells) else ""
            if not _COUNT.fullmatch(told) or int(re.sub(r"\D", "", told)) != rows_before + last:
                self._faults.append(
                    f"{name} has {many(rows_before + last, 'row', 'rows')}, and its trailer says otherwise"
                )
        return batch.without_last()


def _with_ends(batches: Iterator[RowBatch]) -> Iterator[tuple[RowBatch, bool]]:
    """Each batch, and whether it is the last of its file: it is held back until that is known."""
    for batch, following in pairwise(chain(batches, [None])):
        if batch is not None:
            yield batch, following is None or following.source != batch.source
