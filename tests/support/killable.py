"""Loads in processes of their own that can be killed at any moment: a server that forks one for each, ready at once.

Run as a program it reads one JSON document a line (`Killable.start` writes them), forks, and says the child's process
id, then how it ended. A fork has everything imported, so that a process costs milliseconds; it dies as any does.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
KILLED = -signal.SIGKILL


class Killable:
    """The forking server, and at most one load at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = 0

    def start(self, job: Mapping[str, Any]) -> None:
        """Forks a process for a job, see `_carry_out`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(job, default=str)}\n")
        self._process.stdin.flush()
        self.pid = int(self._said())

    def wait_until_stopped(self) -> bool:
        """Waits until the process has stopped itself, as a failpoint may do; False where it ended before."""
        while True:
            try:
                state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                return False
            if state in "TZ":
                return state == "T"
            time.sleep(0.002)

    def go_on(self) -> int:
        """Continues a process that has stopped, and waits for its end; gives how it ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        return self.ended()

    def kill(self) -> int:
        """kill -9; gives how the process ended, which may have been before."""
        os.kill(self.pid, signal.SIGKILL)
        return self.ended()

    def ended(self) -> int:
        """Waits for the process; gives its exit code, or minus the signal that killed it."""
        return int(self._said())

    def run(self, job: Mapping[str, Any]) -> int:
        """Starts a job and waits for its end."""
        self.start(job)
        return self.ended()

    def _said(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the forking server is gone"
        return line


@contextmanager
def killable() -> Iterator[Killable]:
    """A forking server for as long as the block lasts."""
    path = os.pathsep.join([str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": path},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield Killable(process)
        finally:
            process.kill()


def _serve() -> None:
    from portions import as_asked

    import connectors.lusid.retry_table
    import connectors.sandbox.server
    import pipelines.load
    import pipelines.nights.backfill
    import pipelines.replay
    import pipelines.report.html
    from connectors.lusid.client import LusidClient

    connectors.lusid.retry_table.BACKOFF_BASE_SECONDS = 0.0
    pipelines.report.html.template(pipelines.report.html.TEMPLATE)
    pause = LusidClient.pause
    setattr(LusidClient, "pause", lambda client, seconds: pause(client, seconds / 500))  # noqa: B010
    with as_asked():
        _rehearse()
        for line in sys.stdin:
            child = os.fork()
            if child == 0:
                os._exit(_carry_out(json.loads(line)))
            print(child, flush=True)  # noqa: T201  # the protocol
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201  # the protocol


def _rehearse() -> None:
    """Loads once, so that no fork makes again what the first load of a process makes, such as pydantic's validators."""
    from builders import rows_for, write_csv

    from pipelines.load import load

    with tempfile.TemporaryDirectory() as folder:
        for operation in ("investor-records", "orders"):
            path = write_csv(Path(folder) / f"{operation}.csv", rows_for(operation, 2))
            load(operation, str(path), dry_run=True, runs=Path(folder) / "runs")


def _carry_out(job: dict[str, Any]) -> int:
    """One piece of work in this process; 1 when it raises, which is told in the file `log`.

    Members of a job: `token`; `log`; `load`, `resume`, `replay`, `nightly`, `backfill` or `purge`, the arguments of the
    function of that name; `failpoint`, those of `failpoints.install`.
    """
    from failpoints import install

    from pipelines.history.retention import purge
    from pipelines.load import load
    from pipelines.nights.backfill import backfill
    from pipelines.nights.nightly import nightly
    from pipelines.replay import replay
    from pipelines.resume import resume
    from schemas.errors import LoadError

    os.environ["FBN_ACCESS_TOKEN"] = job["token"]  # a child of its own
    with Path(job["log"]).open("a") as log:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if "failpoint" in job:
        install(**job["failpoint"])
    try:
        works = (load, resume, replay, nightly, backfill, purge)
        ((work, given),) = [(work, job[work.__name__]) for work in works if work.__name__ in job]
        typed: dict[str, Any] = {name: Path(given[name]) for name in ("runs", "corrected", "folder") if name in given}
        typed |= {name: date.fromisoformat(given[name]) for name in ("first", "last") if name in given}
        return getattr(work(**{**given, **typed}), "exit_code", 0)
    except LoadError as error:
        os.write(2, f"{type(error).__name__}: {error.message}\n".encode())
        return 10 + error.exit_code
    except BaseException:  # noqa: BLE001  # a fork must never return into the server
        import traceback

        traceback.print_exc()
        return 1


if __name__ == "__main__":
    _serve()
