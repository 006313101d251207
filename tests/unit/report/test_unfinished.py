"""`bulkload report` of a run that is under way, and of one that was killed: what its journal knows."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, write_csv
from jsonschema import Draft202012Validator
from scripted_lusid import Call, Reply, ScriptedLusid, nothing_there

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli import main as cli
from pipelines.report.unfinished import UnfinishedRun
from schemas.errors import RunFolderError
from schemas.manifest import Manifest

SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())
ESCAPE = "\x1b]0;evil\x07"


class Hanging:
    """Refuses keys that end in 1 or 6, and leaves the third call without an answer."""

    def __init__(self) -> None:
        self.calls = 0
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        self.calls += 1
        if self.calls == 3:
            self.reached.set()
            self.released.wait(60)
            return Reply(cut=True)
        failed = {key: {"type": "Clash", "detail": f"{key} {ESCAPE}"} for key in call.body if key.endswith(("1", "6"))}
        return Reply(201, {"values": {key: {} for key in call.body.keys() - failed.keys()}, "failed": failed})


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A load of 20 records in calls of five, one at a time, that waits for the answer to its third."""
    rows = [investor(n, {"display_name": ""} if n == 19 else {}) for n in range(20)]
    path, lusid = write_csv(tmp_path / "a.csv", rows), Hanging()
    flags = ["--runs", "runs", "--batch-size", "5", "--concurrency", "1", "--direct"]
    with ScriptedLusid(lusid) as server:
        environment = {**os.environ, "FBN_ACCESS_TOKEN": "token", "FBN_LUSID_URL": server.url}
        line = [sys.executable, "-m", "pipelines.cli.main", "load", "investor-records", str(path), *flags]
        with subprocess.Popen(line, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                assert lusid.reached.wait(60)
                yield process
            finally:
                process.kill()
                lusid.released.set()


def kept(runs: Path) -> dict[str, Any]:
    """Every file of the runs, with its content, and when it and its folder were changed."""
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in [runs, *runs.rglob("*")]}


def statuses(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, dict[str, Any]]]:
    capsys.readouterr()
    assert cli.run(["runs", "--runs", "runs", "--json"]) == 0
    return [(run["status"], run["progress"]) for run in json.loads(capsys.readouterr().out)]


def test_a_run_under_way_and_a_killed_one_show_what_the_journal_knows(
    loading: subprocess.Popen[bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FBN_LUSID_URL", raising=False)

    def told(*more: str) -> str:
        capsys.readouterr()
        before = kept(tmp_path / "runs")
        assert cli.run(["report", "latest", "--runs", "runs", *more]) == 0
        assert kept(tmp_path / "runs") == before, "nothing of the run is touched"
        return capsys.readouterr().out

    def document() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(told("--json"))
        Draft202012Validator(SCHEMA).validate(found)
        return found

    running = document()
    run_id = running["run_id"]
    counts = {"requests": 19, "settled": 10, "in_doubt": 5, "waiting": 4}
    assert running["progress"].items() >= {"is_running": True, **counts}.items()
    assert (running["rows"], {s: n for s, n in running["keys"].items() if n}) == (None, {"accepted": 8, "failed": 2})
    assert [(r["code"], r["rows"], r["examples"]) for r in running["reasons"]] == [
        ("Clash", 2, ["IR_0001 (row 2)", "IR_0006 (row 7)"])
    ]
    assert (running["verdict"], running["exit_code"]) == ("unfinished", None)
    assert running["next"].endswith(f"report {run_id}")
    text = told()
    assert text.startswith("investor-records: under way, silent since 20")
    assert "10 of 19 requests settled, 5 in doubt (sent, and no answer yet), 4 waiting" in text
    assert all(line.isprintable() for line in text.splitlines())
    assert cli.run(["runs", "--runs", "runs"]) == 0
    assert ": under way, silent since 20" in (listed := capsys.readouterr().out)
    assert "10 of 19 requests settled, 5 in doubt" in listed
    assert statuses(capsys) == [("under-way", running["progress"])]

    loading.send_signal(signal.SIGKILL)
    loading.wait()
    killed = document()
    assert killed["progress"] == {**running["progress"], "is_running": False}
    assert killed["next"] == f"bulkload resume {run_id}"
    assert statuses(capsys) == [("killed", killed["progress"])]
    assert cli.run(["open", "--runs", "runs", "--json"]) == 0
    (still_open,) = json.loads(capsys.readouterr().out)["runs"]
    assert (still_open["status"], still_open["progress"]) == ("killed", killed["progress"])
    assert still_open["next"] == killed["next"]
    assert cli.run(["open", "--runs", "runs"]) == 0
    assert "10 of 19 requests settled, 5 in doubt, 4 waiting; silent since 20" in capsys.readouterr().out
    text = told()
    assert "not finished, it was killed; silent since 20" in text
    assert "  2 failed: Clash" in text
    assert "Resume it: settled requests are not sent again." in text


def unfinished(folder: RunFolder) -> UnfinishedRun:
    return UnfinishedRun.of(folder, Manifest.read({"run_id": folder.run_id, "operation": "orders"}))


def test_the_last_state_of_a_request_counts_and_a_torn_line_does_not(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.manifest.write_bytes(b"{}")
    journal = Journal(folder.journal)
    journal.append({"plan": 4, "digest": "d", "keys": "k"})
    for call in (1, 2):
        journal.append({"call": call, "sent": [[0, 3]]})
    journal.append(
        {"call": 1, "request_id": None, "settled": [[0, "unknown", "Lost", "lost"]], "named": [["A", "row 1"]]}
    )
    journal.append({"call": 2, "request_id": None, "settled": [[0, "failed", "No", "no"]], "named": [["A", "row 1"]]})
    journal.append({"call": 2, "request_id": None, "settled": [[1, "failed", "No", "no"]]})
    with folder.journal.open("ab") as file:
        file.write(b'{"call":3,"sent":[[3,')
    found = unfinished(folder)
    assert ({s: n for s, n in found.settled.items() if n}, found.in_doubt, found.waiting) == ({"failed": 2}, 1, 1)
    assert [(r.code, r.rows, r.examples) for r in found.reasons] == [
        ("No", 2, ["A (row 1)", "no key (request 1)"]),
    ]
    assert found.is_running
    journal.close()
    assert not unfinished(folder).is_running


def test_a_run_that_reads_its_extract_has_nothing_in_doubt(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.manifest.write_bytes(b"{}")
    found = unfinished(folder)
    assert (found.requests, found.in_doubt, found.waiting, found.reasons) == (None, 0, 0, [])
    assert found.progress.startswith("nothing has been sent")


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.manifest.write_bytes(b"{}")
    folder.journal.write_bytes(b'{"plan":1}\n')
    with pytest.raises(RunFolderError, match=r"journal\.jsonl: line 1 is damaged"):
        unfinished(folder)
