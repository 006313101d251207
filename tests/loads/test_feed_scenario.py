"""docs/feeds.md, "A night, and a bad one", as it happens: 200 records in a sandbox, and what is sent each time."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import Row, read_csv, write_csv
from desk import Desk, desk
from run_checks import check_books

from pipelines.replay import replay
from pipelines.report.report import Report
from schemas.states import Verdict

COUNT = 200
COLUMNS: dict[str, Any] = {
    "identifier:InvestorRecord/Ext/Id": "id",
    "display_name": "name",
    "investor_type": {"constant": "Person"},
    "investor:Person/Hr/Id": "id",
    "property:InvestorRecord/D/Country": {"column": "country", "empty": "clear"},
}


def people(
    names: dict[int, str] | None = None, without: Collection[int] = (), blank: Collection[int] = ()
) -> list[Row]:
    """All records but some, some with other names, some without a country."""
    return [
        {"id": f"K{n:03d}", "name": (names or {}).get(n, f"Name {n}"), "country": "" if n in blank else "Norway"}
        for n in range(COUNT)
        if n not in without
    ]


class Nights:
    """The loads of one feed into one sandbox."""

    def __init__(self, at: Desk) -> None:
        self._at = at

    def load(self, day: int, rows: list[Row], **options: Any) -> Report:
        path = write_csv(self._at.folder / "extract.csv", rows)
        given = {"feed": "crm", "date": f"2026-11-0{day}", "batch_size": 50, **options}
        report = self._at.load("investor-records", path, {"columns": COLUMNS}, **given)
        check_books(report)
        return report

    def replay(self, run: Report, name: str) -> Report:
        rows = [row | {"name": name} for row in read_csv(run.run_dir / "failures.csv")]
        return replay(run.run_id, write_csv(self._at.folder / "corrected.csv", rows), runs=run.run_dir.parent)

    @property
    def held(self) -> dict[str, tuple[str, bool]]:
        """Name, and whether there is a country, of each record."""
        return {key: (each["displayName"], bool(each["properties"])) for key, each in self._at.records().items()}


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    with desk(tmp_path) as at:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", at.sandbox.access_token)
        yield Nights(at)


def some(report: Report) -> dict[str, int]:
    return {state.value: n for state, n in report.rows.items() if n}


def test_a_night_and_a_bad_one(nights: Nights) -> None:
    first = nights.load(1, people({7: ""}))
    assert some(first) == {"accepted": COUNT - 1, "invalid": 1}

    second_day = people({3: "New 3", 7: "New 7"}, without={8, 9}, blank={4, 5})
    second = nights.load(2, second_day, changed_only=True)
    assert some(second) == {"accepted": 4, "unchanged": COUNT - 6}
    assert [row["_key"] for row in read_csv(second.run_dir / "vanished.csv")] == ["K008", "K009"]
    after = nights.held
    assert after["K003"] == ("New 3", True)
    assert after["K004"] == ("Name 4", False)
    assert after["K008"] == ("Name 8", True), "nothing is deleted"

    blanked = nights.load(3, people(blank=set(range(COUNT * 3 // 10))), max_clear="20%", changed_only=True)
    assert blanked.verdict is Verdict.STOPPED
    assert "would lose a value, more than --max-clear 20% allows" in blanked.warnings[0]
    halved = nights.load(3, people(without=set(range(COUNT // 2))), max_vanished="10%", changed_only=True)
    assert halved.verdict is Verdict.STOPPED
    assert "keys of the feed are not in the extract, more than --max-vanished 10% allows" in halved.warnings[0]
    assert nights.held == after
    assert some(nights.load(2, second_day, changed_only=True)) == {"unchanged": COUNT - 2}, "the feed is as it was"

    assert set(some(nights.load(1, people()))) == {"outdated", "accepted"}, "what day 2 has not got"
    assert some(nights.replay(first, "Late 7")) == {"outdated": 1}
    assert nights.held == after

    full = nights.load(4, second_day, changed_only=True, full=True)
    assert some(full) == {"accepted": COUNT - 2}
    assert nights.held == after
    assert some(nights.load(5, second_day, changed_only=True)) == {"unchanged": COUNT - 2}
