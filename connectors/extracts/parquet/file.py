"""One Parquet file as a source of row batches.

Owns streaming and finding a batch again. Must not know how a file is walked through (`parquet.reader`) or a value
written as text (`parquet.text`), nor what columns mean.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from connectors.extracts.batches import MAX_ROWS, BadRow, ColumnType, Found, Position, RowBatch, Shard, header_columns
from connectors.extracts.parquet.reader import ParquetReader, Table
from connectors.extracts.parquet.text import cells_of, is_list, kind_of, shown_type
from connectors.extracts.source_files import Source
from schemas.errors import ExtractError
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kind

FRAME, INDEX = b"bulkload.frame", "__index_level_0__"
"""What says of a file, beside its schema, that it was a data frame; and the column of its index, as pandas names it."""

_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
"""The length of a day in each unit of time."""


class ParquetFile:
    """A Parquet file, its schema read and checked.

    Attributes:
        columns: the names of its columns, in the file's own order.
        found: see `connectors.extracts.batches.RowFile`; what the file's own footer says.
    """

    def __init__(self, source: Source, index: int, max_rows: int = MAX_ROWS) -> None:
        """Reads the schema.

        Args:
            source: the file.
            index: its place in the extract.
            max_rows: rows in a batch, at most.

        Raises:
            ExtractError: the file is no Parquet file, or its header is none.
        """
        self._source = source
        self._index = index
        self._max_rows = max_rows
        self._again: ParquetReader | None = None
        self._labels: tuple[int, list[str]] = (-1, [])
        reader = ParquetReader(source, max_rows, ())
        reader.close()
        schema = reader.schema
        self.found = Found(reader.records)
        self._starts: list[int] = [*reader.starts, reader.records]
        self._steps = [reader.batch_rows(group) for group in range(reader.groups)]
        self._is_frame = FRAME in (schema.metadata or {})
        self._has_labels = self._is_frame and INDEX in schema.names
        if self._has_labels:
            schema = schema.remove(schema.get_field_index(INDEX))
        self.columns = header_columns(schema.names, source.name)
        if len(self.columns) != len(schema.names):
            raise ExtractError(f"{source.name}: the last column has no name: name it or leave it out")
        self._spelt = dict(zip(self.columns, schema.names, strict=True))
        self._arrow = dict(zip(self.columns, schema.types, strict=True))
        self._kinds = {name: kind_of(arrow) for name, arrow in self._arrow.items()}

    def types(self) -> dict[str, ColumnType]:
        """The type of each column whose values can be cells; a column of nulls agrees with every kind."""
        return {
            name: ColumnType(kind, str(self._arrow[name]), is_list=is_list(self._arrow[name]))
            for name, kind in self._kinds.items()
            if kind is not None and kind is not Kind.NOTHING
        }

    def unreadable(self) -> dict[str, str]:
        """The columns whose values cannot be cells, and their types; each of their cells is `[binary]` or the like."""
        return {name: str(self._arrow[name]) for name, kind in self._kinds.items() if kind is None}

    @property
    def weight(self) -> int:
        """A record is taken for 128 bytes: what it has as text shows only when it is read."""
        return self._starts[-1] * 128

    def cut(self, places: Sequence[float]) -> list[Shard]:
        """Shards of whole batches; the rows of a row group before one are decoded once more for it."""
        marks = sorted({(0, 0), *map(self._nearest, places), self._end})
        return [
            Shard(Position(self._index, self._row_at(begin) + 1, begin), end if end < self._end else None)
            for begin, end in pairwise(marks)
        ] or [Shard(Position(self._index, 1, (0, 0)))]

    @property
    def _end(self) -> tuple[int, int]:
        """The place behind the last row group."""
        return len(self._steps), 0

    def _nearest(self, place: float) -> tuple[int, int]:
        """Where the batch begins that is nearest to a place."""
        row = self._starts[-1] * place
        group = bisect_right(self._starts, row, hi=len(self._steps)) - 1
        number = round((row - self._starts[group]) / self._steps[group])
        is_in_it = self._row_at((group, number)) < self._starts[group + 1]
        return (group, number) if is_in_it else (group + 1, 0)

    def _row_at(self, place: tuple[int, int]) -> int:
        """The rows before the batch at a place."""
        group, number = place
        return self._starts[group] + (number * self._steps[group] if number else 0)

    def batches(
        self, order: list[str], used: Collection[str] | None = None, shard: Shard | None = None
    ) -> Iterator[RowBatch]:
        """Reads the file from the start, or a shard of it.

        Args:
            order: the columns, in the order the cells are wanted.
            used: those that are decoded, by default all; cells of others are empty.
            shard: what is read of the file; by default all.

        Yields:
            Batches of at least one row; none reaches over two row groups.

        Raises:
            ExtractError: the file cannot be read on, or is not the file it was.
        """
        reader = self._reader(order if used is None else used)
        begin, end = (shard.begin.place, shard.end or self._end) if shard else ((0, 0), self._end)
        self.found = Found(self._row_at(end) - self._row_at(begin))
        try:
            for group in range(begin[0], end[0] + 1 if end[1] else end[0]):
                number = begin[1] if group == begin[0] else 0
                reader.go_to(group, number)
                row = self._starts[group] + reader.passed + 1
                while (group, number) < end and (table := reader.read()) is not None:
                    position = Position(self._index, row, (group, number))
                    yield self._batch(table, position, order)
                    row += table.rows
                    number += 1
        finally:
            reader.close()

    def reread(self, position: Position, order: list[str]) -> RowBatch:
        """Reads the batch at a position again; ascending positions go through each row group once."""
        if self._again is None:
            self._again = self._reader(order)
        self._again.go_to(*position.place)
        table = self._again.read()
        if table is None:
            raise ExtractError(f"{self._source.name}: the file is shorter than it was")
        return self._batch(table, position, order)

    def has_midnights(self, column: str) -> bool:
        """Whether a column of timestamps without a zone has midnights in it, which dates may have become."""
        if self._kinds[column] is not Kind.NAIVE or is_list(self._arrow[column]):
            return False
        day = pa.scalar(_DAY[self._arrow[column].unit], pa.int64())
        reader = self._reader([column])
        try:
            for group in range(reader.groups):
                reader.go_to(group, 0)
                while (table := reader.read()) is not None:
                    ticks = table.columns[self._spelt[column]].cast(pa.int64())
                    if pc.any(pc.equal(pc.multiply(pc.divide(ticks, day), day), ticks)).as_py():
                        return True
        finally:
            reader.close()
        return False

    def place(self, row: int) -> str:
        """The row group and the number within it, or for a frame the label of the frame's index.

        Raises:
            ExtractError: the file cannot be read any more.
        """
        group = bisect_right(self._starts, row - 1, hi=len(self._starts) - 1) - 1
        number = row - self._starts[group]
        if self._is_frame:
            return f"index {self._labels_of(group)[number - 1] if self._has_labels else row - 1}"
        return f"row group {group + 1}, row {number}"

    def _labels_of(self, group: int) -> list[str]:
        """The labels of a row group's rows; those of one group are kept."""
        if self._labels[0] != group:
            reader = ParquetReader(self._source, self._max_rows, {INDEX})
            found: list[str] = []
            try:
                reader.go_to(group, 0)
                while (table := reader.read()) is not None:
                    found += table.columns[INDEX].to_pylist()
            finally:
                reader.close()
            self._labels = (group, found)
        return self._labels[1]

    def notes(self, _found: Found) -> tuple[str, ...]:
        """None: all of it are rows."""
        return ()

    def close(self) -> None:
        """Closes what rereading holds open."""
        if self._again is not None:
            self._again.close()
        self._again = None

    def _reader(self, wanted: Collection[str]) -> ParquetReader:
        """Opens the file for those of its columns that can be cells."""
        columns = {self._spelt[name] for name in wanted if self._kinds[name] is not None}
        return ParquetReader(self._source, self._max_rows, columns)

    def _batch(self, table: Table, position: Position, order: list[str]) -> RowBatch:
        found: dict[int, list[tuple[str, str]]] = {}
        columns: list[Sequence[Cell]] = []
        for name in order:
            spelt = self._spelt[name]
            if spelt not in table.columns:
                columns.append(["" if self._kinds[name] else shown_type(self._arrow[name])] * table.rows)
                continue
            column, faults = cells_of(table.columns[spelt], table.nanoseconds.get(spelt))
            columns.append(column)
            for index, code in faults:
                found.setdefault(index, []).append((code, f"column {name!r} {_SENTENCES[code]}"))
        bad = {
            index: BadRow(
                faults[0][0],
                f"row {position.row + index}: {'; '.join(sentence for _, sentence in faults)}",
            )
            for index, faults in sorted(found.items())
        }
        return RowBatch(self._index, position.row, columns, bad, {}, position)


_SENTENCES = {
    "ControlCharacter": "holds a control character: remove it, or have the text exported in its encoding",
    "NullByte": "holds a NUL character: remove it",
    "NullInList": "holds a list with an empty place: take it out",
    "OutOfRange": "holds a time in a year that no calendar has: correct it, or leave it empty",
    "UndecodableByte": "holds a byte that is not UTF-8, or U+FFFD in place of one: correct it",
}
