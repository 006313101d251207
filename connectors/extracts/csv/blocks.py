"""Cuts bytes into rows by the shortest way that is safe.

Owns the choice between the careful way and the short ones. Must not know what makes a record bad: whatever is not
provably clean goes to `records`, whose answer every way gives.

Measured on 20 columns, 830 bytes a row: cutting with `str.split` costs about a microsecond a row, the csv module
four, the reference reader more; Arrow's reader, whose cells are no Python objects yet, less than half of one.
"""

import csv
import io
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from connectors.extracts.batches import REPLACEMENT
from connectors.extracts.characters import has_control
from connectors.extracts.csv.at_once import columns_at_once
from connectors.extracts.csv.fitting import Layout, ends_table
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.record_faults import Rows, add_record, restore_line_ends
from connectors.extracts.csv.records import RecordReader
from schemas.rows.whole.columns import Texts

_Octets = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.int64]

_LF, _CR = 0x0A, 0x0D
_SPACE = frozenset(b" \t\v\f") | frozenset(range(0x80, 0x100))
"""Bytes that a white space character may consist of in some encoding."""
_NEAR = 64
_PARTS = 2
"""Into so many parts a view is cut where a record in it needs care: others are read at once."""


@dataclass(slots=True)
class Block:
    """What was made of the bytes looked at.

    Attributes:
        rows: the records, fitted to the columns, where they were not cut into columns at once.
        used: bytes they took; 0 when more bytes are needed to decide.
        lines: physical lines those are.
        records: the records those bytes hold, counted where they are cut, apart from `rows`.
        cut: the last record's line goes on behind the view: skip to its end.
        over: the table ends, as is declared, behind these records.
        starts: physical lines, counted from 0 at the start of the view, that the records begin on.
        marked: of those, the lines of records behind a byte order mark.
        at_once: the columns, where they were cut so; then no record is bad.
    """

    rows: Rows
    used: int
    lines: int
    records: int
    starts: Sequence[int]
    cut: bool = False
    over: bool = False
    marked: Sequence[int] = ()
    at_once: Sequence[Texts] = ()

    def __len__(self) -> int:
        return len(self.at_once[0]) if self.at_once else len(self.rows.rows)

    def columns(self, width: int) -> Sequence[Sequence[str]]:
        """The cells of each column, of which there are `width`."""
        return self.at_once or [*zip(*self.rows.rows, strict=True)] or [()] * width


def read_block(view: bytes, layout: Layout, rules: CsvFormat, first_line: int, *, ended: bool) -> Block:
    """Reads the records at the beginning of a view.

    Args:
        view: bytes of the file, from the start of a physical line on.
        layout: the file's columns.
        rules: how it is read.
        first_line: the 1-based physical line at which the view begins.
        ended: whether the file ends with the view.

    Returns:
        At most `rules.max_rows` records; as many as the view decides.
    """
    block = _short_way(view, layout, rules, ended=ended)
    if block is None and 0 < (part := rules.block // _PARTS) < len(view):  # one odd record slows few others down
        block = read_block(view[:part], layout, rules, first_line, ended=False)
        block = block if block.used or block.over else None
    if block is not None:
        return block
    reader = RecordReader(view, rules, ended=ended)
    rows, starts = Rows([]), array("i")
    for record in islice(reader, rules.max_rows):
        add_record(rows, record, layout, rules, first_line)
        starts.append(record.line)
    return Block(rows, reader.used, reader.line, reader.records, starts, reader.cut, reader.over, reader.marked)


def _short_way(view: bytes, layout: Layout, rules: CsvFormat, *, ended: bool) -> Block | None:
    """The block, when its bytes prove that nothing can be wrong with it."""
    quoted = rules.quote.encode() in view if rules.quote else False
    if _needs_care(view, rules, quoted=quoted):
        return None
    extent = (_extent_with_quotes if quoted else _extent)(view, rules, ended=ended)
    if extent is None:
        return None
    octets = view[: extent.used]
    if not _is_clean(octets, rules):
        return None
    starts = extent.starts if extent.spanning else _line_starts(octets)
    if columns := columns_at_once(octets, layout, rules, len(starts)):
        return Block(Rows([]), extent.used, extent.lines, len(starts), starts, at_once=columns)
    cells = _cells(octets, rules, quoted=quoted, spanning=extent.spanning)
    if cells is None or any(header in cells for header in layout.header):
        return None
    is_over = rules.until is not None and any(ends_table(row, rules.until) for row in cells)
    if is_over or not layout.square(cells):
        return None
    if rules.swapped and extent.spanning:
        restore_line_ends(cells)
    return Block(Rows(cells), extent.used, extent.lines, len(starts), starts)


def _cells(octets: bytes, rules: CsvFormat, *, quoted: bool, spanning: bool) -> list[list[str]] | None:
    """The cells of records whose bytes are clean; None where only the reference reader can tell."""
    try:
        text = octets.decode(rules.encoding.name)
        if REPLACEMENT in text:
            return None
        return _spanning_cells(text, rules) if spanning else _line_cells(_lines(text), rules, quoted=quoted)
    except (UnicodeDecodeError, csv.Error):  # a cell beyond the csv module's own limit
        return None


def _needs_care(view: bytes, rules: CsvFormat, *, quoted: bool) -> bool:
    """Whether a view holds what only the reference reader can tell."""
    if quoted and (not rules.is_plain or len(rules.delimiter) > 1 or not rules.delimiter.isascii()):
        return True
    if not rules.is_plain and rules.escape and rules.escape.encode() in view:
        return True
    if rules.mark and rules.mark[:1] in view and rules.mark in view:  # one byte is found faster than three
        return True
    if rules.until == "" and _has_empty_line(view):
        return True
    if _has_line(view, b"--"):
        return True
    if rules.comment and _has_line(view, rules.comment.encode(rules.encoding.name)):
        return True
    return any(_encloses(view, mark.encode(), rules) for mark in rules.suspects)


def _has_empty_line(view: bytes) -> bool:
    return _has_line(view, b"\n") or (b"\r" in view and _has_line(view, b"\r\n"))


def _has_line(view: bytes, beginning: bytes) -> bool:
    """Whether a line of a view begins so."""
    if view.startswith(beginning):
        return True
    octets = np.frombuffer(view, np.uint8)
    near = (octets[:-1] == _LF) & (octets[1:] == beginning[0])  # a search for both costs five times as much
    return bool(near.any()) and b"\n" + beginning in view


def _encloses(view: bytes, mark: bytes, rules: CsvFormat) -> bool:
    """Whether a mark may stand at the start of a cell, and another one at the end of a cell."""
    if mark not in view:
        return False
    delimiter = rules.delimiter.encode(rules.encoding.name)
    edges, space = b"\n\r" + delimiter, bytes(_SPACE - set(delimiter))
    table = np.zeros(256, np.bool_)
    table[list(edges + space)] = True
    octets = np.frombuffer(b"\n%b\n" % view, np.uint8)
    marks = np.flatnonzero(octets == mark[0])
    starts = marks[table[octets[marks - 1]]] - 1
    if not any(view[max(at - _NEAR, 0) : at].rstrip(space)[-1:] in edges for at in starts.tolist()):
        return False
    ends = marks[table[octets[marks + 1]]] - 1
    return any(view[at + 1 : at + 1 + _NEAR].lstrip(space)[:1] in edges for at in ends.tolist())


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far a view can be cut at once.

    Attributes:
        used: bytes, up to a record's end.
        lines: line feeds among them.
        spanning: whether some of those line feeds are inside quotes.
        starts: lines on which the records that end there begin, empty lines not among them; known where line feeds
            do not tell.
    """

    used: int
    lines: int
    spanning: bool
    starts: Sequence[int] = ()


def _extent(view: bytes, rules: CsvFormat, *, ended: bool) -> _Extent | None:
    """The extent of a view without quotes: its whole lines, or the first `max_rows` of them."""
    used = len(view) if ended else view.rfind(b"\n") + 1
    lines = view.count(b"\n")
    if lines >= rules.max_rows:
        feeds = np.flatnonzero(np.frombuffer(view, np.uint8) == _LF)
        used, lines = int(feeds[rules.max_rows - 1]) + 1, rules.max_rows
    if used > rules.max_bytes and max(map(len, view.split(b"\n"))) > rules.max_bytes:
        return None
    return _Extent(used, lines, spanning=False) if used else None


def _extent_with_quotes(view: bytes, rules: CsvFormat, *, ended: bool) -> _Extent | None:
    """The extent of a view with quotes, when every quote is where RFC 4180 wants it.

    While that holds, a line feed with an even number of quotes before it ends a record.
    """
    octets = np.frombuffer(view, np.uint8)
    quotes = np.flatnonzero(octets == ord(rules.quote))
    feeds = np.flatnonzero(octets == _LF)
    ends = feeds[np.searchsorted(quotes, feeds) % 2 == 0]
    if ended and len(quotes) % 2 == 0 and not view.endswith(b"\n"):
        ends = np.append(ends, len(view))
    ends = ends[: rules.max_rows]
    if not len(ends):
        return None
    line_of_end = np.searchsorted(feeds, ends)
    too_long = np.diff(ends, prepend=-1).max() - 1 > rules.max_bytes
    too_many = np.diff(line_of_end, prepend=-1).max() > rules.max_lines
    used = min(int(ends[-1]) + 1, len(view))
    lines = int(np.searchsorted(feeds, used))
    clean = _quotes_in_order(octets[:used], quotes[: np.searchsorted(quotes, used)], rules)
    if too_long or too_many or not clean:
        return None
    spanning = lines > int(np.count_nonzero(ends < len(view)))
    return _Extent(used, lines, spanning, _starts(octets, ends, line_of_end) if spanning else ())


def _starts(octets: _Octets, ends: _Places, line_of_end: _Places) -> Sequence[int]:
    """The lines on which the records that end there begin, but for empty lines."""
    sizes = np.diff(ends, prepend=-1) - 1
    empty = (sizes == 0) | ((sizes == 1) & (octets[ends - 1] == _CR))
    first = np.append(0, line_of_end[:-1] + 1)
    return array("i", first[~empty].astype(np.intc).tobytes())


def _quotes_in_order(octets: _Octets, quotes: _Places, rules: CsvFormat) -> bool:
    """Whether each quote opens behind, and closes before, a delimiter or a record's end.

    A doubled quote is a closing and an opening one side by side. The octets hold no bare CR, so that a CR ends a
    line, and an even number of quotes.
    """
    delimiter, quote = ord(rules.delimiter), ord(rules.quote)
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening == 0, _LF, octets[opening - 1])
    edge = np.append(octets, np.uint8(_LF))
    after = edge[closing + 1]
    opens = (before == delimiter) | (before == _LF) | (before == quote)
    closes = (after == delimiter) | (after == _LF) | (after == quote) | (after == _CR)
    return bool(opens.all() and closes.all())


def _is_clean(octets: bytes, rules: CsvFormat) -> bool:
    """Whether no byte would refuse its row, as far as that shows before they are decoded."""
    if b"\r" in octets and octets.count(b"\r") != octets.count(b"\r\n"):
        return False
    return not has_control(octets, rules.encoding.name)  # NUL is one


def _line_starts(octets: bytes) -> Sequence[int]:
    """The numbers, from 0, of the lines that are not empty."""
    feeds = octets.count(b"\n")
    count = feeds if octets.endswith(b"\n") else feeds + 1
    if not _has_empty_line(octets):
        return range(count)
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")[:count]
    return array("i", [number for number, line in enumerate(lines) if line])


def _lines(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    lines = (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")
    return [*filter(None, lines)]


def _line_cells(lines: list[str], rules: CsvFormat, *, quoted: bool) -> list[list[str]]:
    """Cells of a text in which every line is a record."""
    delimiter, quote = rules.delimiter, rules.quote
    if not quoted:
        return [line.split(delimiter) for line in lines]
    cut = csv.reader([line for line in lines if quote in line], delimiter=delimiter, quotechar=quote, strict=True)
    return [next(cut) if quote in line else line.split(delimiter) for line in lines]


def _spanning_cells(text: str, rules: CsvFormat) -> list[list[str]]:
    """Cells of a text in which records span lines."""
    lines = io.StringIO(text, newline="")
    return [row for row in csv.reader(lines, delimiter=rules.delimiter, quotechar=rules.quote, strict=True) if row]
