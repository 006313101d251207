"""How many cells a record may have: the width of the header, and what is declared of lines that end otherwise.

Owns when a record's cells are in line with the columns, and which record is no longer of the table. Must not know how
records are found.

A surplus empty cell may be a delimiter too many in the middle, which shifts every cell behind it. So one is tolerated
only where it is known to be at the end: the header has it as well, or the mapping says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.extracts.batches import trimmed


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file, and what its lines may have beside them.

    Attributes:
        columns: their names.
        surplus: empty cells behind the last column that each line has.
        short: lines may lack trailing cells.
        header: the cells of the header's lines, which are no data when they come again.
        counted_from: the first number in a column without a name that counts the records; `None` where there is none.
    """

    columns: Sequence[str]
    surplus: int = 0
    short: bool = False
    header: Sequence[Sequence[str]] = ()
    counted_from: int | None = None

    @property
    def whole(self) -> int:
        """Cells of a line, the surplus ones included."""
        return len(self.columns) + self.surplus

    def fits(self, cells: Sequence[str]) -> bool:
        """Whether each cell is known to be in its column.

        A line without its surplus cells lacks a delimiter: the last one, where the last column is filled.
        """
        found, width = len(cells), len(self.columns)
        if found > self.whole or any(cells[width:]):
            return False
        return found == self.whole or self.short or (found >= width and bool(cells[width - 1]))

    def square(self, rows: list[list[str]]) -> bool:
        """Gives all rows the width of the columns; tells whether all of them fit."""
        width = len(self.columns)
        if not self.surplus and {width}.issuperset(map(len, rows)):
            return True
        if not all(map(self.fits, rows)):
            return False
        for row in rows:
            row[width:] = []
            row += [""] * (width - len(row))
        return True


def ends_table(cells: Sequence[str], until: str) -> bool:
    """Whether a record is the first one behind the table: its first cell says so, or nothing is in it."""
    return trimmed(cells[0]) == until if until else not any(cells)
