"""The completeness gate: what must be true of a whole extract before the first request is sent."""

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import csv_extract, investor, write_csv
from run_checks import check_books, failures, row_states
from scripted_lusid import done, scripted

from connectors.extracts import open_extract
from pipelines.gate import Gate, check_before
from pipelines.load import load
from schemas.errors import ConfigError, ExtractError
from schemas.expectations import Expectations


def text(path: Path, *lines: str, header: str = "code,amount") -> Path:
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), "utf-8")
    return path


def refused(expect: dict[str, Any], *paths: Path, block: int = 1 << 20, max_rows: int = 1000) -> str:
    """What the gate says of an extract; '' when it is whole."""
    with csv_extract(paths, block=block, max_rows=max_rows) as extract:
        gate = Gate(Expectations.model_validate(expect), extract)
        for _ in gate.through(extract.batches()):
            pass
        try:
            gate.check()
        except ExtractError as error:
            return error.message.replace(f"{paths[0].parent}/", "")
    return ""


def passed(expect: dict[str, Any], *paths: Path, max_rows: int = 1000) -> list[list[Any]]:
    """The rows that come through."""
    with csv_extract(paths, block=1 << 20, max_rows=max_rows) as extract:
        gate = Gate(Expectations.model_validate(expect), extract)
        rows = [row for batch in gate.through(extract.batches()) for row in batch.rows]
        gate.check()
    return rows


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({}, ""),
        ({"rows": 3, "min_rows": 3}, ""),
        ({"rows": 4}, "3 rows, not the 4 expected"),
        ({"min_rows": 4}, "3 rows, fewer than the 4 expected"),
        ({"totals": {"amount": "6.60"}}, ""),
        ({"totals": {"amount": "6.61"}}, "column amount adds up to 6.6, not to 6.61"),
        (
            {"rows": 2, "totals": {"amount": "0"}},
            "3 rows, not the 2 expected; column amount adds up to 6.6, not to 0",
        ),
    ],
)
def test_rows_and_totals_are_those_expected_or_all_that_differs_is_said(
    tmp_path: Path, expect: dict[str, Any], said: str
) -> None:
    path = text(tmp_path / "a.csv", "a,1.10", "b,2.20", "c,3.30")
    assert refused(expect, path) == (f"the extract is not complete: {said}; nothing was sent" if said else "")


def test_cells_that_are_no_numbers_count_nothing_and_sums_are_exact(tmp_path: Path) -> None:
    lines = [*["a,9999999999999999999.999999999"] * 11, "c,many", "d,", "e,NaN", *["f,0.000000001"] * 1000]
    wanted = "110000000000000000000.000000989"  # thirty digits, more than a decimal keeps by itself
    path = text(tmp_path / "a.csv", *lines)
    assert refused({"totals": {"amount": wanted}}, path, max_rows=7) == ""


@pytest.mark.parametrize("max_rows", [1, 2, 3, 1000])
def test_trailers_are_taken_off_each_file_and_their_counts_compared(tmp_path: Path, max_rows: int) -> None:
    first = text(tmp_path / "a.csv", "a,1", "b,2", "END,2")
    second = text(tmp_path / "b.csv", "c,3", "END,0001")
    expect = {"trailer": {"starts_with": "END", "rows_cell": 2}, "rows": 3, "totals": {"amount": "6"}}
    assert passed(expect, first, second, max_rows=max_rows) == [["a", "1"], ["b", "2"], ["c", "3"]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("a,1", "b,2"), "a.csv does not end in the trailer"),
        (("a,1", "END,2"), "a.csv has 1 rows, and its trailer says otherwise"),
        (("a,1", "END,"), "a.csv has 1 rows, and its trailer says otherwise"),
        (("a,1", "END"), "a.csv has 1 rows, and its trailer says otherwise"),
        (("END,2", "a,1"), "a.csv does not end in the trailer"),
        ((), "a.csv has no trailer"),
        (("END,0",), ""),
        (("a,1", "END, 1 ,x,y"), ""),
    ],
)
def test_a_file_without_its_trailer_is_not_whole(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    found = refused({"trailer": {"starts_with": "END", "rows_cell": 2}}, text(tmp_path / "a.csv", *lines))
    assert found == (f"the extract is not complete: {said}; nothing was sent" if said else "")


def test_a_count_beyond_the_columns_is_read_from_the_extra_cells(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "a,1", "END,x,y,1")
    assert passed({"trailer": {"starts_with": "END", "rows_cell": 4}}, path) == [["a", "1"]]
    assert "says otherwise" in refused({"trailer": {"starts_with": "END", "rows_cell": 9}}, path)


def test_what_can_be_told_without_reading_is_told_first(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "a,1")
    os.utime(path, (time.time() - 100,) * 2)
    marker = tmp_path / "done"
    with open_extract([path]) as extract:
        with pytest.raises(ConfigError) as wrong:
            check_before(Expectations(totals={"amuont": Decimal(1)}), extract)
        with pytest.raises(ExtractError) as absent:
            check_before(Expectations(done_marker=marker), extract)
        with pytest.raises(ExtractError) as growing:
            check_before(Expectations(settled_seconds=200), extract)
        marker.touch()
        check_before(Expectations(done_marker=marker, settled_seconds=50, totals={"amount": Decimal(1)}), extract)
    said = "control total: column amuont is not in the extract; did you mean amount?"
    assert wrong.value.message == said
    assert absent.value.message == f"the done-marker {marker} is not there: the extract is not complete yet"
    assert growing.value.message.endswith("may still be growing: it must have been left alone for 200 s")


def test_a_load_sends_nothing_of_an_extract_that_is_not_whole_and_a_trailer_is_no_row(tmp_path: Path) -> None:
    rows = [investor(n) for n in range(4)] + [investor(9, {"display_name": ""})]
    path = write_csv(tmp_path / "a.csv", rows)
    with path.open("a", encoding="utf-8") as file:
        file.write("END,00005\n")
    trailer = {"starts_with": "END", "rows_cell": 2}
    options: dict[str, Any] = {"runs": tmp_path / "runs"}
    with scripted(done) as (lusid, target):
        with pytest.raises(ExtractError, match="5 rows, not the 6 expected"):
            load("investor-records", path, target=target, expect={"rows": 6, "trailer": trailer}, **options)
        assert lusid.posted == []
        report = load("investor-records", path, target=target, expect={"rows": 5, "trailer": trailer}, **options)
    check_books(report)
    assert sorted(row for _, row in row_states(report.run_dir)) == [1, 2, 3, 4, 5]
    assert [line["_row"] for line in failures(report.run_dir)] == ["5"]
