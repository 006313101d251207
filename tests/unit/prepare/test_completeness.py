"""The completeness gate: what must be true of a whole extract before the first request is sent."""

import os
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import IR_ID, PERSON, csv_extract, investor, rows_of, write_csv
from run_checks import check_books, failures, row_states
from scripted_lusid import done, scripted

from connectors.extracts.extract import open_extract
from pipelines.load import load
from pipelines.prepare.completeness import Gate, check_before
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
        rows = [row for batch in gate.through(extract.batches()) for row in rows_of(batch)]
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


def test_sums_are_exact_and_an_empty_cell_adds_nothing(tmp_path: Path) -> None:
    lines = [*["a,9999999999999999999.999999999"] * 11, "d,", *["f,0.000000001"] * 1000]
    wanted = "110000000000000000000.000000989"  # thirty digits, more than a decimal keeps by itself
    path = text(tmp_path / "a.csv", *lines)
    assert refused({"totals": {"amount": wanted}}, path, max_rows=7) == ""


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("many", "is not a decimal number such as 1234.50"),
        ("NaN", "is not a finite number"),
        ("1e3", "is in scientific notation, which may have lost digits: write the number out"),
        (
            '"1,5"',
            "is not a plain decimal such as 1234.50: declare `decimal` and `thousands` in the mapping",
        ),
    ],
)
def test_a_cell_that_is_no_number_has_no_total_whatever_the_others_add_up_to(
    tmp_path: Path, cell: str, why: str
) -> None:
    path = text(tmp_path / "a.csv", "a,1", f"b,{cell}", "c,more")
    said = f"the extract is not complete: column amount cannot be added up: a.csv row 2: {why}; nothing was sent"
    assert refused({"totals": {"amount": "1"}}, path, max_rows=1) == said


def test_a_control_total_reads_cells_by_the_separators_that_the_mapping_declares(tmp_path: Path) -> None:
    mapping = tmp_path / "investor-records.yaml"
    mapping.write_text(
        f"""\
operation: investor-records
delimiter: ";"
columns:
  display_name: n
  investor_type: t
  "{IR_ID}": k
  "{PERSON}": k
  "metric:InvestorRecord/Details/NetWorth": {{column: w, decimal: ",", thousands: "."}}
  "metric:InvestorRecord/Details/NetWorth@unit": {{constant: EUR}}
""",
        "utf-8",
    )
    path = text(tmp_path / "a.csv", "A;Person;a;1.000,50", "B;Person;b;2.000,50", header="n;t;k;w")

    def loaded(total: str) -> Any:
        options: dict[str, Any] = {"mapping": mapping, "runs": tmp_path / "runs", "dry_run": True}
        return load("investor-records", path, expect={"totals": {"w": total}}, **options)

    assert loaded("3001").rows_read == 2
    with pytest.raises(ExtractError) as caught:
        loaded("0")
    assert caught.value.message == (
        "the extract is not complete: column w adds up to 3001.0, not to 0; nothing was sent"
    )


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
        (("a,1", "END,2"), "a.csv has 1 row, and its trailer says otherwise"),
        (("a,1", "END,"), "a.csv has 1 row, and its trailer says otherwise"),
        (("a,1", "END"), "a.csv has 1 row, and its trailer says otherwise"),
        (("END,2", "a,1"), "a.csv does not end in the trailer"),
        ((), "a.csv has no trailer"),
        (("a,1", "END, 1 ,x,y"), ""),
        (("a,1", " END ,1"), ""),
        (("a,1", "ENDS,1"), "a.csv does not end in the trailer"),
        (("a,1", "END,1.0"), "a.csv has 1 row, and its trailer says otherwise"),
        (("a,1", "END,1", "\x1a"), ""),
        (("a,1", "END,1", "\x1a", "\x1a"), "a.csv does not end in the trailer"),
    ],
)
def test_a_file_without_its_trailer_is_not_whole(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    found = refused({"trailer": {"starts_with": "END", "rows_cell": 2}}, text(tmp_path / "a.csv", *lines))
    assert found == (f"the extract is not complete: {said}; nothing was sent" if said else "")


def test_an_extract_without_a_row_is_refused_unless_somebody_said_that_it_may_be(tmp_path: Path) -> None:
    trailer = {"starts_with": "END", "rows_cell": 2}
    empty, trailed, full = (text(tmp_path / f"{i}.csv", *lines) for i, lines in enumerate([(), ("END,0",), ("a,1",)]))
    meant = "pass --min-rows 0, or put `expect: {min_rows: 0}` into the mapping, if that is meant"
    assert refused({}, empty) == f"0.csv holds no row: {meant}"
    assert refused({"trailer": trailer}, trailed) == f"1.csv holds no row: {meant}"
    assert refused({}, empty, text(tmp_path / "d.csv")) == f"0.csv and 1 more hold no row: {meant}"
    for expect in ({"min_rows": 0}, {"rows": 0}, {"min_rows": 0, "trailer": trailer}):
        assert refused(expect, trailed if "trailer" in expect else empty) == ""
    assert refused({}, empty, full) == ""


@pytest.mark.parametrize("count", ["1000", "0001000", '"1,000"', "1.000", "1 000", "1'000"])
def test_a_count_may_have_separators_between_its_thousands(tmp_path: Path, count: str) -> None:
    path = text(tmp_path / "a.csv", *["a,1"] * 1000, f"END,{count}")
    assert refused({"rows": 1000, "trailer": {"starts_with": "END", "rows_cell": 2}}, path) == ""


def test_a_trailer_is_read_in_the_order_of_its_own_file(tmp_path: Path) -> None:
    first = text(tmp_path / "a.csv", "a,1", "END,1")
    second = text(tmp_path / "b.csv", "2,b", "3,c", "END,2", header="amount,code")
    expect = {"trailer": {"starts_with": "END", "rows_cell": 2}}
    assert passed(expect, first, second) == [["a", "1"], ["b", "2"], ["c", "3"]]


@pytest.mark.parametrize("max_rows", [1, 2, 1000])
def test_an_end_of_file_mark_behind_the_last_record_is_no_row(tmp_path: Path, max_rows: int) -> None:
    first = text(tmp_path / "a.csv", "a,1", "b,2", "\x1a")
    second = text(tmp_path / "b.csv", "\x1a", "c,3")
    assert passed({"rows": 4}, first, second, max_rows=max_rows) == [["a", "1"], ["b", "2"], ["\x1a", ""], ["c", "3"]]


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
            check_before(Expectations(totals={"amuont": Decimal(1)}), extract.columns, extract.sources)
        with pytest.raises(ExtractError) as absent:
            check_before(Expectations(done_marker=marker), extract.columns, extract.sources)
        with pytest.raises(ExtractError) as folder:
            check_before(Expectations(done_marker=tmp_path), extract.columns, extract.sources)
        with pytest.raises(ExtractError) as growing:
            check_before(Expectations(settled_seconds=200), extract.columns, extract.sources)
        marker.touch()
        check_before(
            Expectations(done_marker=marker, settled_seconds=50, totals={"amount": Decimal(1)}),
            extract.columns,
            extract.sources,
        )
    said = "control total: column amuont is not in the extract; did you mean amount?"
    assert wrong.value.message == said
    assert absent.value.message == f"the done-marker {marker} is not there: the extract is not complete yet"
    assert folder.value.message == (
        f"the done-marker {tmp_path} is not a file: name the file that says the extract is done"
    )
    assert growing.value.message.endswith("may still be growing: it must have been left alone for 200 s")


def test_a_time_ahead_of_the_clock_is_said_to_be_that(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "a,1")
    os.utime(path, (time.time() + 7200,) * 2)
    with open_extract([path]) as extract, pytest.raises(ExtractError) as caught:
        check_before(Expectations(settled_seconds=60), extract.columns, extract.sources)
    said = re.sub(r"7\d\d\d", "N", caught.value.message.removeprefix(str(tmp_path)))
    assert said == (
        "/a.csv bears a time N s ahead of this machine's clock, so nobody can tell how long it has been left alone: "
        "set the clocks right, or load without --settled"
    )


def test_a_marker_is_looked_for_beside_each_file_and_is_never_older_than_what_it_vouches_for(tmp_path: Path) -> None:
    paths = [tmp_path / day / "a.csv" for day in ("mon", "tue")]
    for path in paths:
        path.parent.mkdir()
        os.utime(text(path, "a,1"), (1000, 1000))
    first, second = tmp_path / "mon" / "DONE", tmp_path / "tue" / "DONE"

    def said(marker: Path) -> str:
        with open_extract(paths) as extract:
            try:
                check_before(Expectations(done_marker=marker), extract.columns, extract.sources)
            except ExtractError as error:
                return error.message.replace(f"{tmp_path}/", "")
        return ""

    first.touch()
    assert said(Path("DONE")) == "the done-marker tue/DONE is not there: the extract is not complete yet"
    assert said(first) == ""
    second.touch()
    assert said(Path("DONE")) == ""
    os.utime(second, (999, 999))
    older = (
        "the done-marker tue/DONE is older than tue/a.csv: it is of an earlier extract, so this one is not complete yet"
    )
    assert said(Path("DONE")) == older
    os.utime(second, (1000, 1000))
    assert said(Path("DONE")) == ""


def test_an_extract_that_is_not_ready_leaves_no_run_and_meets_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    runs = tmp_path / "runs"
    for expect in ({"done_marker": "DONE"}, {"settled_seconds": 3600}):
        with pytest.raises(ExtractError, match=r"not complete yet|still be growing"):
            load("investor-records", path, target="http://127.0.0.1:9/api", runs=runs, expect=expect)
    assert not runs.exists()


def test_a_load_sends_nothing_of_an_extract_that_is_not_whole_and_a_trailer_is_no_row(tmp_path: Path) -> None:
    rows = [investor(n) for n in range(4)] + [investor(9, {"display_name": ""})]
    path = write_csv(tmp_path / "a.csv", rows)
    with path.open("a", encoding="utf-8") as file:
        file.write("END,00005\n\x1a")
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


def test_an_end_of_file_mark_is_in_no_account_of_a_load(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(4)])
    with path.open("a", encoding="utf-8") as file:
        file.write("\x1a")
    report = load("investor-records", path, runs=tmp_path / "runs", dry_run=True)
    check_books(report)
    assert (report.rows_read, report.exit_code) == (4, 0)
