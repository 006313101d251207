"""100,000 keys, of which LUSID holds all but a few, are planned in few calls, in a minute, in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builders import COUNTRY, investor, write_csv

from connectors.sandbox.server import Sandbox
from pipelines.load import load

KEYS = 100_000
MOST_CALLS, MOST_SECONDS, MOST_BYTES = 250, 60, 400 << 20

PLAN = """
import json, sys, time
from pathlib import Path
from connectors.lusid.client import LusidClient
from pipelines.compare.plan import plan

calls = []
get = LusidClient.get
LusidClient.get = lambda client, path, params=None: calls.append(path) or get(client, path, params)
began = time.monotonic()
found = plan("investor-records", sys.argv[1], runs="runs")
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) * 1024  # getrusage tells what the parent had, too
took = {"calls": len(calls), "seconds": time.monotonic() - began, "cpu": time.process_time(), "bytes": peak}
print(json.dumps({**found.plan.counts(), **took}))
"""
"""A process of its own: the sandbox's memory and time are not the plan's."""


@pytest.mark.soak
def test_a_large_extract_is_planned_in_few_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [investor(n) for n in range(KEYS)]
    second = [investor(n, {COUNTRY: "Chad"} if n % 200 == 0 else None) for n in range(KEYS + 10)]
    with Sandbox() as sandbox:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        monkeypatch.setenv("FBN_LUSID_URL", sandbox.url)
        load("investor-records", write_csv(tmp_path / "first.csv", first), runs=tmp_path / "runs")
        extract = write_csv(tmp_path / "second.csv", second)
        done = subprocess.run(
            [sys.executable, "-c", PLAN, str(extract)], cwd=tmp_path, check=True, capture_output=True, timeout=300
        )
    found = json.loads(done.stdout)
    print(found)  # noqa: T201  # the figures of docs/before-and-after.md
    assert (found["create"], found["change"], found["same"]) == (10, KEYS // 200, KEYS - KEYS // 200)
    assert found["calls"] <= MOST_CALLS
    assert found["bytes"] <= MOST_BYTES
    assert found["cpu"] <= MOST_SECONDS  # of this process alone: how long it waits is the machine's affair
