"""What a feed held that an earlier version left is known to this one: nothing is sent again, nothing is set back."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import COUNTRY, read_csv, write_csv
from scripted_lusid import Call, Reply, ScriptedLusid, done, nothing_there

from pipelines.feeds.place import FeedPlace
from pipelines.load import load
from pipelines.report.report import Report
from schemas.same_load import place_of

SAMPLES = Path(__file__).parents[1] / "samples" / "feeds"
"""A feed `crm` of format 1, as version 0.1.0 left it: three records accepted on 2026-11-27, with dated properties.

Each format that a version was ever tagged with has a sample of its own here, and never loses it.
"""


class Feed:
    """The feed, where a LUSID of the test takes everything."""

    def __init__(self, place: Path, url: str) -> None:
        self.place, self.url = place, url
        target = place_of(url)
        assert target is not None
        self.at = FeedPlace.of(place / "runs", "crm", "investor-records", "2.1", target)
        self.at.folder.mkdir(parents=True)
        shutil.copy(SAMPLES / "key", place / "runs" / "feeds" / "key")
        shutil.copy(SAMPLES / "crm" / "state.parquet", self.at.state)

    def load(self, rows: list[dict[str, str]], **options: Any) -> Report:
        file = write_csv(self.place / "investors.csv", rows)
        options = {"target": self.url, "runs": self.place / "runs", "feed": "crm", "changed_only": True, **options}
        return load("investor-records", file, **options)


posted: Counter[str] = Counter()


def taking(call: Call) -> Reply:
    """Takes every call, and counts how often each key was sent."""
    if call.method == "GET":
        return nothing_there(call)
    posted.update(call.keys)
    return done(call)


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    posted.clear()
    with ScriptedLusid(taking) as lusid:
        yield Feed(tmp_path, lusid.url)


def kept(report: Report) -> dict[str, int]:
    return {state.value: rows for state, rows in report.rows.items() if rows}


def test_what_an_earlier_version_had_accepted_is_not_sent_again(feed: Feed) -> None:
    rows = read_csv(SAMPLES / "investors.csv")
    rows[1][COUNTRY] = "Sweden"
    report = feed.load(rows, date="2026-11-28")
    assert kept(report) == {"accepted": 1, "unchanged": 2}
    assert dict(posted) == {"IR_0002": 1}


def test_an_older_date_does_not_set_back_what_an_earlier_version_had_accepted(feed: Feed) -> None:
    report = feed.load(read_csv(SAMPLES / "investors.csv"), date="2026-11-26", changed_only=False)
    assert (kept(report), dict(posted)) == ({"outdated": 3}, {})


def test_what_has_left_the_extract_since_is_counted(feed: Feed) -> None:
    report = feed.load(read_csv(SAMPLES / "investors.csv")[:2], date="2026-11-28")
    assert kept(report) == {"unchanged": 2}
    assert any("1 key" in warning for warning in report.warnings), report.warnings
