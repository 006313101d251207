"""Writes a pandas DataFrame as a Parquet file, so that a frame is an extract like any other.

Owns what a frame may hold. Must not know how extracts are read.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.extracts.parquet.file import FRAME, INDEX
from connectors.extracts.parquet.text import kind_of
from connectors.run_folder.folder import atomic_write
from schemas.errors import SEE_OUTPUT, ExtractError

_GROUP_ROWS = 1 << 16


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Writes a frame; the file can be read by its owner only.

    Columns become columns, and so do named levels of the index. The labels of the index are kept to tell where a row
    was, unless they count from 0. None, NaN, NaT and pd.NA become null.

    Args:
        frame: the rows.
        path: where the file goes; what is there is replaced.

    Raises:
        ExtractError: a column's name is not text or occurs twice, or its values are of several types or of one that
            cannot be a cell.
        RunFolderError: the file cannot be written.
    """
    columns = dict(_columns(_with_named_index(frame)))
    if INDEX not in columns and not frame.index.equals(pd.RangeIndex(len(frame))):
        columns[INDEX] = pa.array(map(str, frame.index), pa.string())
    table = pa.table(columns).replace_schema_metadata({FRAME: b""})
    with atomic_write(path) as part:  # a run that goes on has no other copy of the frame
        pq.write_table(table, part, row_group_size=_GROUP_ROWS)


def frame_columns(frame: pd.DataFrame) -> list[str]:
    """The columns a frame has as an extract: named levels of its index first.

    Raises:
        ExtractError: a column's name is not text or occurs twice.
    """
    return list(_with_named_index(frame).columns)


def _with_named_index(frame: pd.DataFrame) -> pd.DataFrame:
    levels = [name for name in frame.index.names if name is not None]
    columns = [*levels, *frame.columns]
    strange = next((name for name in columns if not isinstance(name, str)), None)
    if strange is not None:
        raise ExtractError(
            f"the frame: column name {strange!r} is not text: rename the column",
            f"the frame: a column has a name that is not text: rename it{SEE_OUTPUT}",
        )
    twice = next((name for name, count in Counter(columns).items() if count > 1), None)
    if twice is not None:
        raise _refused(twice, "occurs twice: rename or remove one")
    return frame.reset_index(level=levels) if levels else frame


def _refused(column: object, why: str) -> ExtractError:
    return ExtractError(f"the frame: column {column!r} {why}", f"the frame: a column {why}{SEE_OUTPUT}")


def _columns(frame: pd.DataFrame) -> Iterator[tuple[str, pa.Array]]:
    for name in frame.columns:
        column = _arrow(name, frame[name])
        if kind_of(column.type) is None:
            raise _refused(
                name,
                f"holds {column.type}, which cannot be a cell: convert it to text, numbers, dates, or lists of those",
            )
        yield name, column


def _arrow(name: str, values: pd.Series) -> pa.ChunkedArray:
    if values.dtype == object:
        types = sorted({type(value).__name__ for value in values if not _missing(value)})
        if len(types) > 1:
            raise _refused(name, f"holds values of several types ({', '.join(types)}): make them one")
        _check_zones(name, values)
    try:
        column = pa.array(values, _time_type(values), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        why = "cannot be read: make its values text, numbers, dates, or lists of one of those"
        raise _refused(name, why) from error
    return column


def _times(values: pd.Series) -> list[dt.datetime]:
    """The datetimes of a column of objects; other columns have none."""
    return [value for value in values if isinstance(value, dt.datetime) and not _missing(value)]


def _check_zones(name: str, values: pd.Series) -> None:
    """Arrow would take times without a zone for UTC beside others that have one."""
    if len({value.tzinfo is None for value in _times(values)}) > 1:
        raise _refused(name, "holds times with a zone and times without: give all of them one, or none")


def _time_type(values: pd.Series) -> pa.DataType | None:
    """Nanoseconds where a datetime of a column of objects has some, which Arrow would cut off; None elsewhere."""
    times = _times(values) if values.dtype == object else []
    if not any(getattr(value, "nanosecond", 0) for value in times):
        return None
    return pa.timestamp("ns", None if times[0].tzinfo is None else "UTC")


def _missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return pd.api.types.is_scalar(value) and value != value
