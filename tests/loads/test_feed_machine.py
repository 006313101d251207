"""Load, crash, resume, replay and backfill a feed in any order: no older date over a newer one, `unchanged` is."""

import os
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from builders import Row, investor, read_csv, write_csv
from dying import DiedError, Dying
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from keeping_lusid import Keeping
from run_checks import check_books, outcomes
from scripted_lusid import Call, Reply, ScriptedLusid, open_at

from connectors.targets import Target
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError
from schemas.states import Verdict

KEYS = 4
DAYS = 4
Contents = st.lists(st.sampled_from(["x", "x", "y", "Refused", ""]), min_size=1, max_size=KEYS)
Crashes = st.none() | st.none() | st.tuples(st.integers(1, 3), st.booleans())
"""No crash, or at which call, and whether after LUSID has done it."""


class Unfinished(NamedTuple):
    """A run that died: its id, its day, and what its rows say by key."""

    run_id: str
    day: int
    said: dict[str, str]


class Feed(RuleBasedStateMachine):
    """The model: which day and content LUSID was given of each key, in the order in which it was.

    Attributes:
        applied: of each key, the day and the content of every request that LUSID took.
        found: of each key, the days for which it was found unchanged, or may have been sent by a run that died.
        day: of the load that is under way.
        unfinished: runs that died.
        rejected: finished runs that have failures, with their day.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._environment = patch.dict(os.environ, FBN_ACCESS_TOKEN="token")
        self._environment.start()
        self.keeping = Keeping()
        self._lusid = ScriptedLusid(self._answer).__enter__()
        self.applied: dict[str, list[tuple[int, str]]] = {}
        self.found: dict[str, list[int]] = {}
        self.day = self.steps = 0
        self.unfinished: list[Unfinished] = []
        self.rejected: list[tuple[str, int]] = []

    def _answer(self, call: Call) -> Reply:
        reply = self.keeping(call)
        if call.method == "POST":
            for key in reply.body["values"]:
                self.applied.setdefault(key, []).append((self.day, call.body[key]["displayName"]))
        return reply

    def teardown(self) -> None:
        self._lusid.__exit__()
        self._environment.stop()
        self._folder.cleanup()

    @property
    def runs(self) -> Path:
        return Path(self._folder.name) / "runs"

    def _ended(self, report: Report, said: dict[str, str]) -> None:
        """What a run says of its keys is true of LUSID."""
        check_books(report)
        for line in outcomes(report.run_dir):
            key, state = line["key"], line["state"]
            given = self.applied.get(key, [])
            if state == "unchanged":
                assert self.keeping.held[key]["displayName"] == said[key]
            elif state == "outdated":
                assert any(day > self.day for day in [*(day for day, _ in given), *self.found.get(key, ())])
            elif state == "accepted" and line["code"] != "ReadBack":
                assert (self.day, said[key]) in given
        if report.verdict is Verdict.REJECTS:
            self.rejected.append((report.run_id, self.day))

    @rule(contents=Contents, day=st.integers(0, DAYS), changed_only=st.booleans(), crash=Crashes)
    def load(self, contents: list[str], day: int, changed_only: bool, crash: tuple[int, bool] | None) -> None:
        self.steps += 1
        self.day = day
        rows = [investor(n, {"display_name": content}) for n, content in enumerate(contents)]
        said = {_key(row): row["display_name"] for row in rows}
        path = write_csv(Path(self._folder.name) / f"extract-{self.steps}.csv", rows)
        options: dict[str, Any] = {"feed": "crm", "date": _date(day), "changed_only": changed_only, "batch_size": 2}
        with open_at(self._lusid.url, "token", retries=0) as target:
            dying: Any = Dying(target.client, crash)
            goal = Target(dying, target.url)
            try:
                report = load("investor-records", path, runs=self.runs, target=goal, concurrency=1, **options)
            except DiedError:
                newest = max(self.runs.glob("*/manifest.json"), key=lambda found: found.stat().st_mtime_ns).parent
                self.unfinished.append(Unfinished(newest.name, day, said))
                for key in said:
                    self.found.setdefault(key, []).append(day)
                return
        self._note_unchanged(report, day)
        self._ended(report, said)

    def _note_unchanged(self, report: Report, day: int) -> None:
        for line in outcomes(report.run_dir):
            if line["state"] == "unchanged":
                self.found.setdefault(line["key"], []).append(day)

    @precondition(lambda self: self.unfinished)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.unfinished))
        self.unfinished.remove(run)
        self.day = run.day
        report = resume(run.run_id, runs=self.runs)
        self._note_unchanged(report, run.day)
        check_books(report)
        if report.verdict is Verdict.REJECTS:
            self.rejected.append((report.run_id, run.day))

    @precondition(lambda self: self.rejected)
    @rule(data=st.data(), content=st.sampled_from(["x", "y", "Refused"]))
    def replay(self, data: st.DataObject, content: str) -> None:
        """A run's failures.csv, corrected, however late."""
        self.steps += 1
        run, self.day = data.draw(st.sampled_from(self.rejected))
        rows = [{**row, "display_name": content} for row in read_csv(self.runs / run / "failures.csv")]
        path = write_csv(Path(self._folder.name) / f"corrected-{self.steps}.csv", rows)
        try:
            report = replay(run, path, runs=self.runs)
        except ConfigError as error:
            assert "has sent it already" in error.message  # noqa: PT017  # a replay has got it in before
            return
        self._note_unchanged(report, self.day)
        self._ended(report, {_key(row): content for row in rows})

    @invariant()
    def no_older_date_went_over_a_newer_one(self) -> None:
        for key, given in self.applied.items():
            days = [day for day, _ in given]
            assert days == sorted(days), (key, given)
            assert self.keeping.held[key]["displayName"] == given[-1][1]


def _key(row: Row) -> str:
    return row["identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"]


def _date(day: int) -> str:
    return (date(2026, 11, 1) + timedelta(days=day)).isoformat()


def _run(examples: int, steps: int) -> None:
    run_state_machine_as_test(Feed, settings=settings(max_examples=examples, stateful_step_count=steps))


@pytest.mark.untraced
def test_a_feed_in_any_order() -> None:
    _run(6, 6)


@pytest.mark.soak
def test_a_feed_in_very_many_orders() -> None:
    _run(150, 30)
