"""A report of failures that some program saved: it is read as it was meant, and what a spreadsheet lost is put back."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from builders import COUNTRY, IR_ID, PERSON, Row, investor, order, write_csv
from hypothesis import given
from hypothesis import strategies as st

from connectors.extracts.saved_report import SavedReport
from connectors.run_folder.workbook import write_workbook
from pipelines.history.replays.spreadsheet_changes import is_made_by_spreadsheet
from pipelines.load import load
from pipelines.options import Progress
from pipelines.replay import replay
from schemas.errors import ConfigError
from schemas.states import State

SECOND_ID = "identifier:InvestorRecord/Internal/Id"
ROW = investor(1, {IR_ID: "0001", SECOND_ID: "000123", "display_name": "Zoë Łąka", "investor_type": "Persn"})


class Heard(Progress):
    """Keeps the notes."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def note(self, text: str) -> None:
        self._notes.append(text)


class Night:
    """A load with one row at fault, its report, and what a sandbox holds in the end."""

    def __init__(self, folder: Path, row: Row, operation: str = "investor-records") -> None:
        self.folder, self._target = folder, f"sandbox:{folder / 'sandbox.db'}"
        self.notes: list[str] = []
        path = write_csv(folder / "extract.csv", [row])
        self.first = load(operation, path, target=self._target, runs=folder / "runs")

    @property
    def cells(self) -> list[list[str]]:
        """The report as it was written."""
        with (self.first.run_dir / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    def corrected(self, **changes: str) -> list[list[str]]:
        """The report with other cells in its row."""
        header, row = self.cells
        return [header, [changes.get(column, cell) for column, cell in zip(header, row, strict=True)]]

    def replay(self, path: Path) -> Any:
        return replay(self.first.run_id, path, runs=self.folder / "runs", progress=Heard(self.notes))

    @property
    def held(self) -> str:
        """Everything that the sandbox holds, as text."""
        with sqlite3.connect(self.folder / "sandbox.db") as connection:
            found = connection.execute("SELECT * FROM entity").fetchall()
        return json.dumps(found, ensure_ascii=False, default=lambda content: bytes(content).decode())


def as_csv(encoding: str, delimiter: str) -> Callable[[Path, list[list[str]]], None]:
    def save(path: Path, rows: list[list[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
        path.write_bytes(text.getvalue().encode(encoding, "replace"))

    return save


def as_workbook(path: Path, rows: list[list[str]]) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    for n, row in enumerate(rows):
        sheet.write_row(n, 0, row)
    book.close()


SAVED = {
    "UTF-8 with a mark": as_csv("utf-8-sig", ","),
    "German Excel, CSV UTF-8": as_csv("utf-8-sig", ";"),
    "Excel, Unicode text": as_csv("utf-16", "\t"),
    "Excel, CSV": as_csv("cp1252", ","),
    "German Excel, CSV": as_csv("cp1252", ";"),
    "Polish Excel, CSV": as_csv("cp1250", ";"),
    "Excel on an old Mac": as_csv("mac_roman", ","),
    "a workbook": as_workbook,
}


@pytest.mark.parametrize("how", SAVED)
def test_the_row_arrives_as_it_was_meant_however_it_was_saved(tmp_path: Path, how: str) -> None:
    night = Night(tmp_path, ROW)
    path = tmp_path / ("saved.xlsx" if "workbook" in how else "saved.csv")
    SAVED[how](path, night.corrected(investor_type="Person"))
    assert night.replay(path).rows["accepted"] == 1
    assert "Zoë Łąka" in night.held
    assert "000123" in night.held
    assert not any("Zoë" in note or "000123" in note for note in night.notes)


LOST = {
    "zeros of an identifier": (ROW, {SECOND_ID: "123"}, "000123"),
    "zeros of the key": (ROW, {IR_ID: "1"}, "0001"),
    "digits of an identifier": (
        ROW | {SECOND_ID: "1234567890123456789"},
        {SECOND_ID: "1.23457E+18"},
        "1234567890123456789",
    ),
    "the last digits of one": (
        ROW | {SECOND_ID: "1234567890123456789"},
        {SECOND_ID: "1234567890123450000"},
        "1234567890123456789",
    ),
    "accents of a name": (ROW, {"display_name": "Zo? ??ka"}, "Zoë Łąka"),
    "accents of a property": (ROW | {COUNTRY: "Łódź"}, {COUNTRY: "?ód?"}, "Łódź"),
    "the notation of a date": (
        ROW | {f"{COUNTRY}@effective_from": "2019-12-31"},
        {f"{COUNTRY}@effective_from": "31/12/2019"},
        "2019-12-31",
    ),
    "a name that looks like a formula": (ROW | {"display_name": "-Zoë"}, {"display_name": "#NAME?"}, "-Zoë"),
    "an id that looks like a date": (ROW | {SECOND_ID: "2019-03-01"}, {SECOND_ID: "01.03.2019"}, "2019-03-01"),
}


@pytest.mark.parametrize("what", LOST)
def test_what_a_spreadsheet_lost_is_put_back_and_said(tmp_path: Path, what: str) -> None:
    row, lost, was = LOST[what]
    night = Night(tmp_path, row)
    path = tmp_path / "saved.csv"
    SAVED["UTF-8 with a mark"](path, night.corrected(**lost, investor_type="Person"))
    assert night.replay(path).rows["accepted"] == 1
    assert was in night.held
    (column,) = lost
    said = [note for note in night.notes if "put back" in note]
    assert len(said) == 1
    assert said[0].endswith(f": {column} 1")


def test_orders_keep_the_zeros_of_their_codes(tmp_path: Path) -> None:
    night = Night(tmp_path, order(1, 1, {"order_code": "000777", "quantity": "ten"}), "orders")
    path = tmp_path / "saved.csv"
    SAVED["German Excel, CSV"](path, night.corrected(order_code="777", quantity="10"))
    assert night.replay(path).rows["accepted"] == 1
    assert "000777" in night.held
    assert '"777"' not in night.held


def test_every_change_is_listed_before_anything_is_sent(tmp_path: Path) -> None:
    night = Night(tmp_path, ROW)
    path = tmp_path / "saved.csv"
    SAVED["UTF-8 with a mark"](path, night.corrected(investor_type="Person", display_name="Another", **{IR_ID: "1"}))
    night.replay(path)
    corrected, changed, back, where = night.notes
    assert corrected == "saved.csv: 1 cell corrected, where the run had found a fault: investor_type 1"
    assert changed == "saved.csv: 1 cell changed, where the run had found none: display_name 1"
    assert back == f"saved.csv: 1 cell put back, as a spreadsheet alone had changed them: {IR_ID} 1"
    listed = Path(where.rpartition(" ")[2])
    with listed.open(encoding="utf-8-sig", newline="") as file:
        lines = {line["column"]: (line["was"], line["now"], line["what"]) for line in csv.DictReader(file)}
    assert lines == {
        "investor_type": ("Persn", "Person", "corrected"),
        "display_name": ("Zoë Łąka", "Another", "changed"),
        IR_ID: ("0001", "1", "put back"),
    }
    assert listed.stat().st_mode & 0o077 == 0


def test_a_cell_at_fault_is_taken_as_it_was_corrected(tmp_path: Path) -> None:
    night = Night(tmp_path, order(1, 1, {"quantity": "1,000.5"}), "orders")
    path = tmp_path / "saved.csv"
    SAVED["UTF-8 with a mark"](path, night.corrected(quantity="1000.5"))
    assert night.replay(path).rows["accepted"] == 1
    assert "1000.5" in night.held


def test_an_untouched_report_is_replayed_from_where_it_is(tmp_path: Path) -> None:
    night = Night(tmp_path, ROW)
    report = night.replay(night.first.run_dir / "failures.csv")
    assert report.rows["invalid"] == 1
    assert night.notes == []
    assert not list(night.first.run_dir.glob("c*-*.csv"))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 no workbook", b"\xff\xfe\x00", b"_key,_code\n"])
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    night = Night(tmp_path, ROW)
    path = tmp_path / "saved.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"saved\.csv.*(?:failures\.csv of a run|workbook)") as error:
        night.replay(path)
    assert "\n" not in error.value.message


@given(st.text(), st.text())
def test_an_edit_is_no_work_of_a_spreadsheet(was: str, now: str) -> None:
    assert not is_made_by_spreadsheet(was, was)
    assert not is_made_by_spreadsheet(f"Zoë {was}x", f"Ann {now}y")
    assert not is_made_by_spreadsheet("Persn", "Person")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("100", "1000"),
        ("2024-01-02", "02/01/2025"),
        ("2024-01-02", "3/1/2024"),
        ("2024-03-01 10:00", "01/03/2024 11:00"),
        ("A1", "A01"),
        ("Zoë", "Zoe"),
        ("123456789012345678", "123456789012345679"),
        ("", "0"),
        ("1", ""),
    ],
)
def test_another_value_is_no_work_of_a_spreadsheet(was: str, now: str) -> None:
    assert not is_made_by_spreadsheet(was, now)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)


@given(rows=st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=5))
def test_a_workbook_gives_back_every_cell_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("book")
    written = [["_key", "_state", "a"], *rows]
    with (folder / "failures.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(written)
    assert write_workbook(folder / "failures.csv", folder / "failures.xlsx") == len(rows)
    assert list(SavedReport(folder / "failures.xlsx").rows()) == written


def test_a_workbook_of_a_run_is_replayed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "i.csv", [ROW, ROW | {IR_ID: "=1+1"}])
    target = f"sandbox:{tmp_path / 'sandbox.db'}"
    report = load("investor-records", path, target=target, runs=tmp_path / "runs", xlsx=True)
    again = replay(report.run_id, report.run_dir / "failures.xlsx", runs=tmp_path / "runs")
    assert again.rows_read == again.rows[State.INVALID] == 2
    assert PERSON in (again.run_dir / "failures.csv").read_text(encoding="utf-8-sig")


def test_a_cell_that_no_workbook_holds_is_a_warning(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "i.csv", [ROW | {"description": "x" * 40_000}])
    report = load("investor-records", path, target="sandbox", runs=tmp_path / "runs", xlsx=True)
    (warning,) = [each for each in report.warnings if "xlsx" in each]
    assert "longer than a cell of a workbook holds (32,767 characters)" in warning
    assert not (report.run_dir / "failures.xlsx").exists()
