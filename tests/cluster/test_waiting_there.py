"""What workers of a cluster and who loads wait for: LUSID, and what calls on workers returned."""

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from builders import investor, write_csv
from dask_cluster import Future, Workers, far
from scripted_lusid import Call, Reply, ScriptedLusid, done, nothing_there, refused

from connectors.lusid.waiting import Throttle
from pipelines.load import load
from schemas.states import State, Verdict


class Limited:
    """Keeps up to four calls waiting a while; the ninth is refused, and so is whatever comes soon after it.

    What waits then is answered when whoever loads has heard of it.
    """

    def __init__(self) -> None:
        self.refused, self._came, self._opens = 0, 0, 0.0
        self._waiting: list[threading.Event] = []
        self._lock, self.heard = threading.Lock(), threading.Event()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        answered = threading.Event()
        with self._lock:
            self._came += 1
            if self._came == 9:
                self._opens = time.monotonic() + 0.9
            if time.monotonic() < self._opens:
                self.refused += 1
                return Reply(429, refused(status=429).body, headers=(("Retry-After", "1"),))
            if self._came < 9:
                self._waiting.append(answered)
            if len(self._waiting) == 4:
                self._waiting.pop(0).set()
        time.sleep(0.1)  # one that is much slower than others narrows the way
        if not answered.wait(0.2) and time.monotonic() < self._opens:
            self.heard.wait(5)
        return done(call)


def test_a_wait_that_one_worker_is_asked_for_holds_all_of_them(tmp_path: Path, cluster: Workers) -> None:
    """Each worker would otherwise be refused once."""
    path, lusid_says, hold = (
        write_csv(tmp_path / "a.csv", [investor(n) for n in range(80)]),
        Limited(),
        Throttle.hold_all,
    )

    def hold_all(self: Throttle, seconds: float) -> None:
        hold(self, seconds)
        if seconds:
            lusid_says.heard.set()

    with ScriptedLusid(lusid_says) as lusid, pytest.MonkeyPatch.context() as patched:
        patched.setattr(Throttle, "hold_all", hold_all)
        report = load("investor-records", path, runs=tmp_path / "runs", target=lusid.url, **far(cluster, concurrency=4))
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 80)
    assert lusid_says.heard.is_set()
    assert lusid_says.refused == 1


def test_a_result_that_others_have_stopped_fetching_is_fetched_again(tmp_path: Path, cluster: Workers) -> None:
    """Many wait at once, none of them for long: Dask cancels what they share when one has waited long enough."""
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(60)])
    real, told = Future.result, itertools.count(1)

    def result(self: Any, timeout: float | None = None) -> Any:
        if next(told) % 3 == 0:
            raise UnboundLocalError("cannot access local variable 'result'")
        return real(self, timeout)

    def answer(call: Call) -> Reply:
        return nothing_there(call) if call.method == "GET" else done(call)

    with ScriptedLusid(answer) as lusid, pytest.MonkeyPatch.context() as patched:
        patched.setattr(Future, "result", result)
        report = load("investor-records", path, runs=tmp_path / "runs", target=lusid.url, **far(cluster))
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 60)
