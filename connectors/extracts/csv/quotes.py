"""Quotes in CSV: where a line leaves them, where an open one closes, how a record is cut at them.

Owns physical lines as the units by which quotes are followed. Must not know what becomes of a record that breaks the
grammar.
"""

from collections.abc import Set
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.grammar import Grammar, grammar_of


class PhysicalLines:
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


def scan_quotes(body: bytes, grammar: Grammar, state: State) -> tuple[State, int]:
    """Follows the quotes of one physical line.

    Args:
        body: the line without its end.
        grammar: of the file's format.
        state: `OUTSIDE` at the start of a record, `INSIDE` where a quoted cell goes on.

    Returns:
        Where the line arrives, and the index of the cell it was in then, counted from where it began.
    """
    at = cell = 0
    while True:
        if state is State.OUTSIDE:
            if grammar.quote and body.startswith(grammar.quote, at):
                state, at = State.INSIDE, at + 1
                continue
            at = grammar.end_of_cell(body, at)
        else:
            closing = grammar.closing.match(body, at)
            if closing is None:
                return State.INSIDE, cell
            at = closing.end()
            if at == len(body):
                return State.OUTSIDE, cell
            if not body.startswith(grammar.delimiter, at):
                return State.MALFORMED, cell
            state = State.OUTSIDE
        if at < 0:
            return State.OUTSIDE, cell
        at, cell = at + len(grammar.delimiter), cell + 1


class QuoteChain:
    """Finds where an open quote closes, looking at no line twice.

    What a line inside quotes leads to does not depend on where the quote was opened. So the lines an earlier search
    went through are a chain whose outcome is known, and a file where every line opens a quote stays linear.
    """

    def __init__(self, lines: PhysicalLines, rules: CsvFormat) -> None:
        self._lines = lines
        self._rules = rules
        self._grammar = grammar_of(rules)
        self._from = self._next = 0
        self._state = State.OUTSIDE

    def closing_line(self, first: int) -> int | None:
        """The last line of a record that is inside quotes at the end of its first.

        Returns:
            The line's index, or `None` where the quote is not closed as it should be.

        Raises:
            MoreBytesNeededError: the view does not tell.
        """
        if not self._from <= first + 1 < self._next + (self._state is State.INSIDE):
            self._from = self._next = first + 1
            self._state = State.INSIDE
        most = min(first + self._rules.max_lines, len(self._lines))
        while self._state is State.INSIDE and self._next < most and self._fits(first, self._next):
            self._state, _ = scan_quotes(self._lines.body(self._next), self._grammar, State.INSIDE)
            self._next += 1
        last = self._next - 1
        if self._state is State.INSIDE:
            if self._may_go_on(first):
                raise MoreBytesNeededError
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


class MoreBytesNeededError(Exception):
    """The view ends inside a record."""


class Cut(NamedTuple):
    """The cells of a record.

    Attributes:
        cells: without their quotes and escapes.
        quoted: the indices of those that were quoted.
        unread: the indices of those with an escape that means nothing; they are as they stand in the file.
    """

    cells: list[str]
    quoted: Set[int]
    unread: Set[int]


def split_quoted(text: str, grammar: Grammar) -> Cut:
    """Cuts a record whose quotes are known to be in order."""
    cells: list[str] = []
    quoted, unread = set(), set()
    for match in grammar.cell.finditer(text):
        inside, outside, end = match.groups()
        if inside is not None:
            quoted.add(len(cells))
        written = outside if inside is None else inside
        cell = grammar.read(written, quoted=inside is not None)
        if cell is None:
            unread.add(len(cells))
        cells.append(written if cell is None else cell)
        if not end:
            break
    return Cut(cells, quoted, unread)
