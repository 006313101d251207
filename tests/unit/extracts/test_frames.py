"""Data frames as extracts: what they may hold, and what becomes of it."""

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import rows_of

from connectors.extracts.frame_extract import extract_from_frame
from connectors.extracts.frames import write_frame
from schemas.errors import ExtractError, RunFolderError
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kind


def cells(frame: pd.DataFrame, path: Path) -> tuple[list[str], list[list[Cell]], list[str]]:
    with extract_from_frame(frame, path / "frame.parquet") as extract:
        rows = [row for batch in extract.batches() for row in rows_of(batch)]
        return extract.columns, rows, [name for name, kind in extract.kinds.items() if kind is Kind.FLOAT]


def error(frame: pd.DataFrame, path: Path) -> str:
    with pytest.raises(ExtractError) as caught:
        extract_from_frame(frame, path / "frame.parquet")
    return caught.value.message


def test_every_kind_of_column_becomes_text_and_what_is_missing_an_empty_cell(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": pd.Series(["00123", None], dtype=object),
            "string": pd.Series(["NA", pd.NA], dtype="string"),
            "category": pd.Categorical(["a", None]),
            "whole": pd.Series([1, pd.NA], dtype="Int64"),
            "float": [1.0, np.nan],
            "decimal": [Decimal("100.50"), None],
            "flag": pd.Series([True, None], dtype="boolean"),
            "day": [dt.date(2024, 2, 29), None],
            "naive": pd.to_datetime(["2024-02-29 10:00:00.5", "NaT"]),
            "zoned": pd.to_datetime(["2024-02-29 10:00:00+01:00", "NaT"], utc=True),
            "tags": [["a", "b"], None],
        }
    )
    columns, rows, floats = cells(frame, tmp_path)
    assert columns == list(frame.columns)
    assert rows == [
        ["00123", "NA", "a", "1", "1", "100.5", "true", "2024-02-29", "2024-02-29T10:00:00.5",
         "2024-02-29T09:00:00+00:00", ["a", "b"]],
        [""] * 11,
    ]  # fmt: skip
    assert floats == ["float"]


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
def test_any_sign_of_a_missing_value_in_an_object_column_is_an_empty_cell(tmp_path: Path, nothing: object) -> None:
    frame = pd.DataFrame({"id": pd.Series(["1", nothing], dtype=object)})
    assert cells(frame, tmp_path)[1] == [["1"], [""]]


def test_the_file_is_private_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "frame.parquet"
    path.write_text("old")
    path.chmod(0o644)
    cells(pd.DataFrame({"a": ["1"]}), tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_named_index_is_a_column_and_an_unnamed_one_is_not(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"]}, index=pd.Index(["k", "l"], name="id"))
    assert cells(frame, tmp_path)[:2] == (["id", "a"], [["k", "x"], ["l", "y"]])
    frame.index.name = None
    assert cells(frame, tmp_path)[:2] == (["a"], [["x"], ["y"]])
    frame.index = pd.MultiIndex.from_tuples([(1, "p"), (2, "q")], names=[None, "part"])
    assert cells(frame, tmp_path)[:2] == (["part", "a"], [["p", "x"], ["q", "y"]])


def test_rows_out_of_order_in_the_index_keep_their_place(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["1", "2", "3"], "b": [["x"], ["y"], ["z"]]}).iloc[[2, 0]]
    assert cells(frame, tmp_path)[1] == [["3", ["z"]], ["1", ["x"]]]


@pytest.mark.parametrize(
    ("values", "types"),
    [
        (["1", 1], "int, str"),
        ([1, 2.5], "float, int"),
        ([True, "x", None], "bool, str"),
        ([dt.date(2024, 1, 1), dt.datetime(2024, 1, 1)], "date, datetime"),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_a_column_of_mixed_types_is_named(tmp_path: Path, values: list[object], types: str) -> None:
    frame = pd.DataFrame({"odd": pd.Series(values, dtype=object)})
    assert error(frame, tmp_path) == (f"the frame: column 'odd' holds values of several types ({types}): make them one")


@pytest.mark.parametrize("values", [[["a", 1]], [object()], [[1], ["a"]]])
def test_a_column_that_cannot_be_written_is_named_and_its_values_are_not(tmp_path: Path, values: list[object]) -> None:
    frame = pd.DataFrame({"odd": pd.Series(values, dtype=object)})
    assert error(frame, tmp_path) == (
        "the frame: column 'odd' cannot be read: make its values text, numbers, dates, or lists of one of those"
    )


@pytest.mark.parametrize(
    ("values", "arrow"),
    [
        (pd.Series([b"x"]), "binary"),
        (pd.Series(pd.to_timedelta(["1s"])).astype("timedelta64[ns]"), "duration[ns]"),
        (pd.Series([{"a": 1}]), "struct<a: int64>"),
        (pd.period_range("2024", periods=1, freq="D"), "extension<pandas.period<ArrowPeriodType>>"),
    ],
)
def test_a_column_that_cannot_be_cells_is_named(tmp_path: Path, values: pd.Series, arrow: str) -> None:
    message = error(pd.DataFrame({"odd": values}), tmp_path)
    assert message == (
        f"the frame: column 'odd' holds {arrow}, which cannot be a cell: "
        "convert it to text, numbers, dates, or lists of those"
    )


def test_column_names_must_be_text_and_differ(tmp_path: Path) -> None:
    assert error(pd.DataFrame([["x"]]), tmp_path) == ("the frame: column name 0 is not text: rename the column")
    frame = pd.DataFrame([["x", "y"]], columns=["a", "a"])
    assert error(frame, tmp_path) == "the frame: column 'a' occurs twice: rename or remove one"
    frame = pd.DataFrame({"id": ["x"]}, index=pd.Index(["k"], name="id"))
    assert error(frame, tmp_path) == "the frame: column 'id' occurs twice: rename or remove one"
    assert error(pd.DataFrame(), tmp_path).endswith("the header names no column: name at least one")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "frame.parquet"
    with pytest.raises(RunFolderError) as caught:
        write_frame(pd.DataFrame({"a": ["x"]}), place)
    assert caught.value.message == f"{place}: cannot be written: No such file or directory"


def test_times_with_a_zone_and_without_are_no_column(tmp_path: Path) -> None:
    naive, aware = dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)  # noqa: DTZ001 - naive on purpose
    frame = pd.DataFrame({"at": pd.Series([naive, None, aware], dtype=object)})
    assert error(frame, tmp_path) == (
        "the frame: column 'at' holds times with a zone and times without: give all of them one, or none"
    )


def test_objects_keep_what_they_say(tmp_path: Path) -> None:
    late = pd.Timestamp("2024-01-01T00:00:00.123456789")
    frame = pd.DataFrame(
        {
            "uuid": pd.Series([uuid.UUID(int=7), None], dtype=object),
            "at": pd.Series([late, pd.NaT], dtype=object),
            "zoned": pd.Series([late.tz_localize("Asia/Tokyo"), None], dtype=object),
            "end": pd.Series([dt.datetime(9999, 12, 31), None], dtype=object),  # noqa: DTZ001 - naive on purpose
            "text": [str(np.nan), None],
        }
    )
    assert cells(frame, tmp_path)[1] == [
        ["00000000-0000-0000-0000-000000000007", "2024-01-01T00:00:00.123456789",
         "2023-12-31T15:00:00.123456789+00:00", "9999-12-31T00:00:00", "nan"],
        [""] * 5,
    ]  # fmt: skip


def test_a_time_that_its_column_cannot_hold_is_refused(tmp_path: Path) -> None:
    times = [pd.Timestamp("2024-01-01T00:00:00.123456789"), dt.datetime(9999, 12, 31)]  # noqa: DTZ001 - naive on purpose
    frame = pd.DataFrame({"at": pd.Series(times, dtype=object)})
    with pytest.raises(ExtractError, match="column 'at'"):
        write_frame(frame, tmp_path / "frame.parquet")
