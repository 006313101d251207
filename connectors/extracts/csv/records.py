"""The reference reader of CSV records: one line after another, every fault named.

Owns what a record is (RFC 4180, what is declared instead, and what to do where a file breaks it). Must not know files
or columns, nor be fast: `blocks` takes the short ways, and a test holds them to give exactly what this module gives.

The rules: a record ends at a line feed, or CR LF, outside quotes. A cell is quoted when its first character is a
quote; a quote anywhere else is text, unless it makes the cell suspicious (`suspicions`). A quoted cell ends at a quote
that is not doubled, and a delimiter or the record's end must follow. Where a quote is not closed so within the limits
of `format`, the physical line on which the record began is refused and reading goes on with the next line: an open
quote never swallows its neighbours. Lines that are wholly empty, outside quotes, are no records. A byte order mark
at the start of a record is no part of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.extracts.csv.fitting import ends_table
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.grammar import grammar_of
from connectors.extracts.csv.quotes import (
    Cut,
    MoreBytesNeededError,
    PhysicalLines,
    QuoteChain,
    State,
    scan_quotes,
    split_quoted,
)
from connectors.extracts.csv.suspicions import Fault, character_faults, quote_faults, rule_faults


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
        over: the table ends, as is declared, before the line that is next.
        marked: lines, counted from 0, of the records that a byte order mark stood before.
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
        self.over = False
        self.marked: list[int] = []
        self._rules = rules
        self._grammar = grammar_of(rules)
        self._comment = rules.comment.encode(rules.encoding.name)
        self._lines = PhysicalLines(view, rules, ended=ended)
        self._quotes = QuoteChain(self._lines, rules)

    @property
    def used(self) -> int:
        """Bytes that are done with."""
        return self._lines.size if self.cut else self._lines.start(self.line)

    def __iter__(self) -> Iterator[Record]:
        while self.line < len(self._lines):
            first, body = self.line, self._lines.body(self.line)
            if not body and self._rules.until == "":
                self.over = True
                return
            if not body or (self._comment and body.startswith(self._comment)):
                self.line += 1
                continue
            try:
                record = self._record(first, body)
            except MoreBytesNeededError:
                return
            if self._rules.until is not None and ends_table(record.cells, self._rules.until):
                self.line, self.over = first, True
                return
            self.records += 1
            yield record
        yield from self._too_long()

    def _too_long(self) -> Iterator[Record]:
        """The record of a line that goes on behind the view for longer than a record may."""
        line = self._lines.unfinished
        body = line.removeprefix(self._rules.mark)
        if len(body) <= self._rules.max_bytes:
            return
        record = self._refused(self.line, body, Fault("RecordTooLong"))
        if self._rules.until is not None and ends_table(record.cells, self._rules.until):
            self.over = True
            return
        self.cut = True
        self.line += 1
        if self._comment and line.startswith(self._comment):
            return
        if len(body) < len(line):
            self.marked.append(self.line - 1)
        self.records += 1
        yield record

    def _record(self, first: int, line: bytes) -> Record:
        """The record that begins on a line; moves behind it."""
        body = line.removeprefix(self._rules.mark)
        if self._lines.length(first) - (len(line) - len(body)) > self._rules.max_bytes:
            record = self._refused(first, body, Fault("RecordTooLong"))
        elif any(mark in body for mark in self._grammar.marks):
            record = self._record_with_quotes(first, line, body)
        else:
            cells = self._text(body).split(self._rules.delimiter)
            record = self._checked(first, Cut(cells, frozenset(), frozenset()))
        self.line = max(self.line, first + 1)
        if len(body) < len(line):
            self.marked.append(first)
        return record

    def _record_with_quotes(self, first: int, line: bytes, body: bytes) -> Record:
        """The same for a line with quotes, whose record may span lines."""
        state, cell = scan_quotes(body, self._grammar, State.OUTSIDE)
        last = self._quotes.closing_line(first) if state is State.INSIDE else first
        if state is State.MALFORMED:
            return self._refused(first, body, Fault("MalformedQuote", cell))
        if last is None:
            return self._refused(first, body, Fault("UnterminatedQuote", cell))
        self.line = last + 1
        whole = self._lines.joined(first, last)[len(line) - len(body) :]
        return self._checked(first, split_quoted(self._text(whole), self._grammar))

    def _checked(self, first: int, cut: Cut) -> Record:
        """A record with everything that makes its cells unfit."""
        faults = [Fault("UnknownEscape", index) for index in sorted(cut.unread)]
        faults += character_faults(cut, self._rules)
        return Record(first, cut.cells, faults + quote_faults(cut, self._rules) + rule_faults(cut))

    def _refused(self, first: int, body: bytes, fault: Fault) -> Record:
        """A line that is no record, cut at its delimiters so that a report can show it."""
        cells = self._text(body[: self._rules.max_bytes]).split(self._rules.delimiter)
        return Record(first, cells, [fault])

    def _text(self, body: bytes) -> str:
        return body.decode(self._rules.encoding.name, "replace")
