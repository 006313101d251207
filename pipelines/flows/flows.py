"""The flows: one for each loading command.

Each calls the same function as the command does without Prefect, with loads whose steps are `tasks`. Prefect adds a
schedule and a place to watch. Nothing from a row goes through Prefect, which would store it.
"""

import traceback
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from connectors.prefect_settings import configure_prefect
from pipelines.flows.bridge import Outcome, current_bridge
from pipelines.loading.spec import LoadSpec
from pipelines.nights.backfill import BackfillReport
from pipelines.nights.backfill import backfill as backfill_nights
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.nights.trading_day import trading_day as load_trading_day
from pipelines.options import Progress
from pipelines.replay import replay
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import LoadError
from schemas.states import EXIT_CODES, GOOD, Verdict

configure_prefect()

from prefect import flow  # noqa: E402 - it reads its settings when it is imported
from prefect.client.schemas.objects import State  # noqa: E402
from prefect.states import Completed, Failed  # noqa: E402

from pipelines.flows.tasks import carry_out_in_tasks  # noqa: E402 - it imports Prefect

REJECTS = "Rejects"
"""The name of the completed state of a flow in which some rows were not accepted."""


@flow(name="load-extract", flow_run_name="load {operation}", persist_result=False)
def load_extract(operation: str, extracts: list[str], options: dict[str, Any] | None = None) -> State[None]:
    """Loads one extract.

    Args:
        operation: its name, such as `investor-records`.
        extracts: files, globs or directories of CSV or Parquet.
        options: fields of `Options`.
    """
    return _state_of(
        lambda progress: carry_out_in_tasks(LoadSpec.of(operation, extracts, progress=progress, **(options or {})))
    )


@flow(name="nightly-load", flow_run_name="night of {folder}", persist_result=False)
def nightly_load(folder: str, options: dict[str, Any] | None = None) -> State[None]:
    """Loads a folder's investor records, investment accounts and orders; rows that depend on a failed row are held.

    Args:
        folder: holds the extracts, by name, and their mappings; may hold `{date:...}`.
        options: fields of `Options`, and the business date as `day`.
    """
    settings = dict(options or {})
    day = settings.pop("day", None)
    on = date.fromisoformat(day) if isinstance(day, str) else day
    return _state_of(lambda progress: _night_in_tasks(Path(folder), day=on, progress=progress, **settings))


@flow(name="trading-day", flow_run_name="trading day of {folder}", persist_result=False)
def trading_day(folder: str, options: dict[str, Any] | None = None) -> State[None]:
    """Loads a folder's orders and what follows from them; rows that depend on a failed row are held.

    Args:
        folder: holds the extracts, by name, and their mappings.
        options: fields of `Options`.
    """
    return _state_of(
        lambda progress: load_trading_day(
            Path(folder), progress=progress, carry_out=carry_out_in_tasks, **(options or {})
        )
    )


@flow(name="backfill", flow_run_name="backfill {first} to {last}", persist_result=False)
def backfill(folder_pattern: str, first: date, last: date, options: dict[str, Any] | None = None) -> State[None]:
    """Loads the nights of past business dates.

    Args:
        folder_pattern: where a date's extracts are, such as `/extracts/{date:%Y%m%d}`.
        first: the first date; last: the last date, included.
        options: fields of `Options`, and `again` to load finished dates too.
    """
    settings = {"night": _night_in_tasks, **(options or {})}
    return _state_of(lambda progress: backfill_nights(folder_pattern, first, last, progress=progress, **settings))


@flow(name="resume-run", flow_run_name="resume {run}", persist_result=False)
def resume_run(
    run: str, runs: str, target: str | None = None, *, force: bool = False, limits: dict[str, str] | None = None
) -> State[None]:
    """Finishes a run that stopped or died; settled rows are not sent again.

    Args:
        run: its id, the beginning of it, a path, or `latest`.
        runs: where runs are kept.
        target: replaces the run's own; None keeps that.
        force: resume although the mapping changed, if the keys are the same.
        limits: of the guard, each in place of the run's own.
    """
    work = partial(
        resume, run, runs=Path(runs), target=target, force=force, limits=limits, carry_out=carry_out_in_tasks
    )
    return _state_of(lambda progress: work(progress=progress))


@flow(name="replay-run", flow_run_name="replay {run}", persist_result=False)
def replay_run(run: str, runs: str, corrected: str | None = None, target: str | None = None) -> State[None]:
    """Sends only the rows of a run that were not accepted.

    Args:
        run: its id, the beginning of it, a path, or `latest`.
        runs: where runs are kept.
        corrected: its failures.csv after correction; None takes the one in its folder.
        target: replaces the run's own; None keeps that.
    """
    path = Path(corrected) if corrected else None
    work = partial(replay, run, path, runs=Path(runs), target=target, carry_out=carry_out_in_tasks)
    return _state_of(lambda progress: work(progress=progress))


_night_in_tasks = partial(nightly, carry_out=carry_out_in_tasks)


def _state_of(work: Callable[[Progress], Outcome]) -> State[None]:
    """Does a flow's work and returns its final state: failed if it stopped, `REJECTS` if rows were not accepted.

    Args:
        work: the flow's work, given the progress to report to.
    """
    bridge = current_bridge()
    try:
        outcome = work(bridge.progress)
        bridge.leave(outcome)
    except LoadError as error:
        bridge.leave(error)
        return Failed(message=error.message)
    except Exception as error:  # noqa: BLE001 - a defect: the caller raises it
        bridge.leave(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failed(
            message=f"a bug in bulkload: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        )
    where = f"into {outcome.target}" if outcome.target else "a dry run"
    message = f"exit code {outcome.exit_code}, {where}; {'; '.join(_loads_in_words(outcome)) or 'nothing to load'}"
    if outcome.exit_code == EXIT_CODES[Verdict.COMPLETE]:
        return Completed(message=message)
    if outcome.exit_code == EXIT_CODES[Verdict.REJECTS]:
        return Completed(name=REJECTS, message=message)
    return Failed(message=message)


def _loads_in_words(outcome: Outcome) -> Iterator[str]:
    """A line for each load, for the state's message; an error's message is ours and quotes no cell."""
    match outcome:
        case Report():
            rest = {s.value: n for s, n in outcome.rows.items() if n and s not in GOOD}
            others = "".join(f", {n:,} {state}" for state, n in rest.items())
            alerts = f", {len(outcome.alerts):,} alerts" if outcome.alerts else ""
            yield f"{outcome.operation}: {outcome.rows_read:,} rows read{others}{alerts} ({outcome.run_id})"
        case NightlyReport():
            for report in outcome.reports:
                yield from _loads_in_words(report)
            if outcome.error is not None:
                yield outcome.error.message
        case BackfillReport():
            for _, night in outcome.nights:
                yield from _loads_in_words(night)
