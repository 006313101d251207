"""The reference reader of CSV records: one line after another, every fault named.

Owns what a record is (RFC 4180, and what to do where a file breaks it). Must not know files or columns, nor be fast:
`csv_blocks` takes the short ways, and a test holds them to give exactly what this module gives.

The rules: a record ends at a line feed, or CR LF, outside quotes. A cell is quoted when its first character is a
quote; a quote anywhere else is text. A quoted cell ends at a quote that is not doubled, and a delimiter or the
record's end must follow. Where a quote is not closed so within the limits of `csv_format`, the physical line on
which the record began is refused and reading goes on with the next line: an open quote never swallows its
neighbours. Lines that are wholly empty, outside quotes, are no records.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from connectors.extracts.batches import REPLACEMENT
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.quotes import (
    MoreBytesNeededError,
    PhysicalLines,
    QuoteChain,
    State,
    scan_quotes,
    split_quoted,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record.

    Attributes:
        code: see `connectors.extracts.batches.BadRow`.
        cell: index of the cell at fault, or `None` when it is the record.
    """

    code: str
    cell: int | None = None


@dataclass(slots=True)
class Record:
    """A record as found.

    Attributes:
        line: its first physical line, counted from 0 at the start of the view.
        cells: its cells; a best effort where there are faults.
        faults: none in a good record.
    """

    line: int
    cells: list[str]
    faults: list[Fault] = field(default_factory=list)


class RecordReader:
    """Iterates over the records that can be told from the bytes at hand.

    Attributes:
        line: physical lines that are done with: those of the records yielded so far, and empty ones.
        records: the records yielded so far.
        cut: the last record was a line too long to be held; the rest of it is to be skipped.
    """

    def __init__(self, view: bytes, rules: CsvFormat, *, ended: bool) -> None:
        """Takes bytes to read.

        Args:
            view: bytes, from the start of a physical line on.
            rules: how to read them.
            ended: whether the file ends where the view ends; if not, a record is withheld while it might go on.
        """
        self.line = 0
        self.records = 0
        self.cut = False
        self._rules = rules
        self._lines = PhysicalLines(view, rules, ended=ended)
        self._quotes = QuoteChain(self._lines, rules)

    @property
    def used(self) -> int:
        """Bytes that are done with."""
        return self._lines.size if self.cut else self._lines.start(self.line)

    def __iter__(self) -> Iterator[Record]:
        while self.line < len(self._lines):
            body = self._lines.body(self.line)
            if not body:
                self.line += 1
                continue
            try:
                record = self._record(self.line, body)
            except MoreBytesNeededError:
                return
            self.records += 1
            yield record
        if len(self._lines.unfinished) > self._rules.max_bytes:
            self.cut = True
            self.line += 1
            self.records += 1
            yield self._refused(self.line - 1, self._lines.unfinished, Fault("RecordTooLong"))

    def _record(self, first: int, body: bytes) -> Record:
        """The record that begins on a line; moves behind it."""
        if self._lines.length(first) > self._rules.max_bytes:
            record = self._refused(first, body, Fault("RecordTooLong"))
        elif b'"' in body:
            return self._record_with_quotes(first, body)
        else:
            cells = self._text(body).split(self._rules.delimiter)
            record = Record(first, cells, self._character_faults(cells, frozenset()))
        self.line = first + 1
        return record

    def _record_with_quotes(self, first: int, body: bytes) -> Record:
        """The same for a line with quotes, whose record may span lines."""
        state, cell = scan_quotes(body, self._rules.delimiter.encode(), State.OUTSIDE)
        last = self._quotes.closing_line(first) if state is State.INSIDE else first
        self.line = first + 1
        if state is State.MALFORMED:
            return self._refused(first, body, Fault("MalformedQuote", cell))
        if last is None:
            return self._refused(first, body, Fault("UnterminatedQuote", cell))
        self.line = last + 1
        cells, quoted = split_quoted(self._text(self._lines.joined(first, last)), self._rules)
        return Record(first, cells, self._character_faults(cells, quoted))

    def _refused(self, first: int, body: bytes, fault: Fault) -> Record:
        """A line that is no record, cut at its delimiters so that a report can show it."""
        cells = self._text(body[: self._rules.max_bytes]).split(self._rules.delimiter)
        return Record(first, cells, [fault])

    def _text(self, body: bytes) -> str:
        return body.decode(self._rules.encoding.name, "replace")

    def _character_faults(self, cells: list[str], quoted: Set[int]) -> list[Fault]:
        """The characters that refuse a row, cell by cell."""
        faults = []
        for index, cell in enumerate(cells):
            if REPLACEMENT in cell:
                faults.append(Fault("UndecodableByte", index))
            if "\0" in cell:
                faults.append(Fault("NullByte", index))
            if "\r" in cell and index not in quoted:
                code = "BareLineFeed" if self._rules.swapped else "BareCarriageReturn"
                faults.append(Fault(code, index))
        return faults
