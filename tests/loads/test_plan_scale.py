"""100,000 keys, of which LUSID holds all but a few, are planned in few calls, in a minute, in little memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import COUNTRY, investor, write_csv
from builders import account as account_row

from connectors.sandbox.server import Sandbox
from pipelines.load import load

KEYS, HOLDERS = 100_000, 1_000
MOST_CALLS, MOST_SECONDS, MOST_BYTES = 250, 60, 400 << 20

PLAN = """
import json, sys, time
from pathlib import Path
from connectors.lusid.client import LusidClient
from pipelines.compare.plan import plan
from pipelines.options import Progress

notes, calls = [], []
class Heard(Progress):
    def note(self, text):
        notes.append((len(calls), text))

get = LusidClient.get
LusidClient.get = lambda client, path, params=None: calls.append(path) or get(client, path, params)
began = time.monotonic()
found = plan(sys.argv[1], sys.argv[2], dialect=sys.argv[3], runs="runs", progress=Heard())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) * 1024  # getrusage tells what the parent had, too
took = {"calls": len(calls), "seconds": time.monotonic() - began, "cpu": time.process_time(), "bytes": peak}
print(json.dumps({**found.plan.counts(), **took, "notes": notes}))
"""
"""A process of its own: the sandbox's memory and time are not the plan's."""


def account(serial: int, name: str, dialect: str) -> dict[str, str]:
    kind = "JointPersonal" if dialect == "2.1" else "Joint"
    return account_row(serial, serial % HOLDERS, {"account_type": kind, "scope": "MyScope", "display_name": name})


def loaded(folder: Path, operation: str, rows: Any, dialect: str) -> None:
    report = load(operation, write_csv(folder / "first.csv", rows), dialect=dialect, runs=folder / "runs")
    assert report.exit_code == 0


@pytest.mark.soak
@pytest.mark.parametrize(
    ("operation", "dialect"),
    [("investor-records", "2.1"), ("investment-accounts", "2.3"), ("investment-accounts", "2.1")],
)
def test_a_large_extract_is_planned_in_few_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, dialect: str
) -> None:
    changed = {n for n in range(KEYS) if n % 200 == 0}
    with Sandbox(dialect=dialect) as sandbox:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        monkeypatch.setenv("FBN_LUSID_URL", sandbox.url)
        if operation == "investor-records":
            first = [investor(n) for n in range(KEYS)]
            second = [investor(n, {COUNTRY: "Chad"} if n in changed else None) for n in range(KEYS + 10)]
        else:
            scope = {"scope": "MyScope"} if dialect == "2.3" else {}
            loaded(tmp_path, "investor-records", [investor(n, scope) for n in range(HOLDERS)], dialect)
            first = [account(n, "Old", dialect) for n in range(KEYS)]
            second = [account(n, "New" if n in changed else "Old", dialect) for n in range(KEYS + 10)]
        loaded(tmp_path, operation, first, dialect)
        extract = write_csv(tmp_path / "second.csv", second)
        done = subprocess.run(
            [sys.executable, "-c", PLAN, operation, str(extract), dialect],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=1800,
        )
    found = json.loads(done.stdout)
    print(operation, dialect, found)  # noqa: T201  # the figures of docs/before-and-after.md
    assert (found["create"], found["change"], found["same"]) == (10, KEYS // 200, KEYS - KEYS // 200)
    assert found["bytes"] <= MOST_BYTES
    if dialect == "2.1" and operation == "investment-accounts":
        reads = KEYS + 10
        said = f"LUSID lists no investment accounts in dialect 2.1: {reads:,} reads, one for each identifier"
        assert [0, said] in found["notes"]  # before the first of them
        assert reads <= found["calls"] <= reads + 10
        return
    assert found["calls"] <= MOST_CALLS
    assert found["cpu"] <= MOST_SECONDS  # of this process alone: how long it waits is the machine's affair
