import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import IR_ID, investor, order, rows_for, write_csv
from run_checks import check_books, check_journal, failures, journal, journal_lines, outcomes, row_states, states
from sandbox_api import get
from scripted_lusid import MISSING, Call, Reply, ScriptedLusid, done, nothing_there, refused

from connectors.run_folder.journal import Journal
from connectors.run_folder.journal_lines import checksummed
from connectors.sandbox.server import Sandbox
from pipelines.account.accountant import Accountant
from pipelines.cli.progress import STOPPING
from pipelines.load import load
from pipelines.loading.opening import OpenRun
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError, RunFolderError
from schemas.states import Verdict

ROOT = Path(__file__).parents[2]
TWO_BY_TWO: dict[str, Any] = {"batch_size": 2, "concurrency": 1}
"""Calls of two requests, one after another."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)


class Gate:
    """Lets so many calls through, then locks us out until it is opened."""

    def __init__(self, let: int) -> None:
        self.let = let
        self.posted: Counter[str] = Counter()
        self.read: list[str] = []

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            self.read += [call.path] if "metadata" not in call.path else []
            return nothing_there(call)
        if self.let <= 0:
            return refused(status=403)
        self.let -= 1
        self.posted.update(call.keys)
        return done(call)


@contextmanager
def stopped_run(tmp_path: Path, gate: Gate, operation: str = "investor-records") -> Iterator[Report]:
    """A run of ten requests in calls of two that was locked out; what it needs is open meanwhile."""
    rows = rows_for(operation, 10)
    path = write_csv(tmp_path / "a.csv", rows)
    with ScriptedLusid(gate) as lusid:
        report = load(operation, path, target=lusid.url, runs=tmp_path / "runs", **TWO_BY_TWO)
        check_books(report)
        assert report.verdict is Verdict.STOPPED
        yield report


@pytest.mark.parametrize("let", [0, 1, 3])
@pytest.mark.parametrize("operation", ["investor-records", "orders"])
def test_a_run_that_was_locked_out_goes_on_where_it_stopped(tmp_path: Path, let: int, operation: str) -> None:
    gate = Gate(let)
    with stopped_run(tmp_path, gate, operation) as stopped:
        gate.let = 100
        report = resume("latest", runs=tmp_path / "runs")
    check_books(report)
    assert (report.run_id, report.exit_code) == (stopped.run_id, 0)
    assert gate.read == [], "what LUSID turned away at its door is in no doubt"
    assert set(gate.posted.values()) == {1}
    assert len(gate.posted) == 10
    assert set(states(report).values()) == {"accepted"}


def test_a_resumed_run_calls_its_files_what_it_called_them_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "night").mkdir()
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / "night" / name, [investor(ord(name[0]))])
    monkeypatch.chdir(tmp_path)
    gate = Gate(1)
    with ScriptedLusid(gate) as lusid:
        first = load("investor-records", "night", target=lusid.url, batch_size=1, concurrency=1)
        before = set(row_states(first.run_dir))
        gate.let = 100
        report = resume(first.run_id)
    check_books(report)
    assert set(row_states(report.run_dir)) == before


def test_a_finished_run_is_not_resumed(tmp_path: Path) -> None:
    gate = Gate(100)
    with ScriptedLusid(gate) as lusid:
        path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"display_name": ""})])
        report = load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
        with pytest.raises(ConfigError) as caught:
            resume(report.run_id, runs=tmp_path / "runs")
    assert caught.value.message == f"{report.run_id} is finished (rejects): there is nothing to resume"
    assert sum(gate.posted.values()) == 1


def test_a_changed_extract_is_refused_however_often_one_tries(tmp_path: Path) -> None:
    """The change keeps every length, so that only the content's hash can tell."""
    gate = Gate(1)
    with stopped_run(tmp_path, gate) as report:
        manifest = (report.run_dir / "manifest.json").read_bytes()
        path = tmp_path / "a.csv"
        path.write_text(path.read_text().replace("Investor 7", "Investor 8"))
        gate.let = 100
        for _ in range(2):
            with pytest.raises(ConfigError) as caught:
                resume(report.run_id, runs=tmp_path / "runs")
            assert caught.value.message == (
                "the run cannot be resumed, this has changed since it began: the content of the extract"
            )
        assert (report.run_dir / "manifest.json").read_bytes() == manifest
        path.write_text(path.read_text().replace("Investor 8", "Investor 7", 1))
    assert sum(gate.posted.values()) == 2
    assert not (report.run_dir / "scratch").exists()


def test_a_changed_mapping_is_named(tmp_path: Path) -> None:
    text = f"""
operation: investor-records
columns:
  display_name: name
  investor_type: {{constant: Person}}
  "{IR_ID}": id
  "investor:Person/HrSystem1/InternalId": id
"""
    mapping = tmp_path / "m.yaml"
    mapping.write_text(text)
    path = write_csv(tmp_path / "a.csv", [{"name": f"N{n}", "id": f"I{n}"} for n in range(4)])
    gate = Gate(1)
    with ScriptedLusid(gate) as lusid:
        options = {"mapping": mapping, **TWO_BY_TWO}
        report = load("investor-records", path, target=lusid.url, runs=tmp_path / "runs", **options)
        mapping.write_text(text + "# note\n")
        with pytest.raises(ConfigError, match="changed since it began: the mapping"):
            resume(report.run_id, runs=tmp_path / "runs")
        gate.let = 100
        again = resume(report.run_id, runs=tmp_path / "runs", force=True)
    assert again.exit_code == 0
    check_books(again)
    assert set(gate.posted.values()) == {1}


def test_force_does_not_take_a_mapping_that_makes_other_keys(tmp_path: Path) -> None:
    """The keys are as long as they were, so that only their content can tell."""
    columns = {"display_name": "name", IR_ID: "id", "investor:Person/HrSystem1/InternalId": "id"}
    mapping = tmp_path / "m.yaml"
    text = yaml.safe_dump({"operation": "investor-records", "columns": {**columns, "investor_type": "type"}})
    mapping.write_text(text)
    rows = [{"name": f"N{n}", "id": f"I{n}", "other": f"J{n}", "type": "Person"} for n in range(4)]
    gate = Gate(1)
    with ScriptedLusid(gate) as lusid:
        options = {"mapping": mapping, **TWO_BY_TWO}
        report = load(
            "investor-records", write_csv(tmp_path / "a.csv", rows), target=lusid.url, runs=tmp_path / "runs", **options
        )
        manifest = (report.run_dir / "manifest.json").read_bytes()
        mapping.write_text(text.replace(": id", ": other"))
        gate.let = 100
        with pytest.raises(ConfigError, match="no longer makes the same keys"):
            resume(report.run_id, runs=tmp_path / "runs", force=True)
    assert sum(gate.posted.values()) == 2
    assert (report.run_dir / "manifest.json").read_bytes() == manifest


@pytest.mark.parametrize("left", [None, b""])
def test_without_its_journal_a_run_that_may_have_sent_is_not_resumed(tmp_path: Path, left: bytes | None) -> None:
    gate = Gate(1)
    with stopped_run(tmp_path, gate) as report:
        path = report.run_dir / "journal.jsonl"
        path.unlink() if left is None else path.write_bytes(left)
        gate.let = 100
        with pytest.raises(ConfigError) as caught:
            resume(report.run_id, runs=tmp_path / "runs")
    assert (
        caught.value.message
        == f"{path} is missing or empty: it is not known what was sent, so the run cannot be resumed"
    )
    assert sum(gate.posted.values()) == 2


@pytest.mark.parametrize(
    "line",
    [
        "123",
        '"sent"',
        "[]",
        '{"call": 2, "sent": [[0, 11]]}',
        '{"call": 2, "sent": [[-1, 1]]}',
        '{"call": 2, "sent": 5}',
        '{"call": 2, "request_id": null, "settled": [[10, "failed", "X", "no"]]}',
        '{"call": 2, "request_id": null, "settled": [[0, "done", "X", "no"]]}',
        '{"call": 2, "request_id": null, "settled": [], "accepted": [[9, 2]]}',
    ],
)
def test_a_line_that_makes_no_sense_is_damaged_whatever_json_says(tmp_path: Path, line: str) -> None:
    gate = Gate(1)
    with stopped_run(tmp_path, gate) as report:
        path = report.run_dir / "journal.jsonl"
        read = json.loads(line)
        last = checksummed(read) if isinstance(read, dict) else line.encode() + b"\n"
        path.write_bytes(path.read_bytes() + last)
        number = len(path.read_text().splitlines())
        gate.let = 100
        with pytest.raises(RunFolderError) as caught:
            resume(report.run_id, runs=tmp_path / "runs")
    assert caught.value.message == f"{path}: line {number} is damaged: the run cannot be resumed"
    assert sum(gate.posted.values()) == 2


@pytest.mark.parametrize(
    "changes",
    [{"extracts": None}, {"extracts": ["a"]}, {"settings": {"colour": 1}}, {"mode": "Half"}, {"operation": 5}],
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    with stopped_run(tmp_path, Gate(1)) as report:
        path = report.run_dir / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        with pytest.raises(ConfigError) as caught:
            resume(report.run_id, runs=tmp_path / "runs")
    assert caught.value.message == f"{path} is damaged: the run cannot be resumed"


def test_a_run_whose_journal_is_removed_stops_before_it_sends_more(tmp_path: Path) -> None:
    gate = Gate(100)

    def rule(call: Call) -> Reply:
        if len(gate.posted) == 4:
            next((tmp_path / "runs").glob("*/journal.jsonl")).unlink()
        return gate(call)

    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(10)])
    with (
        ScriptedLusid(rule) as lusid,
        pytest.raises(RunFolderError, match=r"journal.jsonl: cannot be written: No such"),
    ):
        load("investor-records", path, target=lusid.url, runs=tmp_path / "runs", **TWO_BY_TWO)
    assert sum(gate.posted.values()) == 6


def test_a_run_that_settled_anything_goes_on_nowhere_else(tmp_path: Path) -> None:
    gate = Gate(1)
    with stopped_run(tmp_path, gate) as stopped:
        before = (stopped.run_dir / "manifest.json").read_bytes()
        target = json.loads(before)["target"]
        gate.let = 100
        with ScriptedLusid(gate) as elsewhere, pytest.raises(ConfigError) as caught:
            resume(stopped.run_id, runs=tmp_path / "runs", target=elsewhere.url)
        assert caught.value.message == (
            f"{stopped.run_id} has settled rows with {target}, so it cannot be resumed in {elsewhere.url}: resume it "
            "where it began, then `bulkload replay` the rows that were not accepted into another target, or "
            "`bulkload load` the whole extract"
        )
        assert (stopped.run_dir / "manifest.json").read_bytes() == before
        assert sum(gate.posted.values()) == 2
        assert (
            resume(stopped.run_id, runs=tmp_path / "runs", target=f"{target}/".replace("http", "HTTP")).exit_code == 0
        )


def test_a_resumed_run_tells_its_whole_story_and_where_its_keys_are(tmp_path: Path) -> None:
    gate = Gate(0)
    with stopped_run(tmp_path, gate) as stopped:
        first = json.loads((stopped.run_dir / "manifest.json").read_bytes())
        gate.let = 100
        with ScriptedLusid(gate) as elsewhere:
            report = resume(stopped.run_id, runs=tmp_path / "runs", target=elsewhere.url)
    assert report.warnings == ()
    found = json.loads((report.run_dir / "manifest.json").read_bytes())
    assert found["started"] == first["started"]
    assert [(each["target"], each["bulkload"]) for each in found["resumed"]] == [
        (elsewhere.url, first["versions"]["bulkload"])
    ]


def test_an_extract_that_was_refused_once_is_not_loaded_by_resume_either(tmp_path: Path) -> None:
    gate = Gate(100)
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with ScriptedLusid(gate) as lusid:
        load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
        with pytest.raises(ConfigError, match="has already loaded this extract"):
            load("investor-records", path, target=lusid.url, runs=tmp_path / "runs", once=True)
        refused = max((tmp_path / "runs").iterdir(), key=lambda run: (run / "manifest.json").stat().st_mtime_ns)
        with pytest.raises(ConfigError, match="has already loaded this extract"):
            resume(refused.name, runs=tmp_path / "runs")
    assert sum(gate.posted.values()) == 1


def test_a_run_that_somebody_works_on_is_one_line_and_left_alone(tmp_path: Path) -> None:
    with stopped_run(tmp_path, Gate(1)) as report:
        other = Journal(report.run_dir / "journal.jsonl")
        (report.run_dir / "scratch").mkdir()
        with pytest.raises(RunFolderError) as caught:
            resume(report.run_id, runs=tmp_path / "runs")
        other.close()
    assert caught.value.message == f"{report.run_dir}: another process is working on this run"
    assert (report.run_dir / "scratch").exists()


def test_no_such_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no run latest in"):
        resume("latest", runs=tmp_path)


def test_a_torn_journal_is_gone_on_with(tmp_path: Path) -> None:
    gate = Gate(3)
    with stopped_run(tmp_path, gate) as report:
        path = report.run_dir / "journal.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        settled = [i for i, line in enumerate(lines) if b'"accepted"' in line]
        path.write_bytes(b"".join(lines[: settled[-1]]) + lines[settled[-1]][:-9])
        gate.let = 100
        again = resume(report.run_id, runs=tmp_path / "runs")
    check_books(again)
    assert again.exit_code == 0
    assert Counter(gate.posted.values()) == {1: 8, 2: 2}


def test_orders_in_doubt_are_read_back_and_not_sent_again(tmp_path: Path) -> None:
    """The process died when LUSID had done the call and the journal did not know it."""
    rows = [order(n, n) for n in range(4)]
    there: dict[str, Any] = {}
    posted: Counter[str] = Counter()

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            found = there.get(call.path)
            return Reply(200, found if found else {}) if found or "metadata" in call.path else MISSING
        posted.update(call.keys)
        there.update({f"/api/orders/MyScope/{o['id']['code']}": o for r in call.body["requests"] for o in r["orders"]})
        return done(call)

    with ScriptedLusid(rule) as lusid:
        path = write_csv(tmp_path / "a.csv", rows)
        report = load("orders", path, target=lusid.url, runs=tmp_path / "runs", **TWO_BY_TWO)
        died(report.run_dir, keep=2)
        del there["/api/orders/MyScope/O0001"]
        again = resume(report.run_id, runs=tmp_path / "runs")
    check_books(again)
    assert dict(posted) == {"MyScope/B0000": 1, "MyScope/B0001": 2, "MyScope/B0002": 2, "MyScope/B0003": 2}
    assert [(line["state"], line["code"]) for line in outcomes(again.run_dir)] == [
        ("accepted", "ReadBack"),
        ("accepted", None),
        ("accepted", None),
        ("accepted", None),
    ]


def died(folder: Path, keep: int) -> None:
    """Makes a run look as if its process had died when its journal had so many lines."""
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:keep]))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in ("verdict", "finished", "exit_code"):
        del manifest[name]
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("operation", ["investor-records", "orders"])
def test_what_is_in_doubt_is_not_called_unsent_when_the_resumed_run_stops_too(tmp_path: Path, operation: str) -> None:
    gate = Gate(100)
    rows = rows_for(operation, 6)
    with ScriptedLusid(gate) as lusid:
        path = write_csv(tmp_path / "a.csv", rows)
        report = load(operation, path, target=lusid.url, runs=tmp_path / "runs", **TWO_BY_TWO)
        died(report.run_dir, keep=2)
        gate.let = 0
        again = resume(report.run_id, runs=tmp_path / "runs")
        check_books(again)
        assert Counter(states(again).values()) == {"unknown": 2, "not_sent": 4}
        assert again.exit_code == 4
        gate.let = 100
        assert resume(report.run_id, runs=tmp_path / "runs").exit_code == 0


@contextmanager
def loading(path: Path, lusid: Sandbox, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`bulkload load orders` in a process of its own."""
    environment = {**os.environ, "FBN_ACCESS_TOKEN": lusid.access_token, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "pipelines.cli.main", "load", "orders", str(path), "--target", lusid.url]
    line += ["--runs", str(tmp_path / "runs"), "--batch-size", "3", "--concurrency", "2", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, env=environment, cwd=tmp_path, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def until(ready: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.005)


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "o.csv", [order(n, n) for n in range(30)])


@pytest.mark.parametrize("lines", [1, 4, 9])
def test_a_killed_run_is_resumed_and_nothing_settled_is_sent_again(
    tmp_path: Path, orders: Path, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(faults="slow=1,slow-seconds=0.05") as lusid:
        with loading(orders, lusid, tmp_path) as process:
            until(lambda: journal_lines(tmp_path / "runs") >= lines, process)
            process.kill()
        (folder,) = (tmp_path / "runs").iterdir()
        settled = sum("settled" in line for line in journal_whole(folder))
        monkeypatch.setenv("FBN_ACCESS_TOKEN", lusid.access_token)
        report = resume("latest", runs=tmp_path / "runs")
        listed = get(lusid, "orders").json()["values"]
    check_books(report)
    assert report.exit_code == 0
    assert settled < sum("settled" in line for line in journal(folder))
    assert len(listed) == 30
    assert set(states(report).values()) == {"accepted"}


def journal_whole(folder: Path) -> list[dict[str, Any]]:
    """The lines of a journal that may be torn."""
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def test_a_signal_lets_what_is_in_flight_be_settled_and_closes_the_books(
    tmp_path: Path, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(faults="slow=1,slow-seconds=0.2") as lusid:
        with loading(orders, lusid, tmp_path) as process:
            until(lambda: journal_lines(tmp_path / "runs") >= 3, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (4, f"{STOPPING}\n")
        document = json.loads(out)
        (folder,) = (tmp_path / "runs").iterdir()
        assert document["verdict"] == "stopped"
        assert document["rows"]["accepted"] in (3, 6, 9, 12)
        assert document["rows"]["accepted"] + document["rows"]["not_sent"] == 30
        assert "interrupted by SIGINT" in failures(folder)[0]["_message"]
        check_journal(folder)
        monkeypatch.setenv("FBN_ACCESS_TOKEN", lusid.access_token)
        report = resume("latest", runs=tmp_path / "runs")
    check_books(report)
    assert report.exit_code == 0


def test_a_second_signal_stops_at_once_and_the_run_can_be_resumed(
    tmp_path: Path, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(faults="script=slow;slow,slow-seconds=3") as lusid:
        with loading(orders, lusid, tmp_path) as process:
            until(lambda: journal_lines(tmp_path / "runs") >= 3, process)
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 4
        assert time.monotonic() - began < 1.5
        monkeypatch.setenv("FBN_ACCESS_TOKEN", lusid.access_token)
        report = resume("latest", runs=tmp_path / "runs")
    check_books(report)
    assert report.exit_code == 0


def test_an_interrupt_while_the_extract_is_read_sends_nothing_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: OpenRun) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    gate = Gate(100)
    with ScriptedLusid(gate) as lusid:
        path = write_csv(tmp_path / "a.csv", [investor(1)])
        with monkeypatch.context() as patched:
            patched.setattr("pipelines.load.prepare", interrupted)
            with pytest.raises(Exception, match="interrupted by SIGINT"):
                load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
        assert not gate.posted
        assert resume("latest", runs=tmp_path / "runs").exit_code == 0


def test_an_interrupt_while_the_books_are_closed_does_not_unmake_a_finished_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Accountant._failure

    def interrupted(self: Accountant, ordinal: int) -> list[str]:
        signal.raise_signal(signal.SIGINT)
        return whole(self, ordinal)

    monkeypatch.setattr(Accountant, "_failure", interrupted)
    with ScriptedLusid(Gate(100)) as lusid:
        path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"display_name": ""})])
        report = load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
    check_books(report)
    assert (report.verdict, report.warnings) == (Verdict.REJECTS, ())


def test_an_interrupt_ends_a_wait_that_lusid_asked_for(
    tmp_path: Path, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_once_asked_to_wait() -> None:
        until(lambda: any(status == 429 for _, _, status in lusid.calls))
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    with Sandbox(faults="429=1,retry-after=60") as lusid:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", lusid.access_token)
        killer = threading.Thread(target=kill_once_asked_to_wait)
        killer.start()
        began = time.monotonic()
        report = load("orders", orders, target=lusid.url, runs=tmp_path / "runs")
        killer.join()
    check_books(report)
    assert time.monotonic() - began < 20
    assert set(states(report).values()) == {"not_sent"}
    assert report.warnings == ("interrupted by SIGINT",)


def test_an_interrupt_while_sending_in_this_process_is_settled_and_resumable(tmp_path: Path) -> None:
    gate = Gate(100)

    def rule(call: Call) -> Reply:
        if call.method == "POST" and len(lusid.posted) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
        return gate(call)

    with ScriptedLusid(rule) as lusid:
        path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(10)])
        report = load("investor-records", path, target=lusid.url, runs=tmp_path / "runs", **TWO_BY_TWO)
        check_books(report)
        assert Counter(states(report).values()) == {"accepted": 4, "not_sent": 6}
        assert report.warnings == ("interrupted by SIGTERM",)
        again = resume("latest", runs=tmp_path / "runs")
    check_books(again)
    assert set(gate.posted.values()) == {1}
    assert len(gate.posted) == 10
