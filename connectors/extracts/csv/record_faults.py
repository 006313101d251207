"""Fits records to the columns of their file, and says in words what is wrong with those that do not fit.

Owns the sentences of refused CSV rows. Must not know how records are found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.extracts.batches import BadRow
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.records import Fault, Record
from connectors.extracts.csv.stream import SWAP_LINE_ENDS_TEXT

_UNCOUNTABLE = {"MalformedQuote", "UnterminatedQuote", "RecordTooLong"}

_SENTENCES = {
    "BareCarriageReturn": "{column} holds a bare carriage return: remove it, or quote the cell",
    "BareLineFeed": "{column} holds a bare line feed, in a file whose lines end in CR: remove it, or quote the cell",
    "MalformedQuote": "{column} goes on behind its closing quote: double the quotes that are text",
    "NullByte": "{column} holds a NUL byte: remove it",
    "RecordTooLong": "the record is longer than {max_bytes:,} bytes: look for a missing line end",
    "UndecodableByte": "{column} holds a byte that is not {encoding}, or U+FFFD in place of one: "
    "correct it, or pass the encoding the file has",
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


def add_record(rows: Rows, record: Record, columns: Sequence[str], rules: CsvFormat, first_line: int) -> None:
    """Appends a record to rows, fitted to the columns, with what is wrong with it.

    Args:
        rows: where it goes.
        record: as found.
        columns: the file's columns.
        rules: how the file is read.
        first_line: the 1-based physical line in the file of the record's line 0.
    """
    width, index = len(columns), len(rows.rows)
    cells, surplus = record.cells[:width], record.cells[width:]
    cells += [""] * (width - len(cells))
    faults = [fault_text(fault, columns, rules) for fault in record.faults]
    codes = [fault.code for fault in record.faults]
    if any(surplus):
        rows.extra[index] = _restored(surplus, rules)
    if not _UNCOUNTABLE.intersection(codes) and (miscount := _miscount(record.cells, columns)):
        codes.append(miscount.code)
        faults.append(miscount.message)
    if codes:
        message = f"line {first_line + record.line}: {'; '.join(faults)}"
        rows.bad[index] = BadRow(codes[0], message)
    rows.rows.append(_restored(cells, rules))


def fault_text(fault: Fault, columns: Sequence[str], rules: CsvFormat) -> str:
    """One fault as a clause: which column, what, and what to do."""
    return _SENTENCES[fault.code].format(
        column=_column(fault.cell, columns),
        encoding=rules.encoding.declared,
        max_lines=rules.max_lines,
        max_bytes=rules.max_bytes,
    )


def _column(cell: int | None, columns: Sequence[str]) -> str:
    if cell is None:
        return "it"
    return f"column {columns[cell]!r}" if cell < len(columns) else f"cell {cell + 1}"


def _miscount(cells: Sequence[str], columns: Sequence[str]) -> BadRow | None:
    """Too few cells, or too many that are not empty; a trailing delimiter is allowed."""
    found, width = len(cells), len(columns)
    if found < width:
        return BadRow(
            "MissingCells",
            f"{found} of {width} cells: nothing for column {columns[found]!r} and what follows: "
            "look for a missing delimiter",
        )
    if any(cells[width:]):
        return BadRow(
            "TooManyCells",
            f"{found} cells for {width} columns: quote the cells that hold the delimiter",
        )
    return None


def _restored(cells: Sequence[str], rules: CsvFormat) -> list[str]:
    """Cells with the line ends they have in the file."""
    if rules.swapped:
        return [cell.translate(SWAP_LINE_ENDS_TEXT) for cell in cells]
    return list(cells)


def restore_line_ends(rows: list[list[str]]) -> None:
    """Gives the cells of good rows the line ends they have in a file whose lines end in CR."""
    for row in rows:
        row[:] = [cell.translate(SWAP_LINE_ENDS_TEXT) for cell in row]
