"""A load as Prefect sees it: one task for each step.

A task is given the call to make, and makes it in this process; Prefect is told the step's name and the run's id. To be
imported once Prefect's settings are settled, as `flows` does.

No task retries. The client is the one retrying layer: it knows what was never sent and what may have been applied,
and a retry around it would send settled keys again. A run that stopped is resumed, not retried.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.flows import artifacts
from pipelines.loading.closing import close_books
from pipelines.loading.opening import open_run
from pipelines.loading.preparing import prepare
from pipelines.loading.sending import send
from pipelines.loading.spec import LoadSpec
from pipelines.report.report import Report

_T = TypeVar("_T")


class HiddenError(Exception):
    """What Prefect is told of an error: its kind. It keeps texts and tracebacks, and those may quote a row."""


def carry_out_in_tasks(spec: LoadSpec) -> Report:
    """Takes a load through its steps as `pipelines.load.carry_out` does, with a task for each."""
    shown = artifacts.PublishedProgress(spec.operation.name, spec.progress)
    with open_run(replace(spec, progress=shown)) as run:
        run_id = run.folder.run_id
        prepared = _in_a_task(f"prepare {run_id}", lambda: prepare(run))
        sent = _in_a_task(f"send {run_id}", lambda: send(prepared))
        report = _in_a_task(f"close the books of {run_id}", lambda: close_books(prepared, sent))
        artifacts.publish(report, spec.progress.note)
        return report


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def carry_out_step(name: str, step: Callable[[], None]) -> None:
    """Carries out one step of a load."""
    del name  # it is for Prefect
    step()


def _in_a_task(name: str, step: Callable[[], _T]) -> _T:
    """What a step returns, or the error that ended it, as it was; Prefect is told no more than the error's kind."""
    results: list[_T] = []
    errors: list[Exception] = []

    def out_of_sight() -> None:
        try:
            results.append(step())
        except Exception as error:  # noqa: BLE001 - it is raised again, out of Prefect's sight
            errors.append(error)
            raise HiddenError(type(error).__name__) from None

    try:
        carry_out_step(name, out_of_sight)
    except HiddenError:
        (error,) = errors
        raise error from error.__cause__
    (result,) = results
    return result
