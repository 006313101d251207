"""How a CSV file is to be read.

Owns the declared facts, what follows from them, and the limits. Must not know how they are applied.
"""

import re
from dataclasses import dataclass

from connectors.extracts.batches import MAX_ROWS
from connectors.extracts.csv.stream import Encoding, encoding_of
from schemas.errors import ExtractError
from schemas.rows.reading import NONE, ReadingRules

MAX_LINES = 1000
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a CSV file is to be read.

    Attributes:
        encoding: of the stream's bytes, with the name the user gave it.
        delimiter: one character or several, none of them a quote or a line end.
        delimiter_declared: a file that names another one contradicts it.
        quote: encloses cells; empty where quotes are text.
        suspects: quotes that are text by this format and make a cell suspicious that is enclosed in them.
        escape: what stands before a quote that is text: `quote` itself where it is doubled, another character, or
            nothing.
        trailing: data lines end in one delimiter more than the header's names need.
        short: records may lack trailing cells.
        skip_lines: physical lines above the header.
        footer_lines: physical lines at the end of the file that are not read.
        comment: a line that begins so is no record; empty where none is.
        until: the table ends before the first record whose first cell is this, or that is empty.
        names: the columns of a file without a header; empty where it has one.
        header_rows: records that the header consists of.
        swapped: the file's lines end in CR; the stream has exchanged CR and LF.
        max_rows: records in a batch, at most.
        max_lines: physical lines in a record, at most.
        max_bytes: bytes in a record, its line end not counted, at most.
        block: bytes looked at together, unless a record needs more; half of them where some need care.
    """

    encoding: Encoding
    delimiter: str = ","
    delimiter_declared: bool = False
    quote: str = '"'
    suspects: str = "'"
    escape: str = '"'
    trailing: bool = False
    short: bool = False
    skip_lines: int = 0
    footer_lines: int = 0
    comment: str = ""
    until: str | None = None
    names: tuple[str, ...] = ()
    header_rows: int = 1
    swapped: bool = False
    max_rows: int = MAX_ROWS
    max_lines: int = MAX_LINES
    max_bytes: int = MAX_BYTES
    block: int = 1 << 19

    @property
    def is_plain(self) -> bool:
        """Whether cells are quoted as RFC 4180 has it: a quote that is text is doubled."""
        return self.escape == self.quote

    @property
    def mark(self) -> bytes:
        """A byte order mark in this encoding; empty where it has none."""
        return "\ufeff".encode() if self.encoding.name == "utf-8" else b""

    @property
    def first_line(self) -> re.Pattern[bytes]:
        """A line with the line ends that are in its cells, and the one behind it as a group."""
        quote, mark, delimiter = (re.escape(text.encode(self.encoding.name)) for text in self._marks)
        escaped = rb"%s[\s\S]|" % mark if mark else b""
        quoted = rb"(?:%s(?:%s[^%s])*+%s)*+" % (quote, escaped, quote, quote) if quote else b""
        cell = rb"%s(?:%s(?!%s)[^\r\n])*+" % (quoted, escaped, delimiter)
        return re.compile(rb"%s(?:%s%s)*+(\r\n?|\n)" % (cell, delimiter, cell))

    @property
    def _marks(self) -> tuple[str, str, str]:
        return self.quote, "" if self.is_plain else self.escape, self.delimiter


def csv_format(declared: ReadingRules) -> CsvFormat:
    """The format that is declared.

    Raises:
        ExtractError: an encoding is not known, or cannot write the delimiter.
    """
    encoding = encoding_of(declared.encoding)
    try:
        declared.delimiter.encode(encoding.name)
    except UnicodeEncodeError:
        raise ExtractError(
            f"delimiter {declared.delimiter!r}: the encoding {declared.encoding} does not have it"
        ) from None
    quote = {None: '"', NONE: ""}.get(declared.quote, declared.quote) or ""
    escape = {None: quote, NONE: ""}.get(declared.escape, declared.escape) or ""
    return CsvFormat(
        encoding=encoding,
        delimiter=declared.delimiter,
        delimiter_declared=declared.is_declared("delimiter"),
        quote=quote,
        suspects="" if declared.is_declared("quote") else "'",
        escape=escape,
        trailing=declared.trailing_delimiter,
        short=declared.short_rows == "accept",
        skip_lines=declared.skip_lines,
        footer_lines=declared.footer_lines,
        comment=declared.comment or "",
        until=declared.until,
        names=tuple(declared.names or ()),
        header_rows=declared.header_rows,
    )
