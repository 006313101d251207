"""The beginning of a CSV file: its header, and what the first records say of it.

Owns where the data begin, what columns there are, and a header that does not fit its records. Must not know how records
are cut, nor what columns mean.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from connectors.extracts.batches import header_columns, trimmed
from connectors.extracts.csv.fitting import Layout
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.record_faults import fault_text
from connectors.extracts.csv.records import Record, RecordReader
from connectors.extracts.csv.stream import ByteStream
from schemas.errors import SEE_OUTPUT, ExtractError
from schemas.texts import many

_HEAD = 1 << 16
_LOOKED_AT = 100
"""Records that are compared with the header, at most."""
_SEP_LINE = re.compile(rb'"?[Ss][Ee][Pp]=([^\r\n"]{1,8})"?\r?\n')
"""The line that tells Excel the delimiter; it stands above the header."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_DELIMITERS = {";": 1, "\t": 1, "|": 1, ",": 2, "^": 2, "~": 2}
"""What files have between cells, and how often it stands in a header that is not one name with such a mark in it."""
_UNNAMED = ("", "Unnamed: 0")
"""Headers of an index that pandas saved, without a name and read again."""


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header.

    Attributes:
        layout: its columns.
        rules: how the file is read, its own line about its delimiter heeded.
        place: byte offset and physical line of the first record behind it.
    """

    layout: Layout
    rules: CsvFormat
    place: tuple[int, int]


def read_header(stream: ByteStream, rules: CsvFormat, name: str) -> Header:
    """Reads a file's header, and compares it with the first records.

    Args:
        stream: of the file.
        rules: how it is read.
        name: the file's name, for messages.

    Raises:
        ExtractError: there is no header, it cannot be read, or no record fits it.
    """
    stream.seek(_mark_length(stream))
    line = _skip(stream, rules.skip_lines, name)
    rules, is_there = _with_own_delimiter(stream, rules, name)
    if is_there:
        stream.skip_line()
        line += 1
    rows, place = ([list(rules.names)], (stream.offset, line)) if rules.names else _rows(stream, rules, line, name)
    stream.seek(place[0])
    view, ended = stream.view(min(_HEAD, rules.block))
    records = list(islice(RecordReader(view, rules, ended=ended), _LOOKED_AT))
    layout = _layout(rows, records, rules, name)
    if not rules.names:
        _check_delimiter(layout.columns, rules.delimiter, name)
    _check_fit(layout, records, name)
    return Header(layout, rules, place)


def _skip(stream: ByteStream, lines: int, name: str) -> int:
    """Moves behind the lines above the header; the 1-based line that is next."""
    for line in range(lines):
        if not stream.view(1)[0]:
            raise ExtractError(f"{name}: the file has {many(line, 'line', 'lines')}, and `skip_lines` is {lines}")
        stream.skip_line()
    return lines + 1


def _with_own_delimiter(stream: ByteStream, rules: CsvFormat, name: str) -> tuple[CsvFormat, bool]:
    """The rules with the delimiter that the file's next line names, if it is there to name one."""
    found = _SEP_LINE.match(stream.view(32)[0])
    if found is None:
        return rules, False
    delimiter = found[1].decode(rules.encoding.name, "replace")
    if rules.delimiter_declared and delimiter != rules.delimiter:
        is_declared = f"and {rules.delimiter!r} is declared"
        raise ExtractError(
            f"{name}: the file's own line says that its delimiter is {delimiter!r}, {is_declared}",
            f"{name}: the file's own line names another delimiter, {is_declared}{SEE_OUTPUT}",
        )
    return replace(rules, delimiter=delimiter), True


def _rows(stream: ByteStream, rules: CsvFormat, line: int, name: str) -> tuple[list[list[str]], tuple[int, int]]:
    """The cells of the header's rows, and where the first record behind them is."""
    size, rules = min(_HEAD, rules.block), replace(rules, until=None)
    while True:
        view, ended = stream.view(size)
        reader = RecordReader(view, rules, ended=ended)
        records = list(islice(reader, rules.header_rows))
        if ended or len(records) == rules.header_rows:
            break
        size *= 2
    if not records:
        raise ExtractError(f"{name}: the file is empty: it has no header")
    for record in records:
        if record.faults:
            told = "; ".join(fault_text(fault, (), rules) for fault in record.faults)
            if "\0" in "".join(record.cells):
                told += ": check the file's encoding"
            raise ExtractError(f"{name}: the header (line {line + record.line}) cannot be read: {told}")
    return [record.cells for record in records], (stream.offset + reader.used, line + reader.line)


def _layout(rows: Sequence[list[str]], records: Sequence[Record], rules: CsvFormat, name: str) -> Layout:
    """The columns that the header's rows name."""
    names = rows[0] if len(rows) == 1 else [_joined(parts) for parts in zip_longest(*rows, fillvalue="")]
    counted_from = _counted_from(names, records)
    columns = header_columns(names if counted_from is None else ["_unnamed", *names[1:]], name)
    surplus = max(len(names) - len(columns), int(rules.trailing))
    return Layout(columns, surplus, rules.short, [] if rules.names else rows, counted_from)


def _joined(parts: Sequence[str]) -> str:
    """The name of a column whose header has several rows."""
    return " ".join(filter(None, map(trimmed, parts)))


def _counted_from(names: Sequence[str], records: Sequence[Record]) -> int | None:
    """The number with which a first column without a name begins to count the records, if that is what it does."""
    if trimmed(names[0]) not in _UNNAMED or not any(map(trimmed, names[1:])):
        return None
    numbers = {place: record.cells[0] for place, record in enumerate(records) if not record.faults}
    if not numbers or not all(_NUMBER.fullmatch(cell) for cell in numbers.values()):
        return None
    starts = {int(cell) - place for place, cell in numbers.items()}
    return starts.pop() if len(starts) == 1 and min(starts) >= 0 else None


def _check_delimiter(columns: Sequence[str], read_with: str, name: str) -> None:
    """Refuses a header of one column that contains another delimiter: it was split by the wrong one.

    Raises:
        ExtractError: names the delimiter that the file seems to have.
    """
    if len(columns) != 1:
        return
    header = columns[0]
    found = {mark: header.count(mark) for mark, least in _DELIMITERS.items() if header.count(mark) >= least}
    found.pop(read_with, None)
    if not found:
        return
    likely = max(found, key=lambda mark: found[mark])
    if likely == "|" and header.count("||") * 2 == found[likely]:
        likely = "||"
    shown = "\\t" if likely == "\t" else likely
    raise ExtractError(
        f"{name}: the header, read with the delimiter {read_with!r}, is one column with {likely!r} in it: if that "
        f"stands between its columns, pass --delimiter '{shown}', or declare `delimiter: \"{shown}\"` in the mapping"
    )


def _check_fit(layout: Layout, records: Sequence[Record], where: str) -> None:
    """Refuses a header that no record fits.

    Where every line has an empty cell more, nothing tells whether the header lacks a delimiter in the middle or only
    the one at its end.

    Raises:
        ExtractError: of two records or more, none fits.
    """
    good = [record.cells for record in records if not record.faults]
    if len(good) < 2 or any(map(layout.fits, good)):
        return
    found, whole = sorted(set(map(len, good))), layout.whole
    if found[0] == found[-1] > whole and not any(any(cells[whole:]) for cells in good):
        raise ExtractError(
            f"{where}: every line has {found[0]} cells and the header {whole}: if the header lacks a delimiter, "
            "correct it; if only the lines of data end in one, declare `trailing_delimiter: true`"
        )
    advice = (
        "if trailing cells were cut off, declare `short_rows: accept`"
        if found[-1] < whole
        else "if lines stand above the header, declare `skip_lines` or `comment`; if it is written otherwise than the "
        "data, correct it"
    )
    cells = "1 cell" if whole == 1 else f"{whole} cells"
    raise ExtractError(f"{where}: no line has the {cells} of the header, but {' or '.join(map(str, found))}: {advice}")


def _mark_length(stream: ByteStream) -> int:
    """Bytes of the UTF-8 byte order mark at a file's start: 3 or 0."""
    mark = "\ufeff".encode()
    return len(mark) if stream.view(len(mark))[0] == mark else 0
