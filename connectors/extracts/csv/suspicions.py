"""Cells that cannot be taken as they stand, though their record is well-formed.

Owns what makes a cell suspicious: its characters, and quotes that were meant to enclose it. Must not know columns, nor
what becomes of the record.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.extracts.batches import REPLACEMENT, trimmed
from connectors.extracts.characters import CONTROL, likely_encoding
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.quotes import Cut


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record.

    Attributes:
        code: see `connectors.extracts.batches.BadRow`.
        cell: index of the cell at fault, or `None` when it is the record.
        encoding: the one that would explain the fault, where there is one.
    """

    code: str
    cell: int | None = None
    encoding: str = ""


def character_faults(cut: Cut, rules: CsvFormat) -> list[Fault]:
    """The characters that refuse a row, cell by cell."""
    faults = []
    for index, cell in enumerate(cut.cells):
        if REPLACEMENT in cell:
            faults.append(Fault("UndecodableByte", index))
        if "\0" in cell:
            faults.append(Fault("NullByte", index))
        if "\r" in cell and index not in cut.quoted:
            faults.append(Fault("BareLineFeed" if rules.swapped else "BareCarriageReturn", index))
        if CONTROL.search(cell):
            faults.append(Fault("ControlCharacter", index, likely_encoding(cell, rules.encoding.name)))
    return faults


def rule_faults(cut: Cut) -> list[Fault]:
    """A line of dashes in every cell: database tools draw one below the header."""
    drawn = all(len(cell) > 1 and not cell.strip("-") for cell in cut.cells)
    return [Fault("RuleLine")] if drawn and not cut.quoted else []


def quote_faults(cut: Cut, rules: CsvFormat) -> list[Fault]:
    """The quotes that do not enclose a cell, but seem to be meant so: each cell at fault once."""
    found: dict[int, str] = {}
    for mark in rules.quote + rules.suspects:
        for index, code in _enclosed(cut, mark, mark == rules.quote):
            found.setdefault(index, code)
    return [Fault(code, index) for index, code in sorted(found.items())]


def _enclosed(cut: Cut, mark: str, declared: bool) -> Iterator[tuple[int, str]]:  # noqa: FBT001  # both are one mark
    """The cells that a mark encloses, or where it opens a part that reaches over a delimiter.

    An apostrophe is text almost everywhere: it opens only at the start of a cell, and closes only at the end of one.
    """
    opened: int | None = None
    for index, cell in enumerate(cut.cells):
        if mark not in cell or index in cut.quoted:
            continue
        bare = trimmed(cell)
        if len(bare) > 1 and bare[0] == bare[-1] == mark:
            yield index, "QuotedBehindSpace" if declared else "SingleQuotes"
        elif opened is not None and (cell.count(mark) % 2 if declared else bare.endswith(mark)):
            yield opened, "AmbiguousQuote" if declared else "SingleQuotes"
        elif opened is None and (cell.count(mark) % 2 if declared else bare.startswith(mark)):
            opened = index
