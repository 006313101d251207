"""The reference reader of CSV records: one line after another, every fault named.

Owns what a record is (RFC 4180, and what to do where a file breaks it). Must not know files or columns, nor be fast:
`csv_blocks` takes the short ways, and a test holds them to give exactly what this module gives.

The rules: a record ends at a line feed, or CR LF, outside quotes. A cell is quoted when its first character is a
quote; a quote anywhere else is text. A quoted cell ends at a quote that is not doubled, and a delimiter or the
record's end must follow. Where a quote is not closed so within `MAX_LINES` and `MAX_BYTES`, the physical line on
which the record began is refused and reading goes on with the next line: an open quote never swallows its
neighbours. Lines that are wholly empty, outside quotes, are no records.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from itertools import accumulate

from connectors.csv_stream import Encoding
from connectors.rows import MAX_ROWS, REPLACEMENT

MAX_LINES = 1000
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV file is to be read.

    Attributes:
        encoding: of the stream's bytes, with the name the user gave it.
        delimiter: one ASCII character.
        swapped: the file's lines end in CR; the stream has exchanged CR and LF.
        max_rows: records in a batch, at most.
        max_lines: physical lines in a record, at most.
        max_bytes: bytes in a record, its line end not counted, at most.
        block: bytes looked at together, unless a record needs more.
    """

    encoding: Encoding
    delimiter: str = ","
    swapped: bool = False
    max_rows: int = MAX_ROWS
    max_lines: int = MAX_LINES
    max_bytes: int = MAX_BYTES
    block: int = 1 << 18


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record.

    Attributes:
        code: see `connectors.rows.BadRow`.
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
        self.cut = False
        self._rules = rules
        self._lines = _PhysicalLines(view, rules, ended=ended)
        self._quotes = _QuoteChain(self._lines, rules)

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
            except _MoreBytesNeededError:
                return
            yield record
        if len(self._lines.unfinished) > self._rules.max_bytes:
            self.cut = True
            self.line += 1
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


class _PhysicalLines:
    """The lines of a view: the finished ones, and how far the last one goes.

    Attributes:
        size: bytes in the view.
        more: whether lines follow that are not at hand.
        unfinished: what is there of a line that goes on behind the view.
    """

    def __init__(self, view: bytes, rules: CsvFormat, *, ended: bool) -> None:
        most = rules.max_rows + rules.max_lines
        self._lines = view.split(b"\n", most)
        tail = self._lines.pop()
        seen = len(self._lines) < most
        self.size = len(view)
        self.more = not (seen and ended)
        self.unfinished = tail if seen and not ended else b""
        self._last = len(self._lines)
        if not self.more and tail:
            self._lines.append(tail)
        self._starts = list(accumulate((len(line) + 1 for line in self._lines), initial=0))

    def __len__(self) -> int:
        return len(self._lines)

    def start(self, index: int) -> int:
        """Where a line begins; behind the last one, where the view ends."""
        return min(self._starts[index], self.size)

    def length(self, index: int) -> int:
        """Bytes in a line, its line feed not counted."""
        return len(self._lines[index])

    def body(self, index: int) -> bytes:
        """A line without its LF or CR LF."""
        line = self._lines[index]
        return line[:-1] if line.endswith(b"\r") and index < self._last else line

    def joined(self, first: int, last: int) -> bytes:
        """Lines as one record, without its last line end."""
        if first == last:
            return self.body(first)
        return b"\n".join([*self._lines[first:last], self.body(last)])

    def span(self, first: int, last: int) -> int:
        """Bytes from the start of one line to the end of another, its line feed not counted."""
        return self._starts[last + 1] - 1 - self._starts[first]


class State(Enum):
    """Where scanning a physical line arrives."""

    OUTSIDE = "outside quotes: the record is complete"
    INSIDE = "inside quotes: the record goes on with the next line"
    MALFORMED = "text behind a closing quote"


def scan_quotes(body: bytes, delimiter: bytes, state: State) -> tuple[State, int]:
    """Follows the quotes of one physical line.

    Args:
        body: the line without its end.
        delimiter: one byte.
        state: `OUTSIDE` at the start of a record, `INSIDE` where a quoted cell goes on.

    Returns:
        Where the line arrives, and the index of the cell it was in then, counted from where it began.
    """
    at = cell = 0
    while True:
        if state is State.OUTSIDE:
            if body.startswith(b'"', at):
                state, at = State.INSIDE, at + 1
                continue
            at = body.find(delimiter, at)
        else:
            closing = _CLOSING_QUOTE.match(body, at)
            if closing is None:
                return State.INSIDE, cell
            at = closing.end()
            if at == len(body):
                return State.OUTSIDE, cell
            if not body.startswith(delimiter, at):
                return State.MALFORMED, cell
            state = State.OUTSIDE
        if at < 0:
            return State.OUTSIDE, cell
        at, cell = at + 1, cell + 1


_CLOSING_QUOTE = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')


class _QuoteChain:
    """Finds where an open quote closes, looking at no line twice.

    What a line inside quotes leads to does not depend on where the quote was opened. So the lines an earlier search
    went through are a chain whose outcome is known, and a file where every line opens a quote stays linear.
    """

    def __init__(self, lines: _PhysicalLines, rules: CsvFormat) -> None:
        self._lines = lines
        self._rules = rules
        self._delimiter = rules.delimiter.encode()
        self._from = self._next = 0
        self._state = State.OUTSIDE

    def closing_line(self, first: int) -> int | None:
        """The last line of a record that is inside quotes at the end of its first.

        Returns:
            The line's index, or `None` where the quote is not closed as it should be.

        Raises:
            _MoreBytesNeededError: the view does not tell.
        """
        if not self._from <= first + 1 < self._next + (self._state is State.INSIDE):
            self._from = self._next = first + 1
            self._state = State.INSIDE
        most = min(first + self._rules.max_lines, len(self._lines))
        while self._state is State.INSIDE and self._next < most and self._fits(first, self._next):
            self._state, _ = scan_quotes(self._lines.body(self._next), self._delimiter, State.INSIDE)
            self._next += 1
        last = self._next - 1
        if self._state is State.INSIDE:
            if self._may_go_on(first):
                raise _MoreBytesNeededError
            return None
        closed = self._state is State.OUTSIDE and last - first < self._rules.max_lines
        return last if closed and self._fits(first, last) else None

    def _fits(self, first: int, last: int) -> bool:
        return self._lines.span(first, last) <= self._rules.max_bytes

    def _may_go_on(self, first: int) -> bool:
        """Whether lines behind the view could still close a record within the limits."""
        return (
            self._lines.more
            and self._next == len(self._lines) < first + self._rules.max_lines
            and self._lines.size - self._lines.start(first) <= self._rules.max_bytes
        )


class _MoreBytesNeededError(Exception):
    """The view ends inside a record."""


def split_quoted(text: str, rules: CsvFormat) -> tuple[list[str], Set[int]]:
    """Cuts a record whose quotes are known to be in order.

    Returns:
        The cells, quotes taken off, and the indices of those that were quoted.
    """
    cells: list[str] = []
    quoted = set()
    for match in _cell_pattern(rules.delimiter).finditer(text):
        inside, outside, end = match.groups()
        if inside is not None:
            quoted.add(len(cells))
        cells.append(outside if inside is None else inside.replace('""', '"'))
        if not end:
            break
    return cells, quoted


@lru_cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"|([^{mark}]*+))({mark}|\Z)')
