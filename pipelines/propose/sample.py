"""A bounded sample of an extract: its first rows, and some of those behind them.

Owns which rows are looked at. Must not know what they mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from connectors.extracts.extract import Extract, RowBatch
from schemas.rows.columns import Cell
from schemas.rows.conventions.foreign_words import without_mark
from schemas.rows.kinds import Kinds

FIRST = 1_000
"""Rows at the start that are looked at."""
_EACH = 20
"""Rows of each batch that are looked at behind them."""
_MOST_BATCHES = 50
_LAST = 5


@dataclass(frozen=True)
class Place:
    """Where a row is.

    Attributes:
        file: the name of its file, where the extract has several.
        row: its number in its file.
    """

    file: str
    row: int

    def __str__(self) -> str:
        return f"row {self.row:,} of {self.file}" if self.file else f"row {self.row:,}"


@dataclass(frozen=True)
class LastRow:
    """A row at the end of an extract; `bad` is why it could not be read, as one word, or empty."""

    place: Place
    cells: Sequence[Cell]
    bad: str


@dataclass(frozen=True)
class Sample:
    """Rows of an extract.

    Attributes:
        columns: the extract's.
        kinds: what those hold that are typed.
        rows: cells in the order of the columns, each row with its place; none that could not be read.
        bad: where rows are that were looked at and could not be read, each with why, as one word.
        read: rows that were gone through.
        last: the last rows of all; empty where the extract goes on behind those that were gone through.
        unmarked: whether spreadsheets' marks of a text are taken off.
        nulls: words that are no value.
    """

    columns: Sequence[str]
    kinds: Kinds
    rows: Sequence[tuple[Place, Sequence[Cell]]]
    bad: Sequence[tuple[Place, str]]
    read: int
    last: Sequence[LastRow]
    unmarked: bool = False
    nulls: frozenset[str] = frozenset()

    def cells(self, column: str) -> list[tuple[Place, Cell]]:
        """The cells of a column that are not empty."""
        index = list(self.columns).index(column)
        found = ((place, self._read(cells[index])) for place, cells in self.rows)
        return [(place, cell) for place, cell in found if cell]

    def _read(self, cell: Cell) -> Cell:
        """A cell as it is read; empty where it is absent."""
        if not isinstance(cell, str):
            return cell
        text = without_mark(cell, names=False) if self.unmarked else cell
        return "" if text.strip() in self.nulls else text if text.strip() else ""


def sample_of(extract: Extract) -> Sample:
    """Reads a sample.

    Raises:
        ExtractError: the extract cannot be read.
    """
    rows: list[tuple[Place, Sequence[Cell]]] = []
    bad: list[tuple[Place, str]] = []
    last: list[LastRow] = []
    read = 0
    names = [source.name if len(extract.sources) > 1 else "" for source in extract.sources]
    batches = extract.batches()
    for batch in islice(batches, _MOST_BATCHES):
        for index in _looked_at(batch, read):
            place = Place(names[batch.source], batch.first_row + index)
            if index in batch.bad:
                bad.append((place, batch.bad[index].code))
            else:
                rows.append((place, batch.row(index)))
        last = _last_rows(batch, names[batch.source])
        read += len(batch)
    goes_on = next(batches, None) is not None
    return Sample(extract.columns, extract.kinds, rows, bad, read, [] if goes_on else last)


def _last_rows(batch: RowBatch, file: str) -> list[LastRow]:
    return [
        LastRow(
            Place(file, batch.first_row + index), batch.row(index), batch.bad[index].code if index in batch.bad else ""
        )
        for index in range(max(len(batch) - _LAST, 0), len(batch))
    ]


def _looked_at(batch: RowBatch, before: int) -> Sequence[int]:
    """The rows of a batch that are looked at: those among the first, and then some from all over it."""
    first = range(min(len(batch), max(FIRST - before, 0)))
    others = range(len(first), len(batch), max(len(batch) // _EACH, 1))
    return [*first, *others]
