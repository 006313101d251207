"""One Parquet file as a source of row batches.

Owns opening, streaming and finding a batch again. Must not know how a value is written as text (`parquet_text`),
nor what columns mean.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.extracts.batches import MAX_ROWS, BadRow, ColumnType, Position, RowBatch, header_columns
from connectors.extracts.parquet.text import Kind, cells_of, is_list, kind_of
from connectors.extracts.source_files import Source
from schemas.errors import ExtractError
from schemas.rows.columns import Cell

_BATCH_BYTES = 4 << 20
_READ_BUFFER = 1 << 18


class ParquetFile:
    """A Parquet file, its schema read and checked.

    Attributes:
        columns: the names of its columns, in the file's own order.
        records: see `connectors.extracts.batches.RowFile`; what the file's own footer says.
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
        self._again: _Reader | None = None
        reader = _Reader(source, max_rows)
        try:
            schema = reader.file.schema_arrow
            self.records: int = reader.file.metadata.num_rows
        finally:
            reader.close()
        self.columns = header_columns(schema.names, source.name)
        if len(self.columns) != len(schema.names):
            raise ExtractError(f"{source.name}: the last column has no name: name it or leave it out")
        self._place = {name: place for place, name in enumerate(self.columns)}
        self._arrow = dict(zip(self.columns, schema.types, strict=True))
        self._kinds = {name: kind_of(arrow) for name, arrow in self._arrow.items()}

    def types(self) -> dict[str, ColumnType]:
        """The type of each column whose values can be cells; a column of nulls agrees with every kind."""
        return {
            name: ColumnType(f"list of {kind}" if is_list(self._arrow[name]) else str(kind), str(self._arrow[name]))
            for name, kind in self._kinds.items()
            if kind not in (None, Kind.NOTHING)
        }

    def unreadable(self) -> dict[str, str]:
        """The columns whose values cannot be cells, and their types; each of their cells is `[binary]` or the like."""
        return {name: str(self._arrow[name]) for name, kind in self._kinds.items() if kind is None}

    def batches(self, order: list[str]) -> Iterator[RowBatch]:
        """Reads the file from the start.

        Args:
            order: the columns, in the order the cells are wanted.

        Yields:
            Batches of at least one row; none reaches over two row groups.

        Raises:
            ExtractError: the file cannot be read on, or is not the file it was.
        """
        reader = _Reader(self._source, self._max_rows)
        row = 1
        try:
            for group in range(reader.groups):
                reader.go_to(group, 0)
                number = 0
                while (table := reader.read()) is not None:
                    position = Position(self._index, row, (group, number))
                    yield self._batch(table, position, order)
                    row += table.num_rows
                    number += 1
        finally:
            reader.close()

    def reread(self, position: Position, order: list[str]) -> RowBatch:
        """Reads the batch at a position again; ascending positions go through each row group once."""
        if self._again is None:
            self._again = _Reader(self._source, self._max_rows)
        self._again.go_to(*position.place)
        table = self._again.read()
        if table is None:
            raise ExtractError(f"{self._source.name}: the file is shorter than it was")
        return self._batch(table, position, order)

    def close(self) -> None:
        """Closes what rereading holds open."""
        if self._again is not None:
            self._again.close()
        self._again = None

    def _batch(self, table: pa.RecordBatch, position: Position, order: list[str]) -> RowBatch:
        found: dict[int, list[tuple[str, str]]] = {}
        columns: list[list[Cell]] = []
        for name in order:
            column, faults = cells_of(table.column(self._place[name]))
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
    "NullByte": "holds a NUL character: remove it",
    "NullInList": "holds a list with an empty place: take it out",
    "UndecodableByte": "holds a byte that is not UTF-8, or U+FFFD in place of one: correct it",
}


class _Reader:
    """Walks through a file's row groups, batch by batch."""

    def __init__(self, source: Source, max_rows: int) -> None:
        self._source = source
        self._max_rows = max_rows
        self._handle = source.open()
        try:
            self.file = pq.ParquetFile(self._handle, buffer_size=_READ_BUFFER)
        except (OSError, pa.ArrowException) as error:
            self._handle.close()
            raise ExtractError(f"{source.name}: is not a Parquet file, or is cut short: fetch it anew") from error
        self.groups: int = self.file.num_row_groups
        self._group, self._number = -1, 0
        self._batches: Iterator[pa.RecordBatch] = iter(())

    def go_to(self, group: int, number: int) -> None:
        """Makes a batch of a row group the next to be read; forward within the group is cheap."""
        if group != self._group or number < self._number:
            self._batches = self.file.iter_batches(self._batch_rows(group), row_groups=[group])
            self._group, self._number = group, 0
        while self._number < number and self.read() is not None:
            pass

    def read(self) -> pa.RecordBatch | None:
        """The next batch of the row group, `None` behind its last.

        Raises:
            ExtractError: the file's data are damaged.
        """
        try:
            table = next(self._batches, None)
        except (OSError, pa.ArrowException) as error:
            raise ExtractError(
                f"{self._source.name}: row group {self._group + 1} is damaged: fetch the file anew"
            ) from error
        self._number += 1
        return table

    def close(self) -> None:
        """Closes the file."""
        self._batches = iter(())
        self._handle.close()

    def _batch_rows(self, group: int) -> int:
        """Rows that make about `_BATCH_BYTES`, by what the file says of the group."""
        about = self.file.metadata.row_group(group)
        each: int = max(about.total_byte_size // max(about.num_rows, 1), 1)
        return min(max(_BATCH_BYTES // each, 1), self._max_rows)
