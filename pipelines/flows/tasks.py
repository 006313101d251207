"""A load as Prefect sees it: one task for each step.

Tasks take and return run ids, numbers and paths. A `Run` holds open files and threads, so it stays in this process, in
`_at_work`, and its tasks run here. To be imported once Prefect's settings are settled, as `flows` does.

No task retries. The client is the one retrying layer: it knows what was never sent and what may have been applied,
and a retry around it would send settled keys again. A run that stopped is resumed, not retried.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.flows import artifacts
from pipelines.loading.interrupts import interrupts
from pipelines.loading.run import Run
from pipelines.operations.table import operation_named
from pipelines.options import Extracts, Options, Progress
from pipelines.report.report import Report


@dataclass
class _Work:
    """A run under way in this process; `error` is what ended one of its tasks."""

    run: Run
    report: Report | None = None
    error: Exception | None = None


class HiddenError(Exception):
    """What Prefect is told of an error: its kind. It keeps texts and tracebacks, and those may quote a row."""


_at_work: dict[str, _Work] = {}


def load_in_tasks(operation: str, extract: Extracts, *, progress: Progress, **options: Any) -> Report:
    """Loads an extract as `pipelines.load.load` does, with a task for each step."""
    shown = artifacts.PublishedProgress(operation, progress)
    run = Run(operation_named(operation), extract, Options.of(**options), shown)
    with interrupts(run.interrupt), run, _working(run) as work:
        prepare(run.folder.run_id)
        send(run.folder.run_id)
        close_books(run.folder.run_id)
        assert work.report is not None  # noqa: S101 - the books are closed
        artifacts.publish(work.report, progress.note)
        return work.report


@task(task_run_name="prepare {run_id}", cache_policy=NO_CACHE, persist_result=False)
def prepare(run_id: str) -> None:
    """Reads and validates every row of a run."""
    with _out_of_sight(run_id) as work:
        work.run.prepare()


@task(task_run_name="send {run_id}", cache_policy=NO_CACHE, persist_result=False)
def send(run_id: str) -> None:
    """Sends every request of a run."""
    with _out_of_sight(run_id) as work:
        work.run.send()


@task(task_run_name="close the books of {run_id}", cache_policy=NO_CACHE, persist_result=False)
def close_books(run_id: str) -> str:
    """Writes every row's state down and compares the counts; gives the run's folder."""
    with _out_of_sight(run_id) as work:
        work.report = work.run.close_books()
        return str(work.report.run_dir)


@contextmanager
def _working(run: Run) -> Iterator[_Work]:
    """Keeps a run where its tasks find it; raises what ended one of them as what it was."""
    work = _at_work[run.folder.run_id] = _Work(run)
    try:
        yield work
    except HiddenError:
        assert work.error is not None  # noqa: S101 - the task has left it
        raise work.error from work.error.__cause__
    finally:
        del _at_work[run.folder.run_id]


@contextmanager
def _out_of_sight(run_id: str) -> Iterator[_Work]:
    """The run a task works on; what ends the task is left there, and Prefect told no more than its kind."""
    work = _at_work[run_id]
    try:
        yield work
    except Exception as error:  # noqa: BLE001 - the flow raises it again
        work.error = error
        raise HiddenError(type(error).__name__) from None
