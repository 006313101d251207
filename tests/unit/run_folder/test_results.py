import csv
import errno
import itertools
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from builders import rows_of
from hypothesis import given
from hypothesis import strategies as st

from connectors.extracts.extract import open_extract
from connectors.run_folder.results import (
    FAILURE_COLUMNS,
    OUTCOME_SCHEMA,
    SURPLUS_COLUMN,
    OutcomeFile,
    is_failure_report,
    write_failures,
)

FRONT = ["A", "failed", "X", "no", "REQ", "a.csv", "1", "line 2"]


LINE: dict[str, list[Any]] = {
    "key": ["A"],
    "source": ["a.csv"],
    "rows": [[1, 3]],
    "places": [["line 2", "line 7"]],
    "state": ["accepted"],
    "code": [None],
    "message": [None],
    "request": [7],
    "lusid_id": ["L"],
    "request_id": ["REQ"],
    "change": ["created"],
}


def test_outcomes_are_written_in_pieces_and_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.parquet"
    with OutcomeFile(path) as file:
        file.write(LINE)
        file.write({**LINE, "key": [None], "state": ["invalid"], "request": [None]})
    table = pq.read_table(path)
    assert table.schema.names == OUTCOME_SCHEMA.names
    assert table.to_pylist() == [
        {name: column[0] for name, column in LINE.items()},
        {**{name: column[0] for name, column in LINE.items()}, "key": None, "state": "invalid", "request": None},
    ]


@pytest.mark.parametrize("failing", [1, 2])
def test_lines_that_cannot_be_written_are_said_though_others_are_made_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The first ones are said with the second, the last ones at the end."""
    calls = itertools.count(1)

    def write_batch(_self: pq.ParquetWriter, _batch: object) -> None:
        if next(calls) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq.ParquetWriter, "write_batch", write_batch)
    with pytest.raises(OSError, match="No space left on device"):
        _write_twice(tmp_path / "o.parquet")


def _write_twice(path: Path) -> None:
    with OutcomeFile(path) as file:
        file.write(LINE)
        file.write(LINE)


def test_no_outcomes_are_a_readable_file(tmp_path: Path) -> None:
    with OutcomeFile(tmp_path / "o.parquet"):
        pass
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 0


def test_a_report_begins_with_the_mark_that_spreadsheets_look_for(tmp_path: Path) -> None:
    write_failures(tmp_path / "failures.csv", ["a"], [])
    assert (tmp_path / "failures.csv").read_bytes().startswith(b"\xef\xbb\xbf_key,")


def test_surplus_cells_go_into_one_column_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "failures.csv"
    assert write_failures(path, ["a", "b"], [[*FRONT, "1", "2"], [*FRONT, "1", "2", "3", "4"]]) == 2
    assert list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines())) == [
        [*FAILURE_COLUMNS, "a", "b", SURPLUS_COLUMN],
        [*FRONT, "1", "2", ""],
        [*FRONT, "1", "2", "3,4"],
    ]


@pytest.mark.parametrize("cell", ["a\rb", "a\r\nb", "\r", 'q"\r"', "=1+1", " padded ", "ü,ö", "\n", "-5", "NA"])
def test_every_reader_returns_a_cell_as_it_was(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "failures.csv"
    write_failures(path, ["a", "b"], [[*FRONT, cell, "end"], [*FRONT, "x", "y"]])
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert frame[["a", "b"]].to_numpy().tolist() == [[cell, "end"], ["x", "y"]]
    with open_extract([path]) as extract:
        assert [row[8:10] for batch in extract.batches() for row in rows_of(batch)] == [[cell, "end"], ["x", "y"]]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_cells_load_again_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("cells") / "failures.csv"
    write_failures(path, ["a", "b"], [[*FRONT, *pair] for pair in cells])
    with open_extract([path]) as extract:
        assert [tuple(row[8:10]) for batch in extract.batches() for row in rows_of(batch)] == cells


def test_a_report_is_known_by_its_first_columns() -> None:
    assert is_failure_report([*FAILURE_COLUMNS, "a"])
    assert not is_failure_report(["a", *FAILURE_COLUMNS])
    assert is_failure_report(FAILURE_COLUMNS[:-1])  # of a version that did not tell the place
    assert not is_failure_report(FAILURE_COLUMNS[:-2])
