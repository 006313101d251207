"""An extract: the files a load reads, as one sequence of row batches.

Owns opening, what files of one extract must have in common, reading again, hashing and noticing change. Must not
know LUSID, rows' meanings, or how a format is read.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.extracts.agreement import check_columns, check_types
from connectors.extracts.batches import BadRow, Found, Position, RowBatch, RowFile, Shard, order_of
from connectors.extracts.csv.file import CsvFile
from connectors.extracts.csv.format import csv_format
from connectors.extracts.parquet.file import ParquetFile
from connectors.extracts.partitions import PartitionedFile
from connectors.extracts.source_files import Digests, Source, find_sources
from schemas.errors import ExtractError
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kinds
from schemas.rows.reading import ReadingRules

__all__ = [
    "BadRow",
    "Extract",
    "Position",
    "RowBatch",
    "Source",
    "open_extract",
]


class Extract:
    """Files of one kind with the same columns, read one after another in bounded memory.

    The files are not held open between passes: whenever one is opened it must still be the file it was (size,
    modification time, inode), so one that is replaced or appended to ends the run and is never read half old and half
    new.

    Attributes:
        columns: the first file's header, trimmed of white space and byte order mark; also the order of every row's
            cells, whatever the order in its file. Includes columns that begin with `_`.
        sources: the files, in the order they are read.
        kinds: what columns hold that are typed; a CSV has none.
    """

    def __init__(self, sources: Sequence[Source], files: Sequence[RowFile]) -> None:
        """Takes files that are open for reading.

        Args:
            sources: the files on disk, at least one.
            files: the readers, one for each source.

        Raises:
            ExtractError: the files' columns or the types of their columns do not agree.
        """
        check_columns(sources, files)
        check_types(sources, files)
        self.columns = files[0].columns
        self.sources = list(sources)
        self.kinds: Kinds = {column: found.kind for file in files for column, found in file.types().items()}
        self._files = files
        self._digests = Digests(sources)
        self._found = [Found()] * len(files)
        self._reread = 0

    def __reduce__(self) -> tuple[object, ...]:
        return Extract, (self.sources, self._files)

    def batches(self, used: Collection[str] | None = None) -> Iterator[RowBatch]:
        """Reads all files from the start, hashing them meanwhile.

        Args:
            used: the columns that are wanted, by default all; cells of others may be empty.

        Yields:
            Batches of 1 to 8,192 rows, of about half a megabyte of text, none reaching over two files.

        Raises:
            ExtractError: a file cannot be read on, or is not the file it was.
        """
        self.hash()
        for index, file in enumerate(self._files):
            yield from file.batches(self.columns, used)
            self._found[index] = file.found

    def hash(self) -> None:
        """Begins hashing the files; `digests` waits for it."""
        self._digests.start()

    @property
    def weight(self) -> int:
        """About the bytes that its rows have as text."""
        return sum(file.weight for file in self._files)

    def cut(self, most: int, ahead: int = 0) -> list[list[Shard]]:
        """Cuts the extract into portions of about the same weight, one behind the other, each of one shard or several.

        Args:
            most: portions, at most.
            ahead: how much heavier the first is than each other, or lighter; a share of a small extract, at most.

        Raises:
            ExtractError: a file cannot be read.
        """
        portions: list[list[Shard]] = [[]]
        ahead = max(min(ahead, self.weight // (2 * most)), -self.weight // (2 * most))
        share, before = (self.weight - ahead) / most, 0.0
        ends = [ahead + share * part for part in range(1, most)]
        for file in self._files:
            places = [(end - before) / file.weight for end in ends if before < end < before + file.weight]
            shards = file.cut(places)
            begins = (
                [0.0, *places]
                if len(places) + 1 == len(shards)
                else [place / len(shards) for place in range(len(shards))]
            )
            for shard, begin in zip(shards, begins, strict=True):
                is_full = len(portions) < most and before + begin * file.weight > ends[len(portions) - 1] - 1
                if portions[-1] and is_full:
                    portions.append([])
                portions[-1].append(shard)
            before += file.weight
        return portions

    def shard(self, shard: Shard, used: Collection[str] | None = None) -> Iterator[RowBatch]:
        """Reads one shard; batches as of `batches`. It does not hash.

        Raises:
            ExtractError: the file cannot be read on, or is not the file it was.
            MisalignedError: no record ends where the shard does.
        """
        return self._files[shard.begin.source].batches(self.columns, used, shard)

    def found_in(self, shard: Shard) -> Found:
        """What the reading of a shard that has just ended found beside its rows."""
        return self._files[shard.begin.source].found

    def take(self, found: Iterable[tuple[int, Found]]) -> None:
        """Takes what readings of all shards found, each with the index of its file, as that of one reading."""
        self._found = [Found()] * len(self._files)
        for source, each in found:
            self._found[source] += each

    @property
    def records(self) -> int:
        """Data records that the last reading found, counted where they are cut and apart from the rows handed on."""
        return sum(found.records for found in self._found)

    def reread(self, position: Position) -> RowBatch:
        """Reads one batch again, equal to what it was.

        Positions in ascending order cost one pass through each file, compressed or not; a step back in a compressed
        file costs reading it from its start.

        Raises:
            ExtractError: the file cannot be read, or is not the file it was.
        """
        if position.source != self._reread:
            self._files[self._reread].close()
            self._reread = position.source
        return self._files[position.source].reread(position, self.columns)

    def notes(self) -> list[str]:
        """What the last reading left out that is no row, in words."""
        return [note for file, found in zip(self._files, self._found, strict=True) for note in file.notes(found)]

    def check_readable(self, used: Iterable[str]) -> None:
        """Makes sure that the columns a load uses hold values that can be cells; others may hold anything.

        Raises:
            ExtractError: names the file, the column and its type.
        """
        for source, file in zip(self.sources, self._files, strict=True):
            unreadable = file.unreadable()
            for column in used:
                if column in unreadable:
                    raise ExtractError(
                        f"{source.name}: column {column!r} has type {unreadable[column]}, which cannot be a cell: "
                        "write it as text, numbers, dates, or a list of those"
                    )

    def has_midnights(self, column: str) -> bool:
        """Whether a column of timestamps without a zone has midnights in it, which dates may have become.

        Raises:
            ExtractError: a file cannot be read.
        """
        return any(file.has_midnights(column) for file in self._files)

    def in_file_order(self, source: int, cells: Sequence[Cell]) -> Sequence[Cell]:
        """A row's cells in the order of the columns of its own file."""
        order = order_of(self.columns, self._files[source].columns)
        return cells if order is None else [cells[place] for place in order]

    def number(self, column: str, source: int) -> int:
        """The number of a column in one of the files, from 1."""
        return self._files[source].columns.index(column) + 1

    def place(self, source: int, row: int) -> str:
        """Where a row of a file is, beside its number and its line, in the file's own terms; empty in a CSV.

        Raises:
            ExtractError: the file cannot be read any more.
        """
        return self._files[source].place(row)

    def digests(self) -> list[str]:
        """SHA-256 of each file's bytes on disk, as hex, in the order of `sources`; waits until they are known.

        Raises:
            ExtractError: a file cannot be read, or is not the file it was.
        """
        return self._digests.wait()

    def check_unchanged(self) -> None:
        """Compares each file with what it was when the extract was opened.

        Raises:
            ExtractError: a file's size, modification time or inode differ, or it is gone; names it.
        """
        for source in self.sources:
            source.check_unchanged()

    def close(self) -> None:
        """Closes the files and ends hashing."""
        self._digests.close()
        for file in self._files:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_extract(
    paths: Sequence[str | Path], *, declared: ReadingRules | None = None, names: Sequence[str] | None = None
) -> Extract:
    """Finds the files of an extract and checks their headers.

    Args:
        paths: files, glob patterns, or directories, whose `.csv`, `.tsv` (both also compressed, see `source_files`) and
            `.parquet` files are taken in the order of their names, those that begin with `.` or `_` left out; so are
            those of folders that are named for a column.
        declared: how CSV files are written. Files named `.tsv` have tabs unless another delimiter is declared.
        names: what the files are called, in the order they are found; by default as they were given.

    Raises:
        ExtractError: nothing matches; a file is missing, unreadable, empty, damaged or without a proper header; CSV
            and Parquet files are mixed; or the files' columns do not agree.
    """
    return open_sources(find_sources(paths), declared=declared, names=names)


def open_sources(
    sources: Sequence[Source], *, declared: ReadingRules | None = None, names: Sequence[str] | None = None
) -> Extract:
    """Checks the headers of files that were found.

    Args:
        sources: the files, at least one.
        declared, names: see `open_extract`.

    Raises:
        ExtractError: see `open_extract`.
    """
    if names is not None:
        sources = [replace(source, name=name) for source, name in zip(sources, names, strict=True)]
    if len({source.is_parquet for source in sources}) > 1:
        csv = next(source.name for source in sources if not source.is_parquet)
        parquet = next(source.name for source in sources if source.is_parquet)
        raise ExtractError(f"{csv} is CSV and {parquet} is Parquet: an extract is one or the other")
    if sources[0].is_parquet:
        return _opened(sources, [ParquetFile(source, i) for i, source in enumerate(sources)])
    declared = declared or ReadingRules()
    rules = csv_format(declared)
    tabs = rules if declared.is_declared("delimiter") else csv_format(declared.declared(delimiter="\t"))
    files = [
        CsvFile(source, index, tabs if ".tsv" in source.path.name.lower() else rules)
        for index, source in enumerate(sources)
    ]
    return _opened(sources, files)


def _opened(sources: Sequence[Source], files: Sequence[RowFile]) -> Extract:
    """The extract of files, with the columns that the folders of a dataset give them."""
    found = [
        PartitionedFile(file, partitions, source.name) if (partitions := source.partitions) else file
        for source, file in zip(sources, files, strict=True)
    ]
    return Extract(sources, found)
