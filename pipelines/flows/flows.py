"""The flows: one for each loading command.

Each calls the same function as the command does without Prefect, with loads whose steps are `tasks`. Prefect adds a
schedule and a place to watch. Nothing from a row goes through Prefect, which would store it.
"""

import traceback
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from connectors.prefect_settings import configure_prefect
from pipelines.arguments import speaking_of_flags
from pipelines.flows import outcomes
from pipelines.flows.asking_first import loads_of_night, loads_of_nights, loads_of_trading_day, stop_if_missing
from pipelines.flows.bridge import current_bridge
from pipelines.flows.form import LoadForm, NightForm
from pipelines.flows.outcomes import Outcome
from pipelines.loading.spec import LoadSpec
from pipelines.nights.backfill import backfill as backfill_nights
from pipelines.nights.nightly import nightly
from pipelines.nights.trading_day import trading_day as load_trading_day
from pipelines.options import Progress
from pipelines.replay import replay
from pipelines.resume import resume
from schemas.errors import LoadError

configure_prefect()

from prefect import flow  # noqa: E402 - it reads its settings when it is imported
from prefect.client.schemas.objects import State  # noqa: E402
from prefect.states import Completed, Failed  # noqa: E402

from pipelines.flows import artifacts, names  # noqa: E402 - they import Prefect
from pipelines.flows.tasks import carry_out_in_tasks  # noqa: E402 - it imports Prefect

_LOAD, _NIGHT = LoadForm(), NightForm()
"""Forms that nobody filled in."""


@flow(name="load-extract", flow_run_name=names.load_name, persist_result=False)
def load_extract(
    operation: str,
    extracts: list[str],
    options: LoadForm = _LOAD,
    preflight: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
) -> State[None]:
    """Loads one extract.

    Args:
        operation: its name, such as `investor-records`.
        extracts: files, globs or directories of CSV or Parquet.
        options: of the load; what is left empty has its default.
        preflight: first ask LUSID for what the rows refer to; where something is missing, nothing is sent.
    """

    def work(progress: Progress) -> Outcome:
        spec = LoadSpec.of(operation, extracts, progress=progress, **options.given())
        if preflight:
            stop_if_missing([spec], progress)
        return carry_out_in_tasks(spec)

    return _state_of("load-extract", work)


@flow(name="nightly-load", flow_run_name=names.folder_name("nightly"), persist_result=False)
def nightly_load(
    folder: str,
    day: date | None = None,
    again: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
    verify: str | None = None,
    options: NightForm = _NIGHT,
    preflight: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
) -> State[None]:
    """Loads a folder's investor records, investment accounts and orders; rows that depend on a failed row are held.

    Args:
        folder: holds the extracts, by name, and their mappings; may hold `{date:...}`.
        day: the business date; empty for the one that it is now.
        again: load everything anew; otherwise a night that stopped resumes.
        verify: how many of the accepted keys to read back at the end, such as `5%`; empty for none.
        options: of every load; what is left empty has its default.
        preflight: first ask LUSID for what the rows refer to; where something is missing, nothing is sent.
    """
    given = options.given() | ({"verify": verify} if verify else {})

    def work(progress: Progress) -> Outcome:
        if preflight:
            stop_if_missing(loads_of_night(folder, options.given(), day, progress.note), progress)
        return _night_in_tasks(Path(folder), day=day, progress=progress, again=again, **given)

    return _state_of("nightly-load", work)


@flow(name="trading-day", flow_run_name=names.folder_name("trading day"), persist_result=False)
def trading_day(
    folder: str,
    again: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
    options: NightForm = _NIGHT,
    preflight: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
) -> State[None]:
    """Loads a folder's orders and what follows from them; rows that depend on a failed row are held.

    Args:
        folder: holds the extracts, by name, and their mappings.
        again: load everything anew; otherwise a day that stopped resumes.
        options: of every load; what is left empty has its default.
        preflight: first ask LUSID for what the rows refer to; where something is missing, nothing is sent.
    """

    def work(progress: Progress) -> Outcome:
        given = options.given()
        if preflight:
            stop_if_missing(loads_of_trading_day(folder, given, progress.note), progress)
        return load_trading_day(Path(folder), progress=progress, carry_out=carry_out_in_tasks, again=again, **given)

    return _state_of("trading-day", work)


@flow(name="backfill", flow_run_name="backfill {first} to {last} of {folder_pattern}", persist_result=False)
def backfill(
    folder_pattern: str,
    first: date,
    last: date,
    again: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
    options: NightForm = _NIGHT,
    preflight: bool = False,  # noqa: FBT001, FBT002  # a parameter of a form
) -> State[None]:
    """Loads the nights of past business dates.

    Args:
        folder_pattern: where a date's extracts are, such as `/extracts/{date:%Y%m%d}`.
        first: the first date; last: the last date, included.
        again: also load dates that earlier runs have finished.
        options: of every load; what is left empty has its default.
        preflight: first ask LUSID for what the rows of all dates refer to; where something is missing, nothing is sent.
    """
    given = options.given()

    def work(progress: Progress) -> Outcome:
        if preflight:
            stop_if_missing(loads_of_nights(folder_pattern, first, last, given, progress.note), progress)
        nights = partial(backfill_nights, folder_pattern, first, last, night=_night_in_tasks)
        return nights(progress=progress, again=again, **given)

    return _state_of("backfill", work)


@flow(name="resume-run", flow_run_name="resume {run}", persist_result=False)
def resume_run(
    run: str,
    runs: str,
    target: str | None = None,
    *,
    force: bool = False,
    limits: dict[str, str] | None = None,
    crew: dict[str, str] | None = None,
) -> State[None]:
    """Finishes a run that stopped or died; settled rows are not sent again.

    Args:
        run: its id, the beginning of it, a path, or `latest`.
        runs: where runs are kept.
        target: replaces the run's own; None keeps that.
        force: resume although the mapping changed, if the keys are the same.
        limits: of the guard, each in place of the run's own.
        crew: who prepares rows (`engine`, `scheduler`), in place of the run's own.
    """
    given = partial(resume, run, runs=Path(runs), target=target, force=force, limits=limits, crew=crew)
    work = partial(given, carry_out=carry_out_in_tasks)
    return _state_of("resume-run", lambda progress: work(progress=progress))


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
    return _state_of("replay-run", lambda progress: work(progress=progress))


_night_in_tasks = partial(nightly, carry_out=carry_out_in_tasks)


def _state_of(key: str, work: Callable[[Progress], Outcome]) -> State[None]:
    """Does a flow's work, publishes how it ended, and returns its final state: `Red` and failed, `Rejects`, or green.

    Args:
        key: of the artifact.
        work: the flow's work, given the progress to report to.
    """
    bridge = current_bridge()
    names.tag()
    progress = artifacts.LoggedProgress(bridge.progress)
    try:
        with speaking_of_flags():
            outcome = work(progress)
    except LoadError as error:
        bridge.leave(error)
        artifacts.publish(key, outcomes.failed_page(error.shareable), bridge.progress.note)
        return Failed(name=outcomes.RED, message=error.shareable)
    except Exception as error:  # noqa: BLE001 - a defect: the caller raises it
        bridge.leave(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"a bug in bulkload: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        return Failed(name=outcomes.RED, message=text)
    bridge.leave(outcome)
    artifacts.publish(key, outcomes.page(outcome), bridge.progress.note)
    message, name = outcomes.message(outcome), outcomes.state_name(outcome)
    return Failed(name=name, message=message) if name == outcomes.RED else Completed(name=name, message=message)
