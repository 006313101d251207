"""Carries out a load with one Prefect task for each step.

A task makes its call in this process; Prefect learns only the step's name and the run's id. Import this module after
Prefect has been configured, as `flows` does.

No task retries. The client alone does: it knows what was never sent and what may have been applied, and a retry around
it would send settled keys again. A run that stopped is resumed, not retried.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines.flows import artifacts, outcomes
from pipelines.loading.ahead import look_ahead
from pipelines.loading.opening import open_run
from pipelines.loading.places import named_target
from pipelines.loading.run import close_books, prepare
from pipelines.loading.sending import Sent, send
from pipelines.loading.spec import LoadSpec
from pipelines.report.report import Report
from schemas.texts import many

_T = TypeVar("_T")


class HiddenError(Exception):
    """Shows Prefect only the type of an error: Prefect stores texts and tracebacks, and those may quote a row."""


def carry_out_in_tasks(spec: LoadSpec) -> Report:
    """Takes a load through its steps as `pipelines.load.carry_out` does, with a task for each."""
    name, target = spec.operation.name, named_target(spec.options)
    shown, log = artifacts.PublishedProgress(name, target, spec.progress), artifacts.flow_log()
    with open_run(replace(spec, progress=shown)) as run:
        run_id = run.folder.run_id
        log(f"{name}: {run_id} begins, {f'into {target}' if target else 'a dry run'}")
        prepared = _in_a_task(f"prepare {run_id}", lambda: prepare(run))
        requests = prepared.requests
        log(f"{name}: {many(requests.rows_read, 'row', 'rows')} read, {many(len(requests), 'request', 'requests')}")
        stop = look_ahead(prepared)
        sent = Sent(stop) if stop else _in_a_task(f"send {run_id}", lambda: send(prepared))
        report = _in_a_task(f"close the books of {run_id}", lambda: close_books(prepared, sent))
        log(f"{name}: {report.verdict}, {outcomes.counts(report)}; see {report.run_dir}")
        return report


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def carry_out_step(name: str, step: Callable[[], None]) -> None:
    """Carries out one step of a load."""
    del name  # Prefect names the task by it
    step()


def _in_a_task(name: str, step: Callable[[], _T]) -> _T:
    """Runs a step in a task and returns its result or raises its error, of which Prefect sees only the type."""
    results: list[_T] = []
    errors: list[Exception] = []

    def hidden_from_prefect() -> None:
        try:
            results.append(step())
        except Exception as error:  # noqa: BLE001 - raised again outside the task
            errors.append(error)
            raise HiddenError(type(error).__name__) from None

    try:
        carry_out_step(name, hidden_from_prefect)
    except HiddenError:
        (error,) = errors
        raise error from error.__cause__
    (result,) = results
    return result
