"""Load, clear, crash, resume, replay and backfill a feed in any order: LUSID ends as the rows said that it took.

Each applied once, and no older date over a newer one.
"""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
import requests
from builders import COUNTRY, PERSON, Row, investor, read_csv, write_csv
from dying import DiedError, Dying
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from run_checks import check_books, outcomes
from sandbox_api import get
from scripted_lusid import Reply, ScriptedLusid, open_at

from connectors.sandbox.server import Sandbox
from connectors.targets import Target
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError
from schemas.states import Verdict

KEYS = 4
DAYS = 4
TIER = "property:InvestorRecord/Details/Tier"
TOKEN = "token"


class Cells(NamedTuple):
    """What a row says: a country of `-` clears it and none leaves it alone; no tier clears it."""

    name: str
    country: str
    tier: str

    def applied_to(self, held: "Held | None") -> "Held":
        """What LUSID holds once it has taken the row's request."""
        kept = held.country if held else None
        country = {"": kept, "-": None}.get(self.country, self.country)
        return Held(self.name, country, self.tier or None)


class Held(NamedTuple):
    """What LUSID holds of a record."""

    name: str
    country: str | None
    tier: str | None


REFUSED, INVALID = Cells("Refused", "-", "silver"), Cells("", "", "gold")
Said = st.sampled_from(
    [
        Cells("x", "Norway", "gold"),
        Cells("x", "", "gold"),
        Cells("x", "-", "gold"),
        Cells("x", "Norway", ""),
        Cells("y", "", ""),
        REFUSED,
        INVALID,
    ]
)
Contents = st.lists(Said, min_size=1, max_size=KEYS)
Crashes = st.none() | st.none() | st.tuples(st.integers(1, 3), st.booleans())
"""No crash, or at which call, and whether after LUSID has done it."""


class Unfinished(NamedTuple):
    """A run that died: its id, its day, and what its rows say by key."""

    run_id: str
    day: int
    said: dict[str, Cells]


class Recording(ScriptedLusid):
    """Passes every call on to a sandbox, and tells of the keys that it took."""

    def __init__(self, sandbox: Sandbox, took: Callable[[list[str]], None]) -> None:
        super().__init__(lambda _: Reply())
        self._root, self._took = sandbox.url.removesuffix("/api"), took

    def answer(self, method: str, target: str, content: bytes) -> Reply:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        answer = requests.request(method, self._root + target, data=content, headers=headers, timeout=30)
        if method == "POST" and answer.ok:
            self._took([*answer.json()["values"]])
        return Reply(answer.status_code, answer.content)


class Feed(RuleBasedStateMachine):
    """The model: what the rows of each key said that LUSID took, in the order in which it did.

    Attributes:
        applied: of each key, the day and the row of every request that LUSID took.
        held: what that makes of each key.
        found: of each key, the days for which it was found unchanged, or may have been sent by a run that died.
        day: of the load that is under way.
        said: what its rows say, by key.
        unfinished: runs that died.
        rejected: finished runs that have failures, with their day.
    """

    def __init__(self) -> None:
        super().__init__()
        self._opened = ExitStack()
        self._folder = Path(self._opened.enter_context(TemporaryDirectory()))
        self._opened.enter_context(patch.dict(os.environ, FBN_ACCESS_TOKEN=TOKEN))
        known = self._folder / "known.json"
        known.write_text(json.dumps({"persons": {PERSON.partition(":")[2]: [_person(n) for n in range(KEYS)]}}))
        self._sandbox = self._opened.enter_context(Sandbox(token=TOKEN, known=str(known)))
        self._lusid = self._opened.enter_context(Recording(self._sandbox, self._took))
        self._mapping = self._folder / "mapping.json"
        columns: dict[str, Any] = {name: name for name in _row(0, REFUSED)}
        columns |= {COUNTRY: {"column": COUNTRY, "clear": "-"}, TIER: {"column": TIER, "empty": "clear"}}
        self._mapping.write_text(json.dumps({"operation": "investor-records", "columns": columns}))
        self.applied: dict[str, list[tuple[int, Cells]]] = {}
        self.held: dict[str, Held] = {}
        self.found: dict[str, list[int]] = {}
        self.said: dict[str, Cells] = {}
        self.day = self.steps = 0
        self.unfinished: list[Unfinished] = []
        self.rejected: list[tuple[str, int]] = []

    def _took(self, keys: list[str]) -> None:
        for key in keys:
            said = self.said[key]
            self.applied.setdefault(key, []).append((self.day, said))
            self.held[key] = said.applied_to(self.held.get(key))

    def teardown(self) -> None:
        self._opened.close()

    @property
    def runs(self) -> Path:
        return self._folder / "runs"

    def _ended(self, report: Report) -> None:
        """What a run says of its keys is true of LUSID."""
        check_books(report)
        for line in outcomes(report.run_dir):
            key, state = line["key"], line["state"]
            given = self.applied.get(key, [])
            if state == "unchanged":
                assert self.said[key].applied_to(self.held[key]) == self.held[key]
            elif state == "failed":
                assert self.said[key] == REFUSED
            elif state == "outdated":
                assert any(day > self.day for day in [*(day for day, _ in given), *self.found.get(key, ())])
            elif state == "accepted" and line["code"] != "ReadBack":
                assert (self.day, self.said[key]) in given
        if report.verdict is Verdict.REJECTS:
            self.rejected.append((report.run_id, self.day))

    @rule(contents=Contents, day=st.integers(0, DAYS), changed_only=st.booleans(), crash=Crashes)
    def load(self, contents: list[Cells], day: int, changed_only: bool, crash: tuple[int, bool] | None) -> None:
        self.steps += 1
        self.day = day
        rows = [_row(n, cells) for n, cells in enumerate(contents)]
        self.said = {_key(row): cells for row, cells in zip(rows, contents, strict=True)}
        path = write_csv(self._folder / f"extract-{self.steps}.csv", rows)
        options: dict[str, Any] = {"feed": "crm", "date": _date(day), "changed_only": changed_only, "batch_size": 2}
        options |= {"mapping": self._mapping}
        with open_at(self._lusid.url, TOKEN, retries=0) as target:
            dying: Any = Dying(target.client, crash)
            goal = Target(dying, target.url)
            try:
                report = load("investor-records", path, runs=self.runs, target=goal, concurrency=1, **options)
            except DiedError:
                newest = max(self.runs.glob("*/manifest.json"), key=lambda found: found.stat().st_mtime_ns).parent
                self.unfinished.append(Unfinished(newest.name, day, self.said))
                for key in self.said:
                    self.found.setdefault(key, []).append(day)
                return
        self._note_unchanged(report, day)
        self._ended(report)

    def _note_unchanged(self, report: Report, day: int) -> None:
        for line in outcomes(report.run_dir):
            if line["state"] == "unchanged":
                self.found.setdefault(line["key"], []).append(day)

    @precondition(lambda self: self.unfinished)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.unfinished))
        self.unfinished.remove(run)
        self.day, self.said = run.day, run.said
        report = resume(run.run_id, runs=self.runs)
        self._note_unchanged(report, run.day)
        check_books(report)
        if report.verdict is Verdict.REJECTS:
            self.rejected.append((report.run_id, run.day))

    @precondition(lambda self: self.rejected)
    @rule(data=st.data(), said=Said.filter(lambda cells: cells != INVALID))
    def replay(self, data: st.DataObject, said: Cells) -> None:
        """A run's failures.csv, corrected, however late."""
        self.steps += 1
        run, self.day = data.draw(st.sampled_from(self.rejected))
        failed = read_csv(self.runs / run / "failures.csv")
        self.said = {_key(row): said for row in failed}
        rows = [row | _row(int(_key(row)[-1]), said) for row in failed]
        path = write_csv(self._folder / f"corrected-{self.steps}.csv", rows)
        try:
            report = replay(run, path, runs=self.runs)
        except ConfigError as error:
            assert "has sent it already" in error.message  # noqa: PT017  # a replay has got it in before
            return
        self._note_unchanged(report, self.day)
        self._ended(report)

    @invariant()
    def no_older_date_went_over_a_newer_one(self) -> None:
        for key, given in self.applied.items():
            days = [day for day, _ in given]
            assert days == sorted(days), (key, given)

    @invariant()
    def lusid_holds_what_the_rows_said_that_it_took(self) -> None:
        assert _held(self._sandbox) == self.held


def _held(sandbox: Sandbox) -> dict[str, Held]:
    """What the sandbox holds, read as anybody reads it."""
    found = {}
    for record in get(sandbox, "investorrecords").json()["values"]:
        (identifier,) = record["identifiers"].values()
        labels = {key: entry["value"]["labelValue"] for key, entry in record["properties"].items()}
        country, tier = (labels.pop(name.partition(":")[2], None) for name in (COUNTRY, TIER))
        assert not labels
        found[identifier["value"]["labelValue"]] = Held(record["displayName"], country, tier)
    return found


def _row(serial: int, said: Cells) -> Row:
    """A row; one that is to be refused is about somebody whom LUSID does not know."""
    person = "Nobody" if said == REFUSED else _person(serial)
    return investor(serial, {"display_name": said.name, PERSON: person, COUNTRY: said.country, TIER: said.tier})


def _person(serial: int) -> str:
    return f"P{serial:04d}"


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
    _run(200, 40)
