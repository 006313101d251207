"""A night that is continued: what is done is skipped, what stopped is resumed, and the rest follows."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import account, investor, order, read_csv, write_csv
from run_checks import check_books
from scripted_lusid import Call, Reply, ScriptedLusid, done, nothing_there, refused, sandbox

from pipelines.load import carry_out
from pipelines.loading.spec import LoadSpec
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.nights.trading_day import trading_day
from pipelines.options import Progress
from pipelines.report.report import Report
from pipelines.resume import resume
from pipelines.sample.day import write_day
from schemas.errors import AuthError
from schemas.states import State, Verdict

ROOT = Path(__file__).parents[3]


class Heard(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Door:
    """Takes calls until one path is locked; counts what came through."""

    def __init__(self) -> None:
        self.locked = ""
        self.let = 0
        self.posted: Counter[str] = Counter()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        if self.locked and self.locked in call.path:
            if not self.let:
                return refused(status=403)
            self.let -= 1
        self.posted.update(call.keys)
        return done(call)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")


@pytest.fixture(name="night")
def folder(tmp_path: Path) -> Path:
    """Four investors, one of them without a name; an account for each; four orders."""
    folder = tmp_path / "night"
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(n, {"display_name": "" if n == 3 else "A"}) for n in range(4)])
    write_csv(folder / "accounts.csv", [account(n, n) for n in range(4)])
    write_csv(folder / "orders.csv", [order(n, n) for n in range(4)])
    return folder


def loaded(night: Path, target: str, heard: Progress | None = None, **options: Any) -> NightlyReport:
    options = {"batch_size": 1, "concurrency": 1, "runs": night.parent / "runs", **options}
    return nightly(night, progress=heard, target=target, **options)


def test_the_same_night_again_finishes_one_that_stopped(night: Path) -> None:
    door, heard = Door(), Heard()
    door.locked, door.let = "investmentaccounts", 1
    with ScriptedLusid(door) as lusid:
        first = loaded(night, lusid.url)
        assert [r.verdict for r in first.reports] == [Verdict.REJECTS, Verdict.STOPPED]
        door.locked = ""
        second = loaded(night, lusid.url, heard)
    records, accounts = first.reports
    assert [r.run_id for r in second.reports][:2] == [records.run_id, accounts.run_id]
    assert [r.verdict for r in second.reports] == [Verdict.REJECTS, Verdict.REJECTS, Verdict.COMPLETE]
    assert second.exit_code == 3
    assert second.reports[1].rows[State.HELD] == 1
    for report in second.reports:
        check_books(report)
    assert set(door.posted.values()) == {1}, "nothing that was settled is sent again"
    assert len(door.posted) == 3 + 3 + 4
    assert heard.notes == [
        f"investor-records: {records.run_id} has loaded this extract, so it is not loaded again",
        f"investment-accounts: resuming {accounts.run_id} (stopped)",
    ]


def test_what_failed_before_a_night_stopped_holds_rows_when_it_is_continued(night: Path) -> None:
    """The accounts are another file by now and loaded anew; which investors failed, only the stopped run knows."""
    write_csv(night / "orders.csv", [order(n, n) for n in range(2)])
    door = Door()
    door.locked = "createorders"
    with ScriptedLusid(door) as lusid:
        assert [r.verdict for r in loaded(night, lusid.url).reports][-1] is Verdict.STOPPED
        door.locked = ""
        write_csv(night / "accounts.csv", [account(n, n) for n in range(3, 5)])
        second = loaded(night, lusid.url)
    assert [r.operation for r in second.reports] == ["investor-records", "investment-accounts", "orders"]
    assert (second.reports[1].rows[State.HELD], second.reports[1].rows[State.ACCEPTED]) == (1, 1)


def test_a_night_that_stopped_in_a_sandbox_in_memory_is_loaded_anew(night: Path) -> None:
    """What it had loaded is gone with it."""
    heard = Heard()
    first = loaded(night, "sandbox", max_failures="0")
    assert [(r.operation, r.verdict) for r in first.reports] == [
        ("investor-records", Verdict.STOPPED),
        ("orders", Verdict.COMPLETE),
    ]
    second = loaded(night, "sandbox", heard)
    assert [r.operation for r in second.reports] == ["investor-records", "investment-accounts", "orders"]
    assert first.reports[0].run_id not in {r.run_id for r in second.reports}
    assert heard.notes == []


@pytest.mark.parametrize("how", ["finished", "again", "other mode", "no mark"])
def test_a_night_with_nothing_to_continue_is_loaded_anew(night: Path, how: str) -> None:
    door, heard = Door(), Heard()
    door.locked = "" if how == "finished" else "investmentaccounts"
    with ScriptedLusid(door) as lusid:
        first = loaded(night, lusid.url)
        door.locked = ""
        assert len(marks(night)) == (how != "finished")
        if how == "no mark":
            marks(night)[0].write_text("{")
        changes: dict[str, dict[str, Any]] = {"again": {"again": True}, "other mode": {"mode": "Atomic"}}
        second = loaded(night, lusid.url, heard, **changes.get(how, {}))
    assert heard.notes == []
    assert not {r.run_id for r in first.reports} & {r.run_id for r in second.reports}
    assert len(second.reports) == 3
    assert marks(night) == []


def marks(night: Path) -> list[Path]:
    """The marks of nights that are not over."""
    return list((night.parent / "runs").glob("night-*.json"))


@pytest.mark.parametrize("how", ["its header", "its content"])
def test_a_night_continues_with_an_extract_that_was_refused_and_then_corrected(night: Path, how: str) -> None:
    """What failed in the loads before is still known: children are held, though their own load had no run yet."""
    door, heard, text = Door(), Heard(), (night / "accounts.csv").read_text()
    (night / "accounts.csv").write_text(f"x{text}" if how == "its header" else text.split("\n")[0])
    with ScriptedLusid(door) as lusid:
        first = loaded(night, lusid.url)
        assert (first.exit_code, [r.operation for r in first.reports]) == (2, ["investor-records", "orders"])
        (night / "accounts.csv").write_text(text)
        second = loaded(night, lusid.url, heard)
    assert second.reports[0].run_id == first.reports[0].run_id
    assert [r.rows[State.HELD] for r in second.reports] == [0, 1, 0]
    assert set(door.posted.values()) == {1}
    assert heard.notes == [
        f"{report.operation}: {report.run_id} has loaded this extract, so it is not loaded again"
        for report in first.reports
    ]
    assert marks(night) == []


def test_a_night_that_died_between_two_loads_continues_with_the_next(night: Path) -> None:
    door = Door()

    def dying(spec: LoadSpec) -> Report:
        if spec.operation.name == "orders":
            raise KeyboardInterrupt
        return carry_out(spec)

    with ScriptedLusid(door) as lusid:
        with pytest.raises(KeyboardInterrupt):
            loaded(night, lusid.url, carry_out=dying)
        assert loaded(night, lusid.url).exit_code == 3
    assert set(door.posted.values()) == {1}
    assert len(door.posted) == 3 + 3 + 4
    assert marks(night) == []


def test_a_night_whose_stopped_load_was_resumed_by_hand_continues_after_it(night: Path) -> None:
    write_csv(night / "accounts.csv", [account(n, n) for n in range(3)])
    write_csv(night / "investors.csv", [investor(n, {"display_name": ""} if n == 2 else {}) for n in range(3)])
    (night / "orders.csv").unlink()
    door = Door()
    door.locked, door.let = "investorrecords", 1
    with ScriptedLusid(door) as lusid:
        (stopped,) = loaded(night, lusid.url).reports
        door.locked = ""
        resume(stopped.run_id, runs=stopped.run_dir.parent)
        records, accounts = loaded(night, lusid.url).reports
    assert records.run_id == stopped.run_id
    assert (accounts.rows[State.ACCEPTED], accounts.rows[State.HELD]) == (2, 1)
    assert set(door.posted.values()) == {1}


def test_an_extract_derived_from_a_load_that_is_new_is_derived_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "day"
    write_day(folder, blocks=3)
    with sandbox() as (_, target):
        options: dict[str, Any] = {"target": target, "runs": tmp_path / "runs"}
        rows = read_csv(folder / "executions.csv")
        write_csv(folder / "executions.csv", rows[:-1])
        monkeypatch.setattr(type(target.client), "post", locked_out_of("booktransactions", type(target.client).post))
        first = trading_day(folder, **options)
        monkeypatch.undo()
        write_csv(folder / "executions.csv", rows)
        second = trading_day(folder, **options)
    assert [r.operation for r in first.reports] == [r.operation for r in second.reports]
    assert [a.run_id == b.run_id for a, b in zip(first.reports, second.reports, strict=True)] == [True] * 2 + [
        False
    ] * 3
    assert second.exit_code == 0


def test_a_trading_day_resumes_the_load_of_a_derived_extract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_day(tmp_path / "day", blocks=3)
    heard = Heard()
    with sandbox() as (lusid, target):
        options: dict[str, Any] = {"target": target, "runs": tmp_path / "runs"}
        monkeypatch.setattr(type(target.client), "post", locked_out_of("booktransactions", type(target.client).post))
        first = trading_day(tmp_path / "day", **options)
        assert first.exit_code == 4
        monkeypatch.undo()
        posts = len([call for call in lusid.calls if call[0] == "POST"])
        second = trading_day(tmp_path / "day", progress=heard, **options)
        posted = [path for method, path, _ in lusid.calls if method == "POST"][posts:]
    assert [r.run_id for r in second.reports] == [r.run_id for r in first.reports]
    assert (second.exit_code, {path.rpartition("/")[2] for path in posted}) == (0, {"booktransactions"})
    assert second.reports[-1].rows[State.ACCEPTED] == second.reports[-1].rows_read > 0
    assert heard.notes[-1] == f"book-transactions: resuming {first.reports[-1].run_id} (stopped)"


def locked_out_of(path: str, post: Any) -> Any:
    """The client's `post`, locked out of one path."""

    def refusing(self: Any, called: str, *given: Any, **more: Any) -> Any:
        if path in called:
            raise AuthError("403")
        return post(self, called, *given, **more)

    return refusing


def test_an_interrupt_that_a_load_outlives_ends_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = tmp_path / "night"
    night.mkdir()
    write_csv(night / "investors.csv", [investor(1)])
    write_csv(night / "orders.csv", [order(1, 1)])
    monkeypatch.setattr("pipelines.loading.run.write_html", lambda *_: signal.raise_signal(signal.SIGTERM))
    door, heard = Door(), Heard()
    with ScriptedLusid(door) as lusid:
        report = nightly(night, target=lusid.url, runs=tmp_path / "runs", progress=heard)
    (only,) = report.reports
    assert (only.verdict, report.exit_code) == (Verdict.COMPLETE, 4)
    assert report.error is not None
    assert report.error.message == "interrupted by SIGTERM"
    assert heard.notes[-1] == "orders: not started, because the night was interrupted"
    assert set(door.posted) == {"IR_0001"}


def test_an_interrupt_between_two_loads_ends_the_night_with_its_exit_code_and_a_line(tmp_path: Path) -> None:
    """A real process, signalled while it reads a list and no load is under way."""
    write_day(tmp_path / "day", blocks=1)
    for name in ("orders.csv", "place-blocks.csv"):
        (tmp_path / "day" / name).unlink()
    running: list[int] = []

    def rule(call: Call) -> Reply:
        if call.path == "/api/executions" and call.method == "GET":
            os.kill(running[0], signal.SIGTERM)
            time.sleep(0.3)
        if call.method == "GET":
            return Reply(200, {"values": []})
        return Reply(201, {"values": [{"id": request["id"]} for request in call.body["requests"]]})

    with ScriptedLusid(rule) as lusid:
        words = ["trading-day", str(tmp_path / "day"), "--direct", "--target", lusid.url, "--runs", str(tmp_path / "r")]
        command = [sys.executable, "-m", "pipelines.cli.main", *words]
        environment = {**os.environ, "FBN_ACCESS_TOKEN": "token"}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
            running.append(process.pid)
            _, said = process.communicate(timeout=30)
    assert process.returncode == 4
    assert said.splitlines()[-1] == "bulkload: interrupted by SIGTERM"
    assert len(read_csv(tmp_path / "day" / "executions.csv")) > 0
