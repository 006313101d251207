"""One CSV file as a source of row batches.

Owns where batches begin. Must not know how records are cut, nor what columns mean.

A batch depends only on the file and on where the batch begins. That is what makes it readable again: from its
position the same bytes are viewed and the same decisions taken.

A failures.csv of ours is known by its first columns and read as we write it, whatever was declared for the extract it
came from: a client's mapping, with its encoding and delimiter, fits the corrected report too.
"""

import codecs
import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Sequence

from connectors.extracts.batches import (
    BadRow,
    ColumnType,
    Found,
    Lines,
    MisalignedError,
    Position,
    RowBatch,
    Shard,
    order_of,
)
from connectors.extracts.csv.beginnings import beginning_of, check_beginning
from connectors.extracts.csv.blocks import Block, read_block
from connectors.extracts.csv.cutting import ends_of_records
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.header import read_header
from connectors.extracts.csv.record_faults import Rows
from connectors.extracts.csv.stream import ByteStream, encoding_of
from connectors.extracts.source_files import Source
from connectors.run_folder.results import FAILURE_COLUMNS, SURPLUS_COLUMN, TYPED_COLUMN
from schemas.errors import ExtractError
from schemas.rows.kinds import Kind

_HEAD = 1 << 16
_ANY_LINE_END = re.compile(rb"[^\r\n]*+(\r\n?|\n)")
_REPORT = ",".join([*FAILURE_COLUMNS[:3], ""]).encode()


class CsvFile:
    """A CSV file, its header read and checked.

    Attributes:
        columns: the header, in the file's own order.
        found: see `connectors.extracts.batches.RowFile`.
    """

    def __init__(self, source: Source, index: int, rules: CsvFormat) -> None:
        """Reads the header.

        Args:
            source: the file.
            index: its place in the extract.
            rules: how to read it; whether line ends are swapped is found out here.

        Raises:
            ExtractError: the file is empty, of another kind or encoding, or its header is at fault.
        """
        self._source = source
        self._index = index
        self.found = Found()
        head = beginning_of(source)
        self._reported = _is_report(head)
        if self._reported:
            rules = CsvFormat(encoding_of("utf-8"), suspects="", block=rules.block, max_rows=rules.max_rows)
        check_beginning(source.name, head, rules.encoding)
        self._rules = dataclasses.replace(rules, swapped=self._lines_end_in_cr(rules))
        self._again: ByteStream | None = None
        stream = self._stream()
        try:
            header = read_header(stream, self._rules, source.name)
        finally:
            stream.close()
        self.columns = list(header.layout.columns)
        self._layout, self._rules = header.layout, header.rules
        self._start = Position(index, 1, header.place)

    @property
    def weight(self) -> int:
        """The bytes of the file, five for each where it is compressed."""
        return self._source.size * (5 if self._source.compression else 1)

    def cut(self, places: Sequence[float]) -> list[Shard]:
        """Shards that begin where records seem to; that they do shows when the one before is read up to its end.

        A file is one shard where what a record is depends on what stands before or behind it.
        """
        if not places or not self._can_be_cut():
            return [Shard(self._start)]
        offset, line = self._start.place
        wanted = [offset + int((self._source.size - offset) * place) for place in places]
        ends = ends_of_records(self._source, self._rules.quote, offset, line, wanted)
        begins = [self._start.place, *ends]
        stops = [*ends, (0, 0)]
        return [
            Shard(Position(self._index, 1, begin, stop[0]), stop if stop[0] else None)
            for begin, stop in zip(begins, stops, strict=True)
        ]

    def _can_be_cut(self) -> bool:
        rules = self._rules
        entire = self._source.compression or rules.encoding.transcoded or rules.swapped or rules.footer_lines
        counted = self._layout.counted_from is not None
        return not (entire or counted or self._reported or rules.until is not None)

    def types(self) -> dict[str, ColumnType]:
        """None: in a CSV all is text; but for failures of a typed extract, which say what held a number or a time."""
        if not self._reported or TYPED_COLUMN not in self.columns:
            return {}
        told = {cell for batch in self.batches([TYPED_COLUMN]) for cell in batch.columns[0]}
        try:
            found = {column: Kind(kind) for text in told for column, kind in json.loads(str(text)).items()}
        except (ValueError, AttributeError):
            raise ExtractError(
                f"{self._source.name}: {TYPED_COLUMN} is not as it was written: leave it as it is in every row"
            ) from None
        return {name: ColumnType(kind, kind, is_list=False) for name, kind in found.items()}

    def unreadable(self) -> dict[str, str]:
        """None: in a CSV all is text."""
        return {}

    def has_midnights(self, _column: str) -> bool:
        """None: in a CSV all is text."""
        return False

    def batches(
        self, order: list[str], used: Collection[str] | None = None, shard: Shard | None = None
    ) -> Iterator[RowBatch]:
        """Reads the file from the start, or a shard of it.

        Args:
            order: the columns, in the order the cells are wanted.
            used: of no use here: a record is read as a whole.
            shard: what is read of the file; by default all.

        Yields:
            Batches of at least one row.

        Raises:
            ExtractError: the file cannot be read on, or is not the file it was.
            MisalignedError: no record ends where the shard does.
        """
        stream = self._stream()
        self.found = Found()
        try:
            position: Position | None = shard.begin if shard else self._start
            while position is not None and not _is_read(position, shard):
                line = position.place[1]
                batch, position, block = self._batch(stream, position, order)
                over = line + block.lines if block.over else None
                self.found += Found(block.records, tuple(line + each for each in block.marked), over)
                if len(batch):
                    yield batch
        finally:
            stream.close()

    def place(self, _row: int) -> str:
        """Nothing: in a CSV the line tells."""
        return ""

    def notes(self, found: Found) -> Iterator[str]:
        """What readings of the whole file left out, in words."""
        name, marked = self._source.name, found.marked
        if self._layout.counted_from is not None:
            yield f"{name}: the first column has no name and counts the rows: it is not used"
        if marked:
            what = "a record begins" if len(marked) == 1 else f"{len(marked)} records begin"
            yield f"{name}: {what} with a byte order mark (line {marked[0]}): it is no part of the first cell"
        if found.over is not None:
            yield f"{name}: line {found.over} and what follows it were not read, as `until` declares"

    def reread(self, position: Position, order: list[str]) -> RowBatch:
        """Reads the batch at a position again; ascending positions go through the file once."""
        if self._again is None:
            self._again = self._stream()
        return self._batch(self._again, position, order)[0]

    def close(self) -> None:
        """Closes what rereading holds open."""
        if self._again is not None:
            self._again.close()

    def _stream(self) -> ByteStream:
        rules = self._rules
        return ByteStream(self._source, rules.encoding, swap_line_ends=rules.swapped, footer_lines=rules.footer_lines)

    def _lines_end_in_cr(self, rules: CsvFormat) -> bool:
        """Whether the first line ends in a lone CR, as old Macs wrote them."""
        stream, first_line = ByteStream(self._source, rules.encoding), rules.first_line
        try:
            for size in (_HEAD, rules.max_bytes + 2):
                view, ended = stream.view(size)
                found = first_line.match(view) or _ANY_LINE_END.match(view)
                if found and (ended or found.end() < len(view)):
                    return found[1] == b"\r"
        finally:
            stream.close()
        return False

    def _batch(
        self, stream: ByteStream, position: Position, order: list[str]
    ) -> tuple[RowBatch, Position | None, Block]:
        """The batch at a position, where the next one begins if the file goes on, and what was made of its bytes."""
        offset, line = position.place
        stream.seek(offset)
        size, left = self._rules.block, position.end - offset
        while True:
            view, ended = stream.view(min(size, left) if position.end else size)
            block = read_block(view, self._layout, self._rules, line, ended=ended)
            if block.used or block.over or ended:
                break
            if position.end and size >= left:
                raise MisalignedError
            size += self._rules.block
        stream.advance(block.used)
        if block.cut:
            stream.skip_line()
        following = Position(
            self._index,
            position.row + len(block),
            (stream.offset, line + block.lines),
            position.end,
        )
        columns = block.columns(len(self.columns))
        if self._reported and SURPLUS_COLUMN in self.columns:
            _refuse_surplus(block.rows, columns[self.columns.index(SURPLUS_COLUMN)], position.row)
        if self._layout.counted_from is not None:
            _refuse_uncounted(block.rows, columns[0], position.row, self._layout.counted_from)
        places = order_of(self.columns, order)
        ordered = columns if places is None else [columns[place] for place in places]
        batch = RowBatch(
            self._index, position.row, ordered, block.rows.bad, block.rows.extra, position, Lines(line, block.starts)
        )
        is_last = block.over or (ended and block.used == len(view))
        return batch, None if is_last else following, block


def _is_read(position: Position, shard: Shard | None) -> bool:
    """Whether a position is the end of a shard; raises MisalignedError where the shard ends elsewhere."""
    if shard is None or shard.end is None or position.place[0] < shard.end[0]:
        return False
    if position.place != shard.end:
        raise MisalignedError
    return True


def _is_report(head: bytes) -> bool:
    """Whether a file is a failures.csv of ours, perhaps saved again by a program that quotes or adds a mark."""
    return head.removeprefix(codecs.BOM_UTF8).replace(b'"', b"").startswith(_REPORT)


def _refuse_surplus(rows: Rows, cells: Sequence[str], first_row: int) -> None:
    """A reported row had too many cells and has them still, until somebody has put them where they belong."""
    for index, cell in enumerate(cells):
        if cell and index not in rows.bad:
            told = (
                f"row {first_row + index}: {SURPLUS_COLUMN} is filled: not every cell of this row was in its column; "
                f"put them there and empty {SURPLUS_COLUMN}"
            )
            rows.bad[index] = BadRow("TooManyCells", told)


def _refuse_uncounted(rows: Rows, cells: Sequence[str], first_row: int, counted_from: int) -> None:
    """The column without a name was left out because it counts; a cell of it that does not is something else."""
    for index, cell in enumerate(cells):
        if cell != str(counted_from + first_row - 1 + index) and index not in rows.bad:
            told = (
                f"row {first_row + index}: the first column has no name, and this cell of it does not count on: name it"
            )
            rows.bad[index] = BadRow("UnnamedColumn", told)
