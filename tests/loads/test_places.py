"""Where a row that is not in stands in its file, as failures.csv, outcomes.parquet and messages say it."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import IR_ID, PERSON, investor
from run_checks import failures, outcomes
from scripted_lusid import done, scripted

from pipelines.load import load
from schemas.states import State

HEADER = f"{IR_ID},display_name,description,investor_type,{PERSON}"
Told = list[tuple[str, str, str]]


def told(tmp_path: Path, extract: Any, **options: Any) -> Told:
    """(`_row`, `_place`, `_message`) of each row that LUSID did not take, after it was compared with the outcomes."""
    with scripted(done) as (_, target):
        report = load("investor-records", extract, target=target, runs=tmp_path / "runs", **options)
    found = [(line["_row"], line["_place"], line["_message"]) for line in failures(report.run_dir)]
    places = [line["places"] for line in outcomes(report.run_dir)]
    assert sorted(place for one in places if one for place in one) == sorted(place for _, place, _ in found)
    assert places.count(None) == report.rows[State.ACCEPTED], "of what is in nobody asks where it was"
    return found


def test_a_reason_names_the_line_where_the_rows_number_does_not_tell_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'{HEADER}\nA1,,x,Person,H1\nA2,Bob,"x\ny",Person,H2\nA3,,x,Person,H3\n')
    with scripted(done) as (_, target):
        (reason,) = load("investor-records", path, target=target, runs=tmp_path / "runs").reasons
    assert (reason.message, reason.rule) == ("display_name (column 2): is missing",) * 2
    assert reason.examples == ["A1 (row 1)", "A3 (row 3, line 5)"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_is_counted_through_records_of_several_lines_and_empty_ones(tmp_path: Path, end: str) -> None:
    lines = [
        "Listing",
        HEADER,
        'A1,Ann,"first',
        'second",Person,H1',
        "",
        "A2,,x,Person,H2",
        'A3,"Cid',
        '",x,Robot,H3',
        "A4,Dan,x,Person,",
    ]
    path = tmp_path / "a.csv"
    path.write_bytes(end.join(lines).encode())
    found = told(tmp_path, path, skip_lines=1)
    assert [(row, place) for row, place, _ in found] == [("2", "line 6"), ("3", "line 7"), ("4", "line 9")]
    assert found[0][2] == "line 6: display_name (column 2): is missing"
    assert found[1][2].startswith("line 7: investor_type (column 4): is none of ")
    assert all(message.startswith(f"{place}: ") for _, place, message in found)


def test_a_column_has_the_number_that_it_has_in_the_rows_own_file(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("id,kind,name\nA1,P,Ann\nA2,X,Bob\n")
    two.write_text("name,id,kind\nCid,A3,X\n,A4,P\n")
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "operation: investor-records\ncolumns:\n"
        f"  {IR_ID}: id\n  display_name: name\n  {PERSON}: {{join: [id, kind], separator: '-'}}\n"
        "  investor_type: {column: kind, values: {P: Person}}\n"
    )
    with scripted(done) as (_, target):
        report = load("investor-records", [one, two], target=target, runs=tmp_path / "runs", mapping=mapping)
    assert [(line["_place"], line["_message"]) for line in failures(report.run_dir)] == [
        ("line 3", "line 3: investor_type (column kind, 2): is none of the mapping's values: P"),
        ("line 2", "line 2: investor_type (column kind, 3): is none of the mapping's values: P"),
        ("line 3", "line 3: display_name (column name, 1): is missing"),
    ]


def test_a_row_of_parquet_has_its_row_group_and_its_number_in_it(tmp_path: Path) -> None:
    rows = [investor(number) for number in range(1, 8)]
    rows[1]["display_name"] = rows[4]["display_name"] = ""
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=3)
    assert [(row, place) for row, place, _ in told(tmp_path, tmp_path / "a.parquet")] == [
        ("2", "row group 1, row 2"),
        ("5", "row group 2, row 2"),
    ]


@pytest.mark.parametrize(
    ("index", "places"),
    [
        (None, ["index 1", "index 2"]),
        ([30, 10, 20], ["index 10", "index 20"]),
        (pd.Index(["x", "y", "z"], name="desk"), ["index y", "index z"]),
        (pd.MultiIndex.from_tuples([("x", 1), ("y", 2), ("z", 3)]), ["index ('y', 2)", "index ('z', 3)"]),
    ],
)
def test_a_row_of_a_frame_has_the_label_of_its_index(tmp_path: Path, index: Any, places: list[str]) -> None:
    frame = pd.DataFrame([investor(1), investor(2) | {"display_name": ""}, investor(3) | {"display_name": ""}])
    if index is not None:
        frame.index = pd.Index(index)
    mapping = tmp_path / "m.yaml"
    mapping.write_text("operation: investor-records\ncolumns:\n" + "".join(f'  "{n}": "{n}"\n' for n in investor()))
    assert [place for _, place, _ in told(tmp_path, frame, mapping=mapping)] == places


def test_all_rows_of_a_request_that_is_not_in_have_their_places(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\nA1,Ann,x,Person,H1\nA2,Bob,x,Person,H2\nA1,Eve,x,Person,H1\n")
    assert [(row, place) for row, place, _ in told(tmp_path, path)] == [("1", "line 2"), ("3", "line 4")]
