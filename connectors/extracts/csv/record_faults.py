"""Fits records to the columns of their file, and says in words what is wrong with those that do not fit.

Owns the sentences of refused CSV rows. Must not know how records are found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.extracts.batches import BadRow
from connectors.extracts.csv.fitting import Layout
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.records import Record
from connectors.extracts.csv.stream import SWAP_LINE_ENDS_TEXT
from connectors.extracts.csv.suspicions import Fault

_UNCOUNTABLE = {"MalformedQuote", "UnterminatedQuote", "RecordTooLong"}

_SENTENCES = {
    "AmbiguousQuote": "{column} holds a quote, and another one follows behind a delimiter: look for a missing "
    "delimiter before it, quote the cells, or declare `quote: none` if quotes are text in this file",
    "BareCarriageReturn": "{column} holds a bare carriage return: remove it, or quote the cell",
    "BareLineFeed": "{column} holds a bare line feed, in a file whose lines end in CR: remove it, or quote the cell",
    "ControlCharacter": "{column} holds a control character: {advice}",
    "MalformedQuote": "{column} goes on behind its closing quote: double the quotes that are text",
    "NullByte": "{column} holds a NUL byte: remove it",
    "QuotedBehindSpace": "{column} is quoted behind white space, so that the quotes would be part of it: remove the "
    "space, or declare a delimiter that ends in it",
    "RecordTooLong": "the record is longer than {max_bytes:,} bytes: look for a missing line end",
    "RuleLine": "{column} is a line of dashes: declare `comment` with the first of them",
    "SingleQuotes": '{column} is enclosed in single quotes: declare `quote: "\'"` if they quote cells in this file, '
    "or `quote: '\"'` if they are text",
    "UndecodableByte": "{column} holds a byte that is not {encoding}, or U+FFFD in place of one: "
    "correct it, or pass the encoding the file has",
    "UnknownEscape": "{column} holds a {escape} before a character that needs none: double it if it is text",
    "UnterminatedQuote": "{column} opens a quote that is not closed before a delimiter or line end "
    "(within {max_lines:,} lines and {max_bytes:,} bytes): close it, or double the quotes that are text",
}


@dataclass(slots=True)
class Rows:
    """Records fitted to the columns of their file.

    Attributes:
        rows: the cells of each record.
        bad, extra: see `connectors.extracts.batches.RowBatch`.
    """

    rows: list[list[str]]
    bad: dict[int, BadRow] = field(default_factory=dict)
    extra: dict[int, list[str]] = field(default_factory=dict)


def add_record(rows: Rows, record: Record, layout: Layout, rules: CsvFormat, first_line: int) -> None:
    """Appends a record to rows, fitted to the columns, with what is wrong with it.

    Args:
        rows: where it goes.
        record: as found.
        layout: the file's columns.
        rules: how the file is read.
        first_line: the 1-based physical line in the file of the record's line 0.
    """
    columns, index = layout.columns, len(rows.rows)
    cells, surplus = record.cells[: len(columns)], record.cells[len(columns) :]
    cells += [""] * (len(columns) - len(cells))
    faults = [fault_text(fault, columns, rules) for fault in record.faults]
    codes = [fault.code for fault in record.faults]
    if any(surplus):
        rows.extra[index] = _restored(surplus, rules)
    if not _UNCOUNTABLE.intersection(codes) and not layout.fits(record.cells):
        miscount = _miscount(record.cells, layout)
        codes.append(miscount.code)
        faults.append(miscount.message)
    if record.cells in layout.header:
        codes.append("RepeatedHeader")
        faults.append("it is the header again: load joined files as several files, or declare `header_rows`")
    if codes:
        message = f"line {first_line + record.line}: {'; '.join(faults)}"
        rows.bad[index] = BadRow(codes[0], message)
    rows.rows.append(_restored(cells, rules))


def fault_text(fault: Fault, columns: Sequence[str], rules: CsvFormat) -> str:
    """One fault as a clause: which column, what, and what to do."""
    return _SENTENCES[fault.code].format(
        column=column_name(fault.cell, columns),
        advice=_advice(fault.encoding, rules),
        encoding=rules.encoding.declared,
        escape=rules.escape,
        max_lines=rules.max_lines,
        max_bytes=rules.max_bytes,
    )


def _advice(encoding: str, rules: CsvFormat) -> str:
    """What to do about a control character."""
    if not encoding:
        return "remove it, or pass the encoding the file has"
    if rules.encoding.transcoded or rules.encoding.name == "utf-8":
        return f"the text seems to be {encoding} that was converted as latin-1: have it exported anew"
    return f"the file seems to be {encoding} and not {rules.encoding.declared}: pass the encoding it has"


def column_name(cell: int | None, columns: Sequence[str]) -> str:
    """A cell by the name and the number of its column."""
    if cell is None:
        return "it"
    return f"column {columns[cell]!r} ({cell + 1})" if cell < len(columns) else f"cell {cell + 1}"


def _miscount(cells: Sequence[str], layout: Layout) -> BadRow:
    """Why a record's cells are not in line with the columns."""
    found, width = len(cells), len(layout.columns)
    if any(cells[width:]):
        told = f"{found} cells for {width} columns: quote the cells that hold the delimiter"
        return BadRow("TooManyCells", told)
    if found > layout.whole:
        told = (
            f"{found} cells for {layout.whole} of the header, the last one empty: look for a delimiter too many, or "
            "declare `trailing_delimiter: true` if each line ends in one"
        )
        return BadRow("TooManyCells", told)
    if found >= width:
        told = (
            f"{found} of {layout.whole} cells, the empty ones behind the last column included: look for a missing "
            "delimiter, or declare `short_rows: accept`"
        )
        return BadRow("MissingCells", told)
    told = f"{found} of {width} cells: nothing for {column_name(found, layout.columns)} and what follows: "
    if found == 1:
        told += "declare `comment`, `footer_lines` or `until` if the line is no data, or look for missing delimiters"
    else:
        told += "look for a missing delimiter, or declare `short_rows: accept` if trailing cells were cut off"
    return BadRow("MissingCells", told)


def _restored(cells: Sequence[str], rules: CsvFormat) -> list[str]:
    """Cells with the line ends they have in the file."""
    if rules.swapped:
        return [cell.translate(SWAP_LINE_ENDS_TEXT) for cell in cells]
    return list(cells)


def restore_line_ends(rows: list[list[str]]) -> None:
    """Gives the cells of good rows the line ends they have in a file whose lines end in CR."""
    for row in rows:
        row[:] = [cell.translate(SWAP_LINE_ENDS_TEXT) for cell in row]
