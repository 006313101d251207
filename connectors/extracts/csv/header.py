"""The beginning of a CSV file: its header, and what the first records say of it.

Owns where the data begin, what columns there are, and a header that does not fit its records. Must not know how records
are cut, nor what columns mean.
"""

from dataclasses import dataclass
from itertools import islice

from connectors.extracts.batches import header_columns
from connectors.extracts.csv.fitting import Layout
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.record_faults import fault_text
from connectors.extracts.csv.records import Record, RecordReader
from connectors.extracts.csv.stream import ByteStream
from schemas.errors import ExtractError

_HEAD = 1 << 16
_LOOKED_AT = 100
"""Records that are compared with the header, at most."""


@dataclass(frozen=True, slots=True)
class Header:
    """A file's header.

    Attributes:
        layout: its columns.
        place: byte offset and physical line of the first record behind it.
    """

    layout: Layout
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
    reader = _reader(stream, rules)
    records = iter(reader)
    record = next(records, None)
    if record is None:
        raise ExtractError(f"{name}: the file is empty: it has no header")
    if record.faults:
        told = "; ".join(fault_text(fault, (), rules) for fault in record.faults)
        if "\0" in "".join(record.cells):
            told += ": check the file's encoding"
        raise ExtractError(f"{name}: the header (line {record.line + 1}) cannot be read: {told}")
    place = (stream.offset + reader.used, reader.line + 1)
    columns = header_columns(record.cells, name)
    layout = Layout(columns, _surplus(record.cells, columns, rules), rules.short, [record.cells])
    _check_fit(layout, list(islice(records, _LOOKED_AT)), name)
    return Header(layout, place)


def _reader(stream: ByteStream, rules: CsvFormat) -> RecordReader:
    """A reader of enough bytes for one record, if there is one."""
    size = min(_HEAD, rules.block)
    while True:
        view, ended = stream.view(size)
        if ended or next(iter(RecordReader(view, rules, ended=ended)), None) is not None:
            return RecordReader(view, rules, ended=ended)
        size *= 2


def _surplus(cells: list[str], columns: list[str], rules: CsvFormat) -> int:
    """Empty cells that each line has behind the last column: those of the header, or the one that is declared."""
    return max(len(cells) - len(columns), int(rules.trailing))


def _check_fit(layout: Layout, records: list[Record], where: str) -> None:
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
        else "if lines stand above the header, declare `skip_lines`; if the header is written otherwise than the data, "
        "correct it"
    )
    cells = "1 cell" if whole == 1 else f"{whole} cells"
    raise ExtractError(f"{where}: no line has the {cells} of the header, but {' or '.join(map(str, found))}: {advice}")


def _mark_length(stream: ByteStream) -> int:
    """Bytes of the UTF-8 byte order mark at a file's start: 3 or 0."""
    mark = "\ufeff".encode()
    return len(mark) if stream.view(len(mark))[0] == mark else 0
