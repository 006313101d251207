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
    """Declares that the last record of each file is not a row but a trailer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_with: Annotated[str, Field(min_length=1)] = Field(
        description="Its whole first cell, without surrounding white space; the beginning alone could also be that of "
        "the last row of a truncated file."
    )
    rows_cell: Annotated[int, Field(ge=2, le=LARGEST)] | None = Field(
        None,
        description="The cell, counted from 1, that holds the number of data rows in that file, as 1000, 0001000 or "
        "1,000. Default: there is none.",
    )


class Expectations(BaseModel):
    """What must be true of the extract as a whole. Each member's description is for those who write mappings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=0, le=LARGEST)] | None = Field(None, description="The exact number of data rows.")
    min_rows: Annotated[int, Field(ge=0, le=LARGEST)] | None = Field(
        None, description="The least number of data rows; 1 where neither number is given."
    )
    max_rows: Annotated[int, Field(ge=0, le=LARGEST)] | None = Field(None, description="The most data rows.")
    totals: dict[str, Decimal] = Field(
        default_factory=dict,
        description="The exact sum of each of these columns of the extract. Cells are read as the mapping declares for "
        "the column; an empty one adds nothing.",
    )
    trailer: Trailer | None = Field(None, description="The last record of each file is no row, and says so.")
    done_marker: Path | None = Field(
        None,
        description="A file that must exist, which the extract's writer writes when it is done. It must not be older "
        "than any file of the extract, or it belongs to an earlier one. A relative path starts from the folder of the "
        "extract's files, and is looked for in each folder where there are several.",
    )
    settled_seconds: Annotated[float, Field(ge=0, le=LONGEST)] | None = Field(
        None, description="For how many seconds no file may have been written to: a younger one may still be growing."
    )

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
