"""kill -9 of the real process at random moments, resumed each time: in the end nothing is lost and nothing doubled."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import rows_for, write_csv
from killable import KILLED, Killable
from reconcile import order_ids, record_names
from run_checks import check_folder, check_journal, journal_lines, row_states

from connectors.sandbox.server import Sandbox

FAULTS = "slow=0.2,slow-seconds=0.02,429=0.02,500=0.01,502=0.01,503=0.02,504=0.01,cut-before=0.01,cut-after=0.02,"
FAULTS += "cut-during=0.01,truncated=0.01,not-json=0.01,html=0.01,retry-after=0,seed=11"


def wait_until(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.002)


class Night:
    """One load that is killed and resumed until it is through."""

    def __init__(self, server: Killable, folder: Path, job: dict[str, Any]) -> None:
        self._server, self._runs, self._job = server, folder / "runs", {**job, "log": folder / "log.txt"}
        self.while_sending = 0

    def killed(self, draw: random.Random, most_lines: int) -> None:
        """Starts or resumes the load, and kills it when its journal is some lines longer, or while it reads."""
        before = journal_lines(self._runs)
        self._server.start(self._next())
        lines = draw.randrange(-most_lines // 4, most_lines)
        if lines < 0:
            time.sleep(draw.random() * 0.4)
        else:
            wait_until(lambda: journal_lines(self._runs) >= before + lines, 20)
            time.sleep(draw.random() * 0.002)  # about as long as a call takes
        assert self._server.kill() == KILLED, "it was through before it could be killed"
        self.while_sending += journal_lines(self._runs) > before

    def finished(self) -> dict[str, Any]:
        """Resumes it a last time; gives its manifest."""
        code = self._server.run(self._next())
        assert code in (0, 3), (self._runs.parent / "log.txt").read_text()
        return dict(json.loads((self.folder / "manifest.json").read_bytes()))

    def _next(self) -> dict[str, Any]:
        if not list(self._runs.glob("*/manifest.json")):
            return self._job
        resumed = {"name": "latest", "runs": self._runs, "target": self._job["load"]["target"]}
        return {**{k: v for k, v in self._job.items() if k != "load"}, "resume": resumed}

    @property
    def folder(self) -> Path:
        """The run's folder; there must be one run only, beside folders that a kill left before they were one."""
        (manifest,) = self._runs.glob("*/manifest.json")
        return manifest.parent


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("operation", "count", "batch", "kills"),
    [
        ("investor-records", 8_000, 16, 32),
        ("orders", 2_000, 4, 32),
        pytest.param("investor-records", 100_000, 100, 200, marks=pytest.mark.soak),
        pytest.param("orders", 20_000, 10, 200, marks=pytest.mark.soak),
    ],
)
def test_a_load_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    tmp_path: Path, forks: Killable, operation: str, count: int, batch: int, kills: int
) -> None:
    rows = rows_for(operation, count)
    path = write_csv(tmp_path / "extract.csv", rows)
    database = tmp_path / "sandbox.db"
    draw = random.Random(count)
    with Sandbox(database=database, faults=FAULTS) as lusid:
        options = {"target": lusid.url, "runs": tmp_path / "runs", "batch_size": batch, "concurrency": 4}
        job = {"load": {"operation": operation, "extract": str(path), **options}, "token": lusid.access_token}
        night = Night(forks, tmp_path, job)
        for _ in range(kills):
            night.killed(draw, most_lines=2 * count // batch // kills)
        manifest = night.finished()
        assert night.while_sending > kills // 2
        assert sum(lusid.faults_met.values()) > count // batch // 20
    states = row_states(night.folder)
    assert set(states.values()) == {"accepted"}
    assert manifest["rows"] == {**manifest["rows"], "read": count, "accepted": count}
    check_folder(night.folder)
    check_journal(night.folder)
    if operation == "orders":
        assert order_ids(database) == {row["order_code"] for row in rows}
    else:
        assert record_names(database) == {f"IR_{n:04d}": f"Investor {n}" for n in range(count)}
