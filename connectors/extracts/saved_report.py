"""A failures.csv or failures.xlsx as some program saved it: with any delimiter, in any encoding, or as a workbook.

Our own header tells how the file was saved: it begins with `_key` and `_state`. Reads text cells and changes none.
"""

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from connectors.extracts.csv.containers import DAMAGE, Readable, inside
from connectors.extracts.source_files import Source, find_sources
from connectors.run_folder.results import FAILURE_COLUMNS
from schemas.errors import ConfigError

ONE_BYTE = ("cp1252", "cp1250", "cp1251", "mac_roman")
"""What spreadsheets save in where a file is not Unicode."""

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEAD = 4096
_WORKBOOK = b"PK\x03\x04"
_BEGIN = re.compile(rf'"?{FAILURE_COLUMNS[0]}"?([^\w"])"?{FAILURE_COLUMNS[1]}"?\1')
_NO_REPORT = "is not the failures.csv of a run: its header does not begin with _key and _state"


class SavedReport:
    """A report of failures that somebody saved.

    Attributes:
        path: the file.
        is_exact: whether it is as this program writes it, so that nothing need be read otherwise.
        encodings: those it may be in, the likeliest first; empty for a workbook.
    """

    def __init__(self, path: Path) -> None:
        """Looks at the beginning of the file.

        Raises:
            ConfigError, ExtractError: it cannot be read, or is no report of failures.
        """
        self.path = path
        (self._source,) = find_sources([path])
        with _opened(self._source) as file:
            head = file.read(_HEAD)
        self._is_workbook = head.startswith(_WORKBOOK)
        self._delimiter = ","
        self.encodings: tuple[str, ...] = () if self._is_workbook else self._possible(head)
        if self._is_workbook:
            next(self.rows(), None)
        else:
            found = _BEGIN.match(head.decode(self.encodings[0], errors="replace").removeprefix("\ufeff"))
            if found is None:
                raise ConfigError(f"{path} {_NO_REPORT}")
            self._delimiter = found[1]
        self.is_exact = self.encodings[:1] == ("utf-8-sig",) and self._delimiter == ","

    def _possible(self, head: bytes) -> tuple[str, ...]:
        for mark, encoding in _MARKS.items():
            if head.startswith(mark):
                return (encoding,)
        return ("utf-8-sig",) if _is_utf8(self._source) else ONE_BYTE

    def rows(self, encoding: str | None = None) -> Iterator[list[str]]:
        """The header, then the rows, as text cells.

        Args:
            encoding: one of `encodings`; by default the first.

        Raises:
            ConfigError: the file is damaged, or not in this encoding.
        """
        return self._of_workbook() if self._is_workbook else self._of_text(encoding or self.encodings[0])

    def _of_text(self, encoding: str) -> Iterator[list[str]]:
        csv.field_size_limit(sys.maxsize)
        try:
            with _opened(self._source) as file, io.TextIOWrapper(file, encoding, newline="") as text:
                yield from csv.reader(text, delimiter=self._delimiter, strict=True)
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigError(f"{self.path} cannot be read as the failures.csv of a run: {error}") from None

    def _of_workbook(self) -> Iterator[list[str]]:
        import python_calamine  # a workbook is rare

        try:
            with python_calamine.CalamineWorkbook.from_path(str(self.path)) as book:
                rows = iter(book.get_sheet_by_index(0).iter_rows())
                header = [_text(cell) for cell in next(rows, [])]
                if tuple(header[:2]) != FAILURE_COLUMNS[:2]:
                    raise ConfigError(f"{self.path}, first sheet, {_NO_REPORT}")
                yield header
                for row in rows:
                    yield [_text(cell) for cell in row]
        except (python_calamine.CalamineError, OSError, IndexError) as error:
            raise ConfigError(f"{self.path} cannot be read as a workbook: {error}") from None


class _Inside(io.RawIOBase):
    """What a file holds, decompressed, as Python's own readers take it."""

    def __init__(self, file: Readable) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


@contextmanager
def _opened(source: Source) -> Iterator[io.BufferedReader]:
    """A file, decompressed; raises ConfigError where it is damaged."""
    try:
        with closing(source.open()) as handle:
            yield io.BufferedReader(_Inside(inside(source, handle)))
    except DAMAGE as error:
        raise ConfigError(f"{source.name}: is damaged: {error}") from None


def _is_utf8(source: Source) -> bool:
    """Whether a whole file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _opened(source) as file:
        try:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _text(cell: object) -> str:
    """A workbook's cell as text: what was typed as a number or a date, in our own notation."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1 << 53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
