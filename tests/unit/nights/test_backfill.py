"""Nights of past dates: which are loaded, which are done already, and where a backfill stops."""

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import investor, write_csv

from connectors.targets import SANDBOX
from pipelines.nights.backfill import BackfillReport, backfill
from pipelines.nights.dates import dated_folders as folders_of_range
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.options import Progress
from pipelines.report.html import write_html
from schemas.errors import ConfigError, UnreachableError
from schemas.nights.rules import NightRules
from schemas.states import State, Verdict

THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY = (date(2026, 11, day) for day in (19, 20, 21, 22, 23))


def dated_folders(pattern: str, first: date, last: date) -> list[tuple[date, Path]]:
    """The folders of a range with ordinary weekends."""
    return folders_of_range(pattern, first, last, NightRules().closed)


class Backfills(Progress):
    """Backfills of one place: dated folders, runs, a sandbox that lasts, and what was said."""

    def __init__(self, place: Path) -> None:
        self.place, self.runs = place, place / "runs"
        self.target = f"{SANDBOX}:{place / 'lusid.db'}"
        self.pattern = str(place / "{date:%Y%m%d}")
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def extract(self, day: date, *rows: dict[str, str]) -> Path:
        folder = Path(self.pattern.format(date=day))
        folder.mkdir(exist_ok=True)
        return write_csv(folder / "investors.csv", rows or [investor(day.day)])

    def run(self, **options: Any) -> BackfillReport:
        """From Thursday to Monday."""
        settings = {"target": self.target, "runs": self.runs, "progress": self, **options}
        return backfill(self.pattern, THURSDAY, MONDAY, **settings)


@pytest.fixture
def place(tmp_path: Path) -> Backfills:
    found = Backfills(tmp_path)
    for day in (THURSDAY, FRIDAY, MONDAY):
        found.extract(day)
    return found


def days(report: BackfillReport) -> list[date]:
    return [day for day, _ in report.nights]


def failing_on(day: date, fail: Callable[[NightlyReport], NightlyReport]) -> Any:
    def night(folder: Path, **options: Any) -> NightlyReport:
        report = nightly(folder, **options)
        return fail(report) if folder.name == f"{day:%Y%m%d}" else report

    return night


def stopped(night: NightlyReport) -> NightlyReport:
    return replace(night, reports=tuple(replace(r, verdict=Verdict.STOPPED) for r in night.reports))


def test_business_dates_are_loaded_in_order_into_one_target(place: Backfills) -> None:
    report = place.run(target="sandbox")
    assert days(report) == [THURSDAY, FRIDAY, MONDAY]
    assert [n.reports[0].rows[State.ACCEPTED] for _, n in report.nights] == [1, 1, 1]
    assert (report.exit_code, report.done_before, report.not_started) == (0, (), ())
    assert f"2026-11-19: {place.place / '20261119'}" in place.notes


def test_a_weekend_is_loaded_where_it_has_a_folder(place: Backfills) -> None:
    place.extract(SUNDAY)
    assert days(place.run()) == [THURSDAY, FRIDAY, SUNDAY, MONDAY]


def test_every_missing_folder_is_named_before_anything_is_sent(place: Backfills) -> None:
    with pytest.raises(ConfigError) as refused:
        backfill(place.pattern, date(2026, 11, 17), date(2026, 11, 24), target=place.target, runs=place.runs)
    missing = ", ".join(str(place.place / name) for name in ("20261117", "20261118", "20261124"))
    assert refused.value.message == f"business dates without a folder: {missing}"
    assert not place.runs.exists()


def test_a_long_list_of_missing_folders_is_cut(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"20260114 and 12 more$"):
        dated_folders(str(tmp_path / "{date:%Y%m%d}"), date(2026, 1, 1), date(2026, 1, 31))


def test_a_date_without_an_extract_is_refused_before_anything_is_sent(place: Backfills) -> None:
    (place.place / "20261123" / "investors.csv").unlink()
    with pytest.raises(ConfigError, match="20261123 holds no extract"):
        place.run()
    assert not place.runs.exists()


@pytest.mark.parametrize("pattern", ["/extracts", "/extracts/{day}", "/x/{date", "/x/{0}", "/x/{date.nope}", "/{}"])
def test_a_pattern_that_does_not_hold_the_date_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError) as refused:
        dated_folders(pattern, THURSDAY, FRIDAY)
    assert refused.value.message == f"{pattern}: the pattern must hold the date, as in /extracts/{{date:%Y%m%d}}"


def test_a_range_that_is_empty_is_refused(tmp_path: Path) -> None:
    pattern = str(tmp_path / "{date}")
    with pytest.raises(ConfigError, match="2026-11-20 is after 2026-11-19"):
        dated_folders(pattern, FRIDAY, THURSDAY)
    with pytest.raises(ConfigError, match="there is no business date and no folder"):
        dated_folders(pattern, SATURDAY, SUNDAY)


def test_dates_that_earlier_runs_finished_are_skipped(place: Backfills) -> None:
    place.extract(FRIDAY, investor(20), investor(21, {"display_name": ""}))
    assert place.run().exit_code == 3
    second = place.run()
    assert (days(second), second.done_before) == ([], (THURSDAY, FRIDAY, MONDAY))
    assert second.exit_code == 0
    assert "2026-11-20: finished by an earlier run, so it is not loaded again" in place.notes
    assert days(place.run(again=True)) == [THURSDAY, FRIDAY, MONDAY]


def test_a_date_whose_extract_changed_is_loaded_again(place: Backfills) -> None:
    place.run()
    place.extract(FRIDAY, investor(20, {"display_name": "Corrected"}))
    assert days(place.run()) == [FRIDAY]


def test_a_date_with_an_extract_that_was_not_there_is_loaded_again(place: Backfills) -> None:
    place.run()
    place.extract(FRIDAY).with_name("investors_late.csv").write_bytes(place.extract(MONDAY).read_bytes())
    assert days(place.run()) == [FRIDAY]


def test_the_same_content_on_another_date_is_not_done(place: Backfills) -> None:
    place.run()
    place.extract(SATURDAY).write_bytes(place.extract(THURSDAY).read_bytes())
    assert days(place.run()) == [SATURDAY]


def test_a_date_whose_mapping_changed_is_loaded_again(place: Backfills) -> None:
    place.run()
    header = (place.place / "20261120" / "investors.csv").read_text().splitlines()[0].split(",")
    lines = ["operation: investor-records", "columns:", *(f'  "{name}": "{name}"' for name in header)]
    (place.place / "20261120" / "investor-records.yaml").write_text("\n".join(lines))
    assert days(place.run()) == [FRIDAY]
    assert days(place.run()) == []


def test_a_date_loaded_into_another_target_is_not_done(place: Backfills) -> None:
    place.run()
    other = f"{SANDBOX}:{place.place / 'other.db'}"
    assert days(place.run(target=other)) == [THURSDAY, FRIDAY, MONDAY]


def test_a_dry_run_and_a_sandbox_in_memory_finish_nothing(place: Backfills) -> None:
    for options in ({"dry_run": True}, {"target": SANDBOX}):
        assert days(place.run(**options)) == [THURSDAY, FRIDAY, MONDAY]
        assert days(place.run(**options)) == [THURSDAY, FRIDAY, MONDAY]
    assert days(place.run()) == [THURSDAY, FRIDAY, MONDAY]


def test_the_first_date_that_stops_ends_the_backfill_and_the_next_one_resumes_there(place: Backfills) -> None:
    def cut(night: NightlyReport) -> NightlyReport:
        for report in night.reports:
            manifest = report.run_dir / "manifest.json"
            manifest.write_text(manifest.read_text().replace('"complete"', '"stopped"'))
        return stopped(night)

    first = place.run(night=failing_on(FRIDAY, cut))
    assert (days(first), first.not_started, first.exit_code) == ([THURSDAY, FRIDAY], (MONDAY,), 4)
    second = place.run()
    assert (days(second), second.done_before, second.exit_code) == ([FRIDAY, MONDAY], (THURSDAY,), 0)


def test_an_error_in_a_night_ends_the_backfill_with_its_exit_code(place: Backfills) -> None:
    def fail(night: NightlyReport) -> NightlyReport:
        return replace(night, error=UnreachableError("gone"))

    report = place.run(night=failing_on(FRIDAY, fail))
    assert (days(report), report.not_started, report.exit_code) == ([THURSDAY, FRIDAY], (MONDAY,), 4)


def test_an_extract_without_a_row_ends_the_backfill_there_and_earlier_nights_are_reported(place: Backfills) -> None:
    path = place.extract(FRIDAY)
    path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    report = place.run()
    assert (days(report), report.not_started, report.exit_code) == ([THURSDAY, FRIDAY], (MONDAY,), 2)
    says = "pass min_rows=0, or put `expect: {min_rows: 0}` into the mapping, if that is meant"
    assert [[*map(str, night.refused)] for _, night in report.nights] == [
        [],
        [f"investor-records: {path} holds no row: {says}"],
    ]
    report = place.run(expect={"min_rows": 0})
    assert (days(report), report.done_before, report.exit_code) == ([FRIDAY, MONDAY], (THURSDAY,), 0)


def test_the_first_date_of_the_calendar_has_none_before_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^business dates without a folder: .*/x10101$"):
        dated_folders(f"{tmp_path}/x{{date:%Y%m%d}}", date.min, date.min)


def test_the_document_gives_each_night_by_its_date(place: Backfills) -> None:
    place.run(night=failing_on(FRIDAY, stopped))
    report = place.run(night=failing_on(MONDAY, stopped))
    (night,) = [night for _, night in report.nights]
    assert report.document("backfill again").as_json() == {
        "verdict": "stopped",
        "colour": "red",
        "target": place.target,
        "exit_code": 4,
        "nights": [night.document("backfill again").as_json()],
        "next": "backfill again",
        "done_before": ["2026-11-19", "2026-11-20"],
        "not_started": [],
    }


def test_an_interrupt_that_a_night_outlives_ends_the_backfill(
    place: Backfills, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_html
    signals = [signal.SIGINT]

    def interrupted(*given: Any) -> None:
        if signals:
            signal.raise_signal(signals.pop())
        whole(*given)

    monkeypatch.setattr("pipelines.loading.run.write_html", interrupted)
    report = place.run()
    assert (days(report), report.not_started, report.exit_code) == ([THURSDAY], (FRIDAY, MONDAY), 4)
    report = place.run()
    assert (report.done_before, days(report), report.exit_code) == ((THURSDAY,), [FRIDAY, MONDAY], 0)


def test_a_backfill_behind_a_feed_says_so_first_and_sets_nothing_back(place: Backfills) -> None:
    (place.place / "night.yaml").write_text("feeds: {investor-records: crm}\n")
    for day in (THURSDAY, FRIDAY, MONDAY):
        place.extract(day, investor(1, {"display_name": str(day)}))
    assert place.run().exit_code == 0
    place.notes.clear()
    again = place.run(again=True)
    assert [{s.value: n for s, n in night.reports[0].rows.items() if n} for _, night in again.nights] == [
        {"outdated": 1},
        {"outdated": 1},
        {"accepted": 1},
    ]
    assert place.notes[0] == (
        f"2 dates lie before {MONDAY}, which feed crm has loaded: what later dates set stays (`outdated`); "
        "--even-if-newer sends it all the same"
    )
