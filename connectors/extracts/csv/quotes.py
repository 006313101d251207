"""Quotes in CSV: where a line leaves them, where an open one closes, how a record is cut at them.

Owns the grammar of RFC 4180 quoting, and physical lines as the units it is followed by. Must not know what becomes of
a record that breaks it.
"""

import re
from collections.abc import Set
from enum import Enum
from functools import lru_cache
from itertools import accumulate

from connectors.extracts.csv.format import CsvFormat

_CLOSING_QUOTE = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')


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


class QuoteChain:
    """Finds where an open quote closes, looking at no line twice.

    What a line inside quotes leads to does not depend on where the quote was opened. So the lines an earlier search
    went through are a chain whose outcome is known, and a file where every line opens a quote stays linear.
    """

    def __init__(self, lines: PhysicalLines, rules: CsvFormat) -> None:
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
            MoreBytesNeededError: the view does not tell.
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
