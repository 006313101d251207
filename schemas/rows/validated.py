"""A batch of rows, read by the column: pydantic is asked once for each column and not once for each cell.

Owns how a column is validated. Must not know what the columns mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.rows.columns import Row
from schemas.rows.selection import Cells


@dataclass(frozen=True)
class Sheet:
    """The rows of a batch.

    Attributes:
        keys: of each row, '' where it names none.
        picked: canonical column to its cells as they were read.
        cells: canonical column to its validated cells; '' in place of those that were refused.
        refused: positions of the rows in which a cell was refused.
    """

    keys: list[str]
    picked: Mapping[str, Cells]
    cells: Mapping[str, Sequence[Any]]
    refused: frozenset[int]

    def raw(self, position: int) -> Row:
        """One row before validation."""
        return {name: cells[position] for name, cells in self.picked.items()}

    def row(self, position: int) -> Row:
        """One validated row."""
        return dict(zip(self.cells, self._rows[position], strict=True))

    @cached_property
    def _rows(self) -> list[tuple[Any, ...]]:
        """All validated rows: who wants one mostly wants many, and turning the sheet once is a third of the price."""
        return list(zip(*self.cells.values(), strict=True))


class CellReader:
    """Validates the cells of one column."""

    def __init__(self, cell_type: Any) -> None:
        """Takes the pydantic type of a cell, which is never None."""
        self._validate = TypeAdapter(list[cell_type]).validator.validate_python

    def __call__(self, cells: Cells) -> list[Any]:
        """The validated cells; None in place of what is refused."""
        try:
            distinct = list(set(cells))
        except TypeError:  # lists, of Parquet
            return self._each(cells)
        if 2 * len(distinct) > len(cells):
            return self._each(cells)
        # A column of countries or units has few different cells: a look in a dict is a tenth of a validation.
        value_of = dict(zip(distinct, self._each(distinct), strict=True))
        return [value_of[cell] for cell in cells]

    def _each(self, cells: Cells) -> list[Any]:
        try:
            values: list[Any] = self._validate(cells)
        except ValidationError as error:
            refused = {e["loc"][0] for e in error.errors(include_input=False, include_url=False, include_context=False)}
            good = iter(self._validate([cell for i, cell in enumerate(cells) if i not in refused]))
            return [None if i in refused else next(good) for i in range(len(cells))]
        return values
