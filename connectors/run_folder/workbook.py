"""failures.xlsx: failures.csv as a workbook whose cells are text, so that a spreadsheet changes none of them."""

from collections.abc import Iterator
from pathlib import Path

from connectors.run_folder.folder import atomic_write
from connectors.run_folder.results import failure_lines
from schemas.errors import ConfigError

MOST_ROWS = 1_048_575
MOST_CHARACTERS = 32_767
"""What a sheet and a cell of Excel hold, the header not counted (its own "specifications and limits")."""

_WIDTH = 24


def write_workbook(failures: Path, workbook: Path) -> int:
    """Writes a failures.csv as a workbook, and returns the number of its rows; memory does not grow with them.

    Raises:
        ConfigError: a sheet or a cell cannot hold it, or the file cannot be read or written; nothing is left of it.
    """
    import xlsxwriter  # imported when somebody wants one

    _check_fits(failures)
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    count = 0
    try:
        with atomic_write(workbook) as part:
            book = xlsxwriter.Workbook(str(part), {**options, "tmpdir": str(workbook.parent)})
            text = book.add_format({"num_format": "@"})
            sheet = book.add_worksheet("failures")
            sheet.freeze_panes(1, 0)
            for count, row in enumerate(_rows(failures)):
                if count == 0:
                    sheet.set_column(0, len(row) - 1, _WIDTH, text)
                for column, cell in enumerate(row):
                    sheet.write_string(count, column, cell, text)
            book.close()
    except (OSError, xlsxwriter.exceptions.XlsxWriterException) as error:
        raise ConfigError(f"{workbook} cannot be written: {error}") from None
    return count


def _check_fits(failures: Path) -> None:
    """Raises ConfigError where a workbook cannot hold a report."""
    for number, row in enumerate(_rows(failures)):
        if number > MOST_ROWS:
            raise ConfigError(f"{failures} has more rows than a sheet holds ({MOST_ROWS:,}): correct it as CSV")
        if len(max(row, key=len, default="")) > MOST_CHARACTERS:
            raise ConfigError(
                f"{failures}: row {number} has a cell that is longer than a cell of a workbook holds "
                f"({MOST_CHARACTERS:,} characters): correct it as CSV"
            )


def _rows(failures: Path) -> Iterator[list[str]]:
    try:
        yield from failure_lines(failures)
    except OSError as error:
        raise ConfigError(f"{failures} cannot be read: {error.strerror}") from None
