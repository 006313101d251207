"""Walks through the row groups of one Parquet file, and decodes no column that nobody asked for.

Owns opening, the checks that a file is whole, and INT96. Must not know how a value is written as text.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.extracts.source_files import Source
from schemas.errors import ExtractError

_BATCH_BYTES = 4 << 20
_READ_BUFFER = 1 << 18
_ENCRYPTED = b"PARE"
"""How a file ends whose footer is encrypted."""
_DAMAGES = (OSError, pa.ArrowException, UnicodeDecodeError)


class Table(NamedTuple):
    """A batch of records.

    Attributes:
        columns: of the columns that were asked for, by name.
        nanoseconds: of those that are INT96, the same instants in nanoseconds modulo 2**64.
    """

    rows: int
    columns: dict[str, pa.Array]
    nanoseconds: dict[str, pa.Array]


class ParquetReader:
    """Walks through a file's row groups, batch by batch.

    Attributes:
        schema: of the whole file, instants of INT96 being microseconds.
        records: what the footer says of the whole file.
        groups: how many row groups it has.
        starts: the number of rows before each row group.
    """

    def __init__(self, source: Source, max_rows: int, columns: Collection[str] | None = None) -> None:
        """Opens a file.

        Args:
            source: the file.
            max_rows: rows in a batch, at most.
            columns: those to decode, as the file spells them; by default all.

        Raises:
            ExtractError: it is no Parquet file, or a damaged or encrypted one.
        """
        self._source = source
        self._max_rows = max_rows
        self._handle = source.open()
        try:
            self._file = self._open("us")
            self.schema: pa.Schema = self._file.schema_arrow
            self.schema.names  # noqa: B018  # one that is not UTF-8 is found here
        except _DAMAGES as error:
            encrypted = _is_encrypted(self._handle, error)
            self._handle.close()
            raise _unreadable(source, error, encrypted=encrypted) from error
        self._metadata = self._file.metadata
        self.records: int = self._metadata.num_rows
        self.groups: int = self._metadata.num_row_groups
        counts = [self._metadata.row_group(group).num_rows for group in range(self.groups)]
        self.starts = [*accumulate(counts, initial=0)][:-1]
        self._names = self.schema.names if columns is None else [n for n in self.schema.names if n in columns]
        self._old_times = sorted(_int96(self._file) & {*self._names})
        self._exact = self._open("ns") if self._old_times else None
        self._group, self._number, self._rows = -1, 0, 0
        self._batches: Iterator[Table] = iter(())

    def _open(self, unit: str) -> pq.ParquetFile:
        return pq.ParquetFile(
            self._handle, buffer_size=_READ_BUFFER, coerce_int96_timestamp_unit=unit, page_checksum_verification=True
        )

    def go_to(self, group: int, number: int) -> None:
        """Makes a batch of a row group the next to be read; forward within the group is cheap."""
        if group != self._group or number < self._number:
            self._batches = self._in_group(group)
            self._group, self._number, self._rows = group, 0, 0
        while self._number < number and self.read() is not None:
            pass

    @property
    def passed(self) -> int:
        """The rows of the row group that stand before the next batch."""
        return self._rows

    def read(self) -> Table | None:
        """The next batch of the row group, `None` behind its last.

        Raises:
            ExtractError: the file's data are damaged, or fewer than its footer promises.
        """
        try:
            table = next(self._batches, None)
        except _DAMAGES as error:
            raise _unreadable(self._source, error, self._group) from error
        if table is None:
            promised = self._metadata.row_group(self._group).num_rows
            if self._rows != promised:
                raise ExtractError(
                    f"{self._source.name}: row group {self._group + 1} is damaged: it holds {self._rows:,} rows of the "
                    f"{promised} that the file's footer promises: fetch the file anew"
                )
            return None
        self._rows += table.rows
        self._number += 1
        return table

    def close(self) -> None:
        """Closes the file."""
        self._batches = iter(())
        self._handle.close()

    def _in_group(self, group: int) -> Iterator[Table]:
        batches = self._in_batches(self._file, group, self._names)
        exact = self._in_batches(self._exact, group, self._old_times) if self._exact else iter(())
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            nanoseconds: dict[str, pa.Array] = {}
            if self._old_times:
                part = _taken(waiting, exact, batch.num_rows)
                nanoseconds = {name: part[name].combine_chunks() for name in self._old_times}
            yield Table(batch.num_rows, {name: batch[name] for name in self._names}, nanoseconds)

    def _in_batches(self, file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """One thread decodes them: several, each with buffers of its own, cost memory and gain nothing behind us."""
        batches: Iterator[pa.RecordBatch] = file.iter_batches(
            self.batch_rows(group), row_groups=[group], columns=columns, use_threads=False
        )
        return batches

    def batch_rows(self, group: int) -> int:
        """Rows in a batch of a row group, its last one perhaps left out: about `_BATCH_BYTES`."""
        about = self._metadata.row_group(group)
        each: int = max(about.total_byte_size // max(about.num_rows, 1), 1)
        return min(max(_BATCH_BYTES // each, 1), self._max_rows)


def _taken(waiting: list[pa.RecordBatch], further: Iterator[pa.RecordBatch], rows: int) -> pa.Table:
    """So many rows of what is `waiting` and follows, however these are cut; the rest of the last waits on."""
    while sum(batch.num_rows for batch in waiting) < rows:
        waiting.append(next(further))
    table = pa.Table.from_batches(waiting)
    waiting[:] = table.slice(rows).to_batches()
    return table.slice(0, rows)


def _int96(file: pq.ParquetFile) -> set[str]:
    """The columns that hold INT96, or lists of it."""
    leaves = [file.schema.column(i) for i in range(len(file.schema))]
    old = {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}
    return {name for name in file.schema_arrow.names if any(p == name or p.startswith(f"{name}.") for p in old)}


def _is_encrypted(handle: Any, error: Exception) -> bool:
    handle.seek(0)
    return handle.read(len(_ENCRYPTED)) == _ENCRYPTED or _speaks_of_keys(error)


def _speaks_of_keys(error: Exception) -> bool:
    return "crypt" in str(error).lower()


def _unreadable(source: Source, error: Exception, group: int | None = None, *, encrypted: bool = False) -> ExtractError:
    if encrypted or _speaks_of_keys(error):
        return ExtractError(f"{source.name}: is encrypted: decrypt it first, bulkload has no keys for it")
    if group is not None:
        return ExtractError(f"{source.name}: row group {group + 1} is damaged: fetch the file anew")
    if isinstance(error, UnicodeDecodeError):
        return ExtractError(f"{source.name}: the name of a column is not UTF-8: fetch the file anew, or rename it")
    return ExtractError(f"{source.name}: is not a Parquet file, or is cut short: fetch it anew")
