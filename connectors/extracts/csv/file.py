"""One CSV file as a source of row batches.

Owns where batches begin. Must not know how records are cut, nor what columns mean.

A batch depends only on the file and on where the batch begins. That is what makes it readable again: from its
position the same bytes are viewed and the same decisions taken.

A failures.csv of ours is known by its first columns and read as we write it, whatever was declared for the extract it
came from: a client's mapping, with its encoding and delimiter, fits the corrected report too.
"""

import codecs
import dataclasses
import re
from collections.abc import Collection, Iterator

from connectors.extracts.batches import BadRow, ColumnType, Position, RowBatch, order_of
from connectors.extracts.csv.blocks import read_block
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.header import read_header
from connectors.extracts.csv.record_faults import Rows
from connectors.extracts.csv.stream import ByteStream, check_beginning, encoding_of
from connectors.extracts.source_files import Source
from connectors.run_folder.results import FAILURE_COLUMNS, SURPLUS_COLUMN

_HEAD = 1 << 16
_FIRST_LINE_END = re.compile(rb'(?:[^"\r\n]|"[^"]*+")*+(\r\n?|\n)')
_ANY_LINE_END = re.compile(rb"[^\r\n]*+(\r\n?|\n)")
_REPORT = ",".join([*FAILURE_COLUMNS[:3], ""]).encode()
_REPORT_HEAD = 64


class CsvFile:
    """A CSV file, its header read and checked.

    Attributes:
        columns: the header, in the file's own order.
        records: see `connectors.extracts.batches.RowFile`.
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
        self.records = 0
        self._reported = _is_report(source)
        if self._reported:
            rules = CsvFormat(encoding_of("utf-8"), suspects="", block=rules.block, max_rows=rules.max_rows)
        check_beginning(source, rules.encoding)
        self._rules = dataclasses.replace(rules, swapped=self._lines_end_in_cr(rules))
        self._again: ByteStream | None = None
        stream = self._stream()
        try:
            header = read_header(stream, self._rules, source.name)
        finally:
            stream.close()
        self.columns = list(header.layout.columns)
        self._layout = header.layout
        self._start = Position(index, 1, header.place)
        self._marked: list[int] = []

    def types(self) -> dict[str, ColumnType]:
        """None: in a CSV all is text."""
        return {}

    def unreadable(self) -> dict[str, str]:
        """None: in a CSV all is text."""
        return {}

    def has_midnights(self, _column: str) -> bool:
        """None: in a CSV all is text."""
        return False

    def batches(self, order: list[str], used: Collection[str] | None = None) -> Iterator[RowBatch]:
        """Reads the file from the start.

        Args:
            order: the columns, in the order the cells are wanted.
            used: of no use here: a record is read as a whole.

        Yields:
            Batches of at least one row.

        Raises:
            ExtractError: the file cannot be read on, or is not the file it was.
        """
        stream = self._stream()
        self.records = 0
        try:
            position: Position | None = self._start
            while position is not None:
                batch, position, records = self._batch(stream, position, order)
                self.records += records
                if len(batch):
                    yield batch
        finally:
            stream.close()

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
        return ByteStream(self._source, self._rules.encoding, swap_line_ends=self._rules.swapped)

    def _lines_end_in_cr(self, rules: CsvFormat) -> bool:
        """Whether the first line ends in a lone CR, as old Macs wrote them."""
        stream = ByteStream(self._source, rules.encoding)
        try:
            for size in (_HEAD, rules.max_bytes + 2):
                view, ended = stream.view(size)
                found = _FIRST_LINE_END.match(view) or _ANY_LINE_END.match(view)
                if found and (ended or found.end() < len(view)):
                    return found[1] == b"\r"
        finally:
            stream.close()
        return False

    def _batch(self, stream: ByteStream, position: Position, order: list[str]) -> tuple[RowBatch, Position | None, int]:
        """The batch at a position, where the next one begins if the file goes on, and the records that were cut."""
        offset, line = position.place
        stream.seek(offset)
        size = self._rules.block
        while True:
            view, ended = stream.view(size)
            block = read_block(view, self._layout, self._rules, line, ended=ended)
            if block.used or ended:
                break
            size += self._rules.block
        stream.advance(block.used)
        if block.cut:
            stream.skip_line()
        following = Position(
            self._index,
            position.row + len(block.rows.rows),
            (stream.offset, line + block.lines),
        )
        if self._reported and SURPLUS_COLUMN in self.columns:
            _refuse_surplus(block.rows, self.columns.index(SURPLUS_COLUMN), position.row)
        columns = [*zip(*block.rows.rows, strict=True)] or [()] * len(self.columns)
        places = order_of(self.columns, order)
        ordered = columns if places is None else [columns[place] for place in places]
        batch = RowBatch(self._index, position.row, ordered, block.rows.bad, block.rows.extra, position)
        return batch, following if block.used < len(view) or not ended else None, block.records


def _is_report(source: Source) -> bool:
    """Whether a file is a failures.csv of ours, perhaps saved again by a program that quotes or adds a mark."""
    stream = ByteStream(source, encoding_of("latin-1"))
    head, _ = stream.view(_REPORT_HEAD)
    stream.close()
    return head.removeprefix(codecs.BOM_UTF8).replace(b'"', b"").startswith(_REPORT)


def _refuse_surplus(rows: Rows, column: int, first_row: int) -> None:
    """A reported row had too many cells and has them still, until somebody has put them where they belong."""
    for index, row in enumerate(rows.rows):
        if row[column] and index not in rows.bad:
            told = (
                f"row {first_row + index}: {SURPLUS_COLUMN} is filled: not every cell of this row was in its column; "
                f"put them there and empty {SURPLUS_COLUMN}"
            )
            rows.bad[index] = BadRow("TooManyCells", told)
