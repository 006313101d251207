"""The flows: a load, a night, a trading day and a backfill as Prefect runs them, and how a caller has them run.

Each calls the plain function of the same work, with loads that are `tasks`; what Prefect adds is a place to see it
and a schedule. Nothing of a row goes through Prefect, which would keep a copy.
"""

import traceback
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from connectors.lusid.settings import configure_prefect
from pipelines.flows.bridge import Outcome, plain_options, the_desk, through_prefect
from pipelines.nights.backfill import BackfillReport
from pipelines.nights.backfill import backfill as backfill_nights
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.nights.trading_day import trading_day as load_trading_day
from pipelines.options import Extracts, Options, Progress
from pipelines.report.report import Report
from schemas.errors import LoadError
from schemas.states import GOOD
from schemas.verdicts import EXIT_CODES, Verdict

configure_prefect()

from prefect import flow  # noqa: E402 - it reads its settings when it is imported
from prefect.client.schemas.objects import State  # noqa: E402
from prefect.states import Completed, Failed  # noqa: E402

from pipelines.flows.tasks import load_in_tasks  # noqa: E402 - it imports Prefect

REJECTS = "Rejects"
"""The name of the completed state of a flow that finished without some rows."""


@flow(name="load-extract", flow_run_name="load {operation}", persist_result=False)
def load_extract(operation: str, extracts: list[str], options: dict[str, Any] | None = None) -> State[None]:
    """Loads one extract.

    Args:
        operation: its name, such as `investor-records`.
        extracts: files, globs or directories of CSV or Parquet.
        options: fields of `Options`.
    """
    return _state_of(lambda: load_in_tasks(operation, extracts, progress=the_desk().progress, **(options or {})))


@flow(name="nightly-load", flow_run_name="night of {folder}", persist_result=False)
def nightly_load(folder: str, options: dict[str, Any] | None = None) -> State[None]:
    """Loads a folder's investor records, investment accounts and orders; what depends on a failed row is held.

    Args:
        folder: holds the extracts, by name, and their mappings.
        options: fields of `Options`.
    """
    return _state_of(lambda: _night_in_tasks(Path(folder), progress=the_desk().progress, **(options or {})))


@flow(name="trading-day", flow_run_name="trading day of {folder}", persist_result=False)
def trading_day(folder: str, options: dict[str, Any] | None = None) -> State[None]:
    """Loads a folder's orders and all that becomes of them; what depends on a failed row is held.

    Args:
        folder: holds the extracts, by name, and their mappings.
        options: fields of `Options`.
    """
    return _state_of(lambda: _day_in_tasks(Path(folder), progress=the_desk().progress, **(options or {})))


@flow(name="backfill", flow_run_name="backfill {first} to {last}", persist_result=False)
def backfill(folder_pattern: str, first: date, last: date, options: dict[str, Any] | None = None) -> State[None]:
    """Loads the nights of past business dates.

    Args:
        folder_pattern: where a date's extracts are, such as `/extracts/{date:%Y%m%d}`.
        first: the first date; last: the last date, included.
        options: fields of `Options`, and `again` to load what is done already.
    """
    settings = {"progress": the_desk().progress, "night": _night_in_tasks, **(options or {})}
    return _state_of(lambda: backfill_nights(folder_pattern, first, last, **settings))


def run_load_flow(operation: str, extracts: Extracts, options: Options, progress: Progress | None = None) -> Report:
    """Loads one extract through Prefect: on the server that PREFECT_API_URL names, or else on a temporary one.

    Raises:
        ConfigError: an option cannot go through Prefect, or as `load` raises it.
        UnreachableError: Prefect could not run the flow, or failed while it ran; the message says which.
        LoadError: as `load` raises it.
    """
    paths = [extracts] if isinstance(extracts, str | Path) else list(extracts)
    plain = plain_options(options)
    return through_prefect(partial(load_extract, operation, list(map(str, paths)), plain), Report, progress)


def run_nightly_flow(
    folder: Path, options: Options, progress: Progress | None = None, *, again: bool = False
) -> NightlyReport:
    """Loads a night through Prefect; see `run_load_flow` and `nightly`."""
    settings = {**plain_options(options), "again": again}
    return through_prefect(partial(nightly_load, str(folder), settings), NightlyReport, progress)


def run_trading_day_flow(
    folder: Path, options: Options, progress: Progress | None = None, *, again: bool = False
) -> NightlyReport:
    """Loads a trading day through Prefect; see `run_load_flow` and `pipelines.nights.trading_day`."""
    settings = {**plain_options(options), "again": again}
    return through_prefect(partial(trading_day, str(folder), settings), NightlyReport, progress)


def run_backfill_flow(
    folder_pattern: str,
    dates: tuple[date, date],
    options: Options,
    progress: Progress | None = None,
    *,
    again: bool = False,
) -> BackfillReport:
    """Loads the nights from the first to the last of two dates through Prefect; see `run_load_flow`, `backfill`."""
    settings = {**plain_options(options), "again": again}
    return through_prefect(partial(backfill, folder_pattern, *dates, settings), BackfillReport, progress)


_night_in_tasks = partial(nightly, load=load_in_tasks)
_day_in_tasks = partial(load_trading_day, load=load_in_tasks)


def _state_of(carry_out: Callable[[], Outcome]) -> State[None]:
    """The state a flow ends in: failed when it stopped, completed under another name when rows did not make it."""
    desk = the_desk()
    try:
        outcome = desk.outcome = carry_out()
    except LoadError as error:
        desk.outcome = error
        return Failed(message=error.message)
    except Exception as error:  # noqa: BLE001 - a defect: the caller raises it
        desk.outcome = error
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failed(
            message=f"a bug in bulkload: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        )
    told = f"exit code {outcome.exit_code}; {'; '.join(_told(outcome)) or 'nothing to load'}"
    if outcome.exit_code == EXIT_CODES[Verdict.COMPLETE]:
        return Completed(message=told)
    if outcome.exit_code == EXIT_CODES[Verdict.REJECTS]:
        return Completed(name=REJECTS, message=told)
    return Failed(message=told)


def _told(outcome: Outcome) -> Iterator[str]:
    """What a state says of each load; an error's message is ours and quotes no cell."""
    match outcome:
        case Report():
            rest = {s.value: n for s, n in outcome.rows.items() if n and s not in GOOD}
            others = "".join(f", {n:,} {state}" for state, n in rest.items())
            yield f"{outcome.operation}: {outcome.rows_read:,} rows read{others} ({outcome.run_id})"
        case NightlyReport():
            for report in outcome.reports:
                yield from _told(report)
            if outcome.error is not None:
                yield outcome.error.message
        case BackfillReport():
            for _, night in outcome.nights:
                yield from _told(night)
