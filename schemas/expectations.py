"""What an extract must hold to be believed: the completeness gate. All of it is optional.

Given by flags or in the mapping (`expect:`). Checked when the extract has been read and before anything is sent.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Trailer(BaseModel):
    """The last record of each file is no row but a trailer. Its cells count in the order of its own file.

    Attributes:
        starts_with: its first cell, white space around it aside: the whole cell, for by its beginning alone the last
            row of a truncated file could be taken for the trailer.
        rows_cell: 1-based cell that holds the number of data rows in that file, as 1000, 0001000 or 1,000; None when
            it holds none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_with: Annotated[str, Field(min_length=1)]
    rows_cell: Annotated[int, Field(ge=2)] | None = None


class Expectations(BaseModel):
    """What must be true of the whole extract.

    Attributes:
        rows: data rows, exactly; min_rows: at least, 1 where neither is given.
        totals: sum of a column of the extract, exactly; its cells are read with the separators that the mapping
            declares for the column, and an empty cell adds nothing.
        trailer: see `Trailer`.
        done_marker: a file that must be there, written by whoever writes the extract when it is complete: one that is
            older than a file of the extract is of an earlier one. A relative path begins in the folder of the
            extract's files, in each of them where they are in several.
        settled_seconds: how long ago each file must have been written last; a younger one may still be growing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=0)] | None = None
    min_rows: Annotated[int, Field(ge=0)] | None = None
    totals: dict[str, Decimal] = Field(default_factory=dict)
    trailer: Trailer | None = None
    done_marker: Path | None = None
    settled_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

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
        """These expectations, with those that flags give in place of their own."""
        return self.model_copy(update={name: getattr(flags, name) for name in flags.model_fields_set})
