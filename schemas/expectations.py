"""Expectations that an extract must meet to count as complete; all are optional.

They are given by flags or in the mapping (`expect:`), and checked when the extract has been read, before anything is
sent.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.settings import LARGEST, LONGEST


class Trailer(BaseModel):
    """Declares that the last record of each file is not a row but a trailer.

    Attributes:
        starts_with: its whole first cell, without surrounding white space; its beginning alone could also be that of
            the last row of a truncated file.
        rows_cell: the cell, counted from 1, that holds the number of data rows in that file, as 1000, 0001000 or
            1,000; None when there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_with: Annotated[str, Field(min_length=1)]
    rows_cell: Annotated[int, Field(ge=2, le=LARGEST)] | None = None


class Expectations(BaseModel):
    """What must be true of the extract as a whole.

    Attributes:
        rows: the exact number of data rows.
        min_rows: the least number of data rows; 1 when neither number is given.
        totals: the exact sum of each of these columns; cells are read with the separators that the mapping declares
            for the column, and an empty cell adds nothing.
        trailer: see `Trailer`.
        done_marker: a file that must exist, which the extract's writer writes when the extract is complete. It must not
            be older than any file of the extract, or it belongs to an earlier one. A relative path starts from the
            folder of the extract's files, and is looked for in each folder where there are several.
        settled_seconds: for how many seconds each file must not have been written to; a younger one may still be
            growing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    min_rows: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    totals: dict[str, Decimal] = Field(default_factory=dict)
    trailer: Trailer | None = None
    done_marker: Path | None = None
    settled_seconds: Annotated[float, Field(ge=0, le=LONGEST)] | None = None

    @field_validator("done_marker")
    @classmethod
    def _names_a_file(cls, marker: Path | None) -> Path | None:
        if marker is not None and (not marker.name or "\0" in str(marker)):
            raise ValueError("names no file: is a shell variable unset?")
        return marker

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.rows is not None and self.min_rows is not None and self.rows < self.min_rows:
            raise ValueError("`rows` is less than `min_rows`")
        return self

    def merged(self, flags: "Expectations") -> "Expectations":
        """These expectations, overridden by those that flags give."""
        return self.model_copy(update={name: getattr(flags, name) for name in flags.model_fields_set})
