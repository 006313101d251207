"""What stops a run stops its waits for LUSID too, and nothing of the load that follows."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import investor, write_csv
from pydantic import SecretStr
from run_checks import check_books, states
from scripted_lusid import Call, Reply, ScriptedLusid, done, refused

from connectors.lusid.client import LusidClient
from connectors.lusid.listing import list_by_codes
from connectors.lusid.settings import LusidSettings
from connectors.targets import Target
from pipelines.deliver.limits import BREAKER, Brake
from pipelines.load import load
from pipelines.report.report import Report
from schemas.errors import AuthError, RetryableError
from schemas.settings import LoadSettings

LONG = 20
"""Seconds that nobody would wait for in this test."""

Rule = Callable[[Call], Reply]


@contextmanager
def patient(rule: Rule) -> Iterator[Target]:
    """A LUSID, and a client that waits as in earnest."""
    with ScriptedLusid(rule) as lusid:
        settings = LusidSettings(lusid_url=lusid.url, access_token=SecretStr("token"))
        with LusidClient(settings, retries=1) as client:
            client.follow(LoadSettings(patience=LONG))
            yield Target(client, lusid.url)


def run(target: Target, folder: Path, count: int = 6) -> Report:
    """A load of records, one in each call, two calls at once."""
    path = write_csv(folder / "investors.csv", [investor(n) for n in range(count)])
    report = load("investor-records", path, target=target, runs=folder / "runs", batch_size=1, concurrency=2)
    check_books(report)
    return report


THROTTLED = refused(status=429)
WAITS: dict[str, tuple[Rule, str]] = {
    "LUSID asked for it": (lambda _: Reply(429, THROTTLED.body, headers=(("Retry-After", str(LONG)),)), "not_sent"),
    "it backs off": (lambda _: Reply(cut=True), "unknown"),
}


@pytest.mark.parametrize("why", WAITS)
def test_a_call_that_waits_is_given_up_when_another_is_locked_out(tmp_path: Path, why: str) -> None:
    wait, state = WAITS[why]
    both = threading.Event()

    def rule(call: Call) -> Reply:
        if "IR_0000" in call.keys:
            both.wait(10)
            return wait(call)
        both.set()
        time.sleep(0.3)  # until the other waits to be repeated
        return refused(status=403)

    started = time.monotonic()
    with patient(rule) as target:
        report = run(target, tmp_path)
    assert time.monotonic() - started < LONG / 2
    assert report.exit_code == 4
    assert states(report) == {f"IR_{n:04d}": "not_sent" if n else state for n in range(6)}


def test_what_stopped_one_load_does_not_stop_the_next_into_the_same_lusid(tmp_path: Path) -> None:
    turned_away = [Reply(503, {}, headers=(("Retry-After", "0"),))]
    locked_out = True

    def rule(call: Call) -> Reply:
        if locked_out:
            return refused(status=403)
        return turned_away.pop() if turned_away else done(call)

    with patient(rule) as target:
        assert run(target, tmp_path).exit_code == 4
        locked_out = False
        report = run(target, tmp_path)
    assert (report.exit_code, report.retries) == (0, 1)


def test_what_stopped_a_load_does_not_stop_what_is_read_after_it(tmp_path: Path) -> None:
    """A trading day lists what follows from a load; its budget was spent by the last call, so the day goes on."""
    turned_away = [Reply(429, THROTTLED.body, headers=(("Retry-After", "0"),))]

    def rule(call: Call) -> Reply:
        if call.method == "POST":
            return Reply(
                body={"values": {}, "failed": {key: {"type": "XFailure", "detail": "no"} for key in call.body}}
            )
        return turned_away.pop() if turned_away else Reply(200, {"values": []})

    path = write_csv(tmp_path / "investors.csv", [investor(1)])
    with patient(rule) as target:
        report = load("investor-records", path, target=target, runs=tmp_path / "runs", max_failures=0)
        assert report.exit_code == 3
        assert list(list_by_codes(target.client, "executions", "id.code", {"S/1"})) == []
    assert not turned_away


def test_the_first_reason_stays_and_ends_the_waits() -> None:
    waits = threading.Event()
    waits.set()
    brake = Brake(waits)
    assert not waits.is_set()
    for _ in range(BREAKER - 1):
        brake.lost(RetryableError("no answer"))
    assert not waits.is_set()
    brake.stop(AuthError("out"))
    brake.lost(RetryableError("no answer"))
    assert waits.is_set()
    assert brake.error is not None
    assert brake.error.message == "out"
