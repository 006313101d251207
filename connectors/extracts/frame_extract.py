"""A data frame as an extract; pandas is imported only where somebody has a frame.

Owns the question whether something is one. Must not know what a frame may hold, which is `frames`' business.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from connectors.extracts.extract import Extract, open_extract

if TYPE_CHECKING:
    import pandas as pd


def is_frame(given: object) -> "TypeGuard[pd.DataFrame]":
    """Whether this is a data frame; who has one has imported pandas, which takes longer than a small load."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(given, pandas.DataFrame)


def columns_of_frame(frame: "pd.DataFrame") -> list[str]:
    """The columns of a frame as an extract; see `connectors.extracts.frames.frame_columns`."""
    from connectors.extracts.frames import frame_columns

    return frame_columns(frame)


def extract_from_frame(frame: "pd.DataFrame", path: Path) -> Extract:
    """Writes a frame as a Parquet file and opens that; see `connectors.extracts.frames.write_frame`.

    Args:
        frame: the rows; missing values become empty cells.
        path: where the file goes, its name ending in `.parquet`.

    Raises:
        ExtractError: a column cannot be written, or the frame has none.
    """
    from connectors.extracts.frames import write_frame

    write_frame(frame, path)
    return open_extract([path])
