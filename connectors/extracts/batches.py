"""What reading yields: columns of text cells, in batches of records, and why a record could not be read.

Owns the shapes that CSV and Parquet readers share, and the rules for headers that hold for both. Must not know
where the bytes come from, nor what the columns mean.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from schemas.errors import ExtractError
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kind
from schemas.suggestions import first_of

REPLACEMENT = "\ufffd"
"""What stands in a report for a byte that could not be decoded; never accepted as data."""

MAX_ROWS = 8192
"""Rows in a batch, at most."""

_INVISIBLE = "\ufeff\u200b\u2060"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that could not be read as a row.

    Attributes:
        code: what is wrong, as one word: `MissingCells`, `TooManyCells`, `UndecodableByte`, `NullByte`,
            `ControlCharacter`, `BareCarriageReturn`, `BareLineFeed`, `UnterminatedQuote`, `MalformedQuote`,
            `AmbiguousQuote`, `QuotedBehindSpace`, `SingleQuotes`, `UnknownEscape`, `RecordTooLong`, `RepeatedHeader`,
            `RuleLine`, `UnnamedColumn`, `NullInList`, `OutOfRange`; the first of them when there are several.
        message: one line: the physical line, every fault with its column, and what to do; never a cell's value.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a batch begins, so that it can be read again; opaque outside the readers.

    Attributes:
        source: index of the file in `Extract.sources`.
        row: `_row` of the batch's first row.
        place: byte offset and physical line of a CSV; row group and batch within it of a Parquet file.
        end: byte offset, in a CSV, behind the shard that it was read in: no batch reaches over. 0 where that is the
            end of the file.
    """

    source: int
    row: int
    place: tuple[int, int]
    end: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """A stretch of one file that is read apart from what stands before it.

    Attributes:
        begin: where it begins; `row` is 1 where the number of its first row is not known.
        end: the place behind it; None where it ends with its file.
    """

    begin: Position
    end: tuple[int, int] | None = None


class MisalignedError(Exception):
    """A shard of a CSV does not end where a record ends, so what was read of it and behind it proves nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one reading of a file, or of a shard of it, found beside its rows.

    Attributes:
        records: data records, counted where they are cut and apart from the rows handed on.
        marked: physical lines of records that begin with a byte order mark.
        over: the physical line behind the table, where it is declared to end before its file does.
    """

    records: int = 0
    marked: tuple[int, ...] = ()
    over: int | None = None

    def __add__(self, other: "Found") -> "Found":
        over = self.over if other.over is None else other.over
        return Found(self.records + other.records, (*self.marked, *other.marked), over)


@dataclass(frozen=True, slots=True)
class Lines:
    """The physical lines of a file that records begin on, 1-based.

    Attributes:
        first: the line that the offsets are counted from.
        offsets: of each record; a range where every line is a record.
    """

    first: int
    offsets: Sequence[int] = ()

    def __bool__(self) -> bool:
        return len(self.offsets) > 0

    def __getitem__(self, index: int) -> int:
        return self.first + self.offsets[index]


NO_LINES = Lines(0)
"""Of a file that has none."""


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Up to `MAX_ROWS` consecutive records of one file.

    Attributes:
        source: index of the file in `Extract.sources`.
        first_row: `_row` of the first record: its 1-based number in its file. Blank lines are no records; records
            that could not be read are.
        columns: a cell of each record for each of `Extract.columns`, in their order.
        bad: index of a record -> why it is none; it has cells as far as they could be read, padded or cut to the
            width of the header, with U+FFFD where a byte could not be decoded.
        extra: index of a record -> cells beyond the last column, so that a report can keep them.
        position: reads this batch again.
        lines: where each record begins; of a Parquet file none.
    """

    source: int
    first_row: int
    columns: Sequence[Sequence[Cell]]
    bad: dict[int, BadRow]
    extra: dict[int, list[str]]
    position: Position
    lines: Lines = NO_LINES

    def __len__(self) -> int:
        return len(self.columns[0])

    def row(self, index: int) -> list[Cell]:
        """The cells of one record, in the order of `Extract.columns`."""
        return [column[index] for column in self.columns]

    def without_last(self) -> "RowBatch":
        """The same without its last record."""
        last = len(self) - 1
        return replace(
            self,
            columns=[column[:last] for column in self.columns],
            bad={i: why for i, why in self.bad.items() if i != last},
            extra={i: more for i, more in self.extra.items() if i != last},
        )


class ColumnType(NamedTuple):
    """What a column of a typed file holds.

    Attributes:
        kind: of a value, or of the items of a list: must agree between the files of an extract, as `is_list` must.
        name: as the file itself puts it, with width, unit and scale.
    """

    kind: Kind
    name: str
    is_list: bool


class RowFile(Protocol):
    """One file of an extract, open for reading."""

    columns: list[str]

    @property
    def found(self) -> Found:
        """What the last reading found beside its rows."""

    @property
    def weight(self) -> int:
        """About the bytes that its rows have as text."""

    def cut(self, places: Sequence[float]) -> list[Shard]:
        """The shards it can be read in, one behind the other: at least one, at most one more than there are places.

        Args:
            places: about where one ends and another one begins, as parts of the file, ascending and below 1.
        """

    def types(self) -> dict[str, ColumnType]:
        """The types of the columns that have one; none in a CSV, where all is text."""

    def unreadable(self) -> dict[str, str]:
        """The columns whose values cannot be cells, with their types; they may not be used. None in a CSV."""

    def has_midnights(self, column: str) -> bool:
        """Whether a column of timestamps without a zone has midnights in it; never in a CSV, where all is text."""

    def batches(
        self, order: list[str], used: Collection[str] | None = None, shard: Shard | None = None
    ) -> Iterator[RowBatch]:
        """Reads the file, or a shard of it; cells in the given order, those of columns not `used` may be empty."""

    def reread(self, position: Position, order: list[str]) -> RowBatch:
        """Reads one batch again; ascending positions cost one pass, whatever the file."""

    def place(self, row: int) -> str:
        """Where a row is, beside its number and its line, in the file's own terms; empty in a CSV."""

    def notes(self, found: Found) -> Iterable[str]:
        """What readings of the whole file left out that is no row, in words."""

    def close(self) -> None:
        """Closes what is open; reading again opens it anew."""


def trimmed(name: str) -> str:
    """A header cell without byte order mark, white space, no-break or zero-width spaces around it."""
    bare = name.strip()
    while bare and (bare[0] in _INVISIBLE or bare[-1] in _INVISIBLE):
        bare = bare.strip(_INVISIBLE).strip()
    return bare


def header_columns(names: Sequence[str], file: str) -> list[str]:
    """The columns a header declares.

    Trailing empty names are the mark of a trailing delimiter and are dropped; a record that fills such a cell has
    too many.

    Args:
        names: the header's cells as read.
        file: the file's name, for messages.

    Returns:
        The names, trimmed; at least one.

    Raises:
        ExtractError: a name is empty or occurs twice, or there is none.
    """
    columns = [trimmed(name) for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise ExtractError(f"{file}: the header names no column: name at least one")
    if "" in columns:
        where = columns.index("") + 1
        raise ExtractError(f"{file}: the header's cell {where} of {len(columns)} is empty: name the column")
    places: dict[str, list[str]] = {}
    for place, name in enumerate(columns, 1):
        places.setdefault(name, []).append(str(place))
    twice = [f"at {' and '.join(first_of(found))}" for found in places.values() if len(found) > 1]
    if twice:  # no name: it may be a cell of a row
        found = "; ".join(first_of(twice))
        raise ExtractError(f"{file}: the header names a column more than once: {found}: rename or remove one")
    return columns


def order_of(columns: list[str], order: list[str]) -> list[int] | None:
    """Indices that bring cells from `columns` into `order`; `None` when they already are."""
    if columns == order:
        return None
    places = {name: place for place, name in enumerate(columns)}
    return [places[name] for name in order]
