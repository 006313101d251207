"""Load, crash, resume, replay and correct in any order: LUSID holds each key once, as it was last accepted."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from builders import Row, investor, order, read_csv, write_csv
from dying import DiedError, Dying
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from keeping_lusid import Keeping
from run_checks import check_books, outcomes
from scripted_lusid import ScriptedLusid, open_at

from connectors.targets import Target
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError
from schemas.states import Verdict

KEYS = 8
Kinds = st.lists(st.sampled_from(["good", "good", "refused", "invalid"]), min_size=1, max_size=KEYS)
Crashes = st.none() | st.tuples(st.integers(1, 4), st.booleans())
"""No crash, or at which call, and whether after LUSID has done it."""


class Nights(RuleBasedStateMachine):
    """The model: what LUSID must hold by key, and which runs there are.

    Attributes:
        expected: the name or quantity of each key, as it was last accepted.
        unfinished: a run that died, with what its rows say by key.
        rejected: finished runs that have failures.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._environment = patch.dict(os.environ, FBN_ACCESS_TOKEN="token")
        self._environment.start()
        self.keeping = Keeping()
        self._lusid = ScriptedLusid(self.keeping).__enter__()
        self.expected: dict[str, str] = {}
        self.unfinished: dict[str, str] | None = None
        self.rejected: list[str] = []
        self.steps = 0

    def teardown(self) -> None:
        self._lusid.__exit__()
        self._environment.stop()
        self._folder.cleanup()

    @property
    def runs(self) -> Path:
        return Path(self._folder.name) / "runs"

    @initialize(operation=st.sampled_from(["investor-records", "orders"]))
    def start(self, operation: str) -> None:
        self.operation = operation

    def row(self, serial: int, kind: str) -> Row:
        """An order always says the same, for a changed one is another order; a record has another name each time."""
        if self.operation == "orders":
            return order(serial, serial, {"quantity": {"good": "100", "refused": "666", "invalid": "many"}[kind]})
        name = {"good": f"Name {self.steps}", "refused": "Refused", "invalid": ""}[kind]
        return investor(serial, {"display_name": name})

    def said(self, row: Row) -> tuple[str, str]:
        if self.operation == "orders":
            return f"MyScope/{row['order_code']}", row["quantity"]
        return row["identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"], row["display_name"]

    def absorb(self, report: Report, said: dict[str, str]) -> None:
        """The books must balance; what they call accepted is what LUSID must hold."""
        check_books(report)
        for line in outcomes(report.run_dir):
            key = (line["key"] or "").replace("/B", "/O")
            if line["state"] == "accepted":
                self.expected[key] = said[key]
            elif said.get(key) in ("Refused", "666"):
                assert line["state"] == "failed" or self.is_another_order(key, line)
        if report.verdict is Verdict.REJECTS:
            self.rejected.append(report.run_id)

    def is_another_order(self, key: str, line: dict[str, Any]) -> bool:
        """Whether its answer was lost and LUSID holds one of the same name from before: that is for a person to see."""
        said = line["state"] == "unknown" and "not as it was sent" in line["message"]
        return said and self.operation == "orders" and key in self.expected

    @precondition(lambda self: self.unfinished is None)
    @rule(kinds=Kinds, crash=Crashes, senders=st.integers(1, 3))
    def load(self, kinds: list[str], crash: tuple[int, bool] | None, senders: int) -> None:
        self.steps += 1
        rows = [self.row(serial, kind) for serial, kind in enumerate(kinds)]
        said = dict(map(self.said, rows))
        path = write_csv(Path(self._folder.name) / f"extract-{self.steps}.csv", rows)
        with open_at(self._lusid.url, "token", retries=0) as target:
            dying: Any = Dying(target.client, crash)
            several = 1 if crash else senders  # which call a crash meets must not depend on which thread was first
            options: dict[str, Any] = {"target": Target(dying, target.url), "batch_size": 2, "concurrency": several}
            try:
                report = load(self.operation, path, runs=self.runs, **options)
            except DiedError:
                self.unfinished = said
                return
        self.absorb(report, said)

    @precondition(lambda self: self.unfinished is not None)
    @rule()
    def go_on(self) -> None:
        assert self.unfinished is not None
        newest = max(self.runs.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns).parent
        self.absorb(resume(newest.name, runs=self.runs), self.unfinished)
        self.unfinished = None

    @precondition(lambda self: self.rejected and self.unfinished is None)
    @rule(data=st.data())
    def replay_as_it_is(self, data: st.DataObject) -> None:
        """What was refused is refused again, and nothing else is touched."""
        sent = len(self.keeping.sent)
        try:
            report = replay(data.draw(st.sampled_from(self.rejected)), runs=self.runs)
        except ConfigError as error:
            self.in_already(error, sent)
            return
        assert (report.rows["accepted"], report.verdict) == (0, Verdict.REJECTS)  # type: ignore[index]  # a StrEnum
        again = {key.replace("/B", "/O") for keys in self.keeping.sent[sent:] for key in keys}
        assert len(again) <= report.rows_read
        self.absorb(report, {})

    @precondition(lambda self: self.rejected and self.unfinished is None)
    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        """A run's failures.csv, corrected: all of it gets in."""
        self.steps += 1
        run = data.draw(st.sampled_from(self.rejected))
        rows = [
            {**row, "quantity": "100"} if self.operation == "orders" else {**row, "display_name": f"Name {self.steps}"}
            for row in read_csv(self.runs / run / "failures.csv")
        ]
        path = write_csv(Path(self._folder.name) / f"corrected-{self.steps}.csv", rows)
        sent = len(self.keeping.sent)
        try:
            report = replay(run, path, runs=self.runs)
        except ConfigError as error:
            self.in_already(error, sent)
            return
        assert report.verdict is Verdict.COMPLETE
        self.absorb(report, dict(map(self.said, rows)))

    def in_already(self, error: ConfigError, sent: int) -> None:
        """A correction has got it in before: nothing is sent twice."""
        assert "has sent it already" in error.message
        assert len(self.keeping.sent) == sent

    @invariant()
    def lusid_holds_what_was_last_accepted(self) -> None:
        assert self.keeping.conflicts == []
        if self.unfinished is None:
            member = "quantity" if getattr(self, "operation", "") == "orders" else "displayName"
            assert {key: str(each[member]) for key, each in self.keeping.held.items()} == self.expected


@pytest.mark.untraced
def test_nights_in_any_order() -> None:
    run_state_machine_as_test(Nights, settings=settings(max_examples=12, stateful_step_count=8))


@pytest.mark.soak
def test_very_many_nights_in_any_order() -> None:
    run_state_machine_as_test(Nights, settings=settings(max_examples=100, stateful_step_count=30))
