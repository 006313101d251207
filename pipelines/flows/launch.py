"""Decides whether a command's load runs through Prefect or in this process, and starts it.

Prefect is imported only where it is used, and so is what nights, resume and replay need beside a load. Either way the
same function does the work, with the same settings.
"""

from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.prefect_settings import prefect_server
from pipelines.arguments import speaking_of_flags
from pipelines.flows.bridge import plain_options, through_prefect
from pipelines.load import carry_out
from pipelines.loading.spec import LoadSpec
from pipelines.options import Options, Progress
from pipelines.report.report import Report

if TYPE_CHECKING:
    from pipelines.nights.backfill import BackfillReport
    from pipelines.nights.report import NightlyReport


def goes_through_prefect(asked: bool | None) -> bool:  # noqa: FBT001  # the value of a flag
    """Whether a load goes through Prefect: as asked for, or else where a server is named.

    Args:
        asked: True for --prefect, which starts a temporary server where none is named; False for --direct.
    """
    return prefect_server() is not None if asked is None else asked


@speaking_of_flags()
def launch_load(
    operation: str, extracts: list[str], options: Options, progress: Progress, *, prefect: bool | None
) -> Report:
    """Loads one extract, as `load` does.

    Args:
        operation: its name, such as `investor-records`.
        extracts: files, globs or directories of CSV or Parquet.
        options: of the load.
        progress: receives notes and progress.
        prefect: see `goes_through_prefect`.

    Raises:
        UnreachableError: Prefect could not run the load, or failed while it ran; the message says which.
        LoadError: as `load` raises it.
    """
    if not goes_through_prefect(prefect):
        return carry_out(LoadSpec.of(operation, extracts, progress=progress, **vars(options)))
    from pipelines.flows import flows

    return through_prefect(partial(flows.load_extract, operation, extracts, plain_options(options)), Report, progress)


@speaking_of_flags()
def launch_nightly(
    folder: Path,
    options: Options,
    progress: Progress,
    *,
    day: date | None = None,
    verify: str | None = None,
    again: bool,
    prefect: bool | None,
) -> "NightlyReport":
    """Loads a night, as `nightly` does; see `launch_load`."""
    more: dict[str, Any] = {"again": again, **({"verify": verify} if verify else {})}
    if not goes_through_prefect(prefect):
        from pipelines.nights.nightly import nightly

        return nightly(folder, progress=progress, **{**vars(options), **more, **({"day": day} if day else {})})
    from pipelines.flows import flows
    from pipelines.nights.report import NightlyReport

    form = plain_options(options, of_night=True)
    work = partial(flows.nightly_load, str(folder), day, again=again, verify=verify, options=form)
    return through_prefect(work, NightlyReport, progress)


@speaking_of_flags()
def launch_trading_day(
    folder: Path, options: Options, progress: Progress, *, again: bool, prefect: bool | None
) -> "NightlyReport":
    """Loads a trading day, as `trading_day` does; see `launch_load`."""
    if not goes_through_prefect(prefect):
        from pipelines.nights.trading_day import trading_day

        return trading_day(folder, progress=progress, again=again, **vars(options))
    from pipelines.flows import flows
    from pipelines.nights.report import NightlyReport

    work = partial(flows.trading_day, str(folder), again=again, options=plain_options(options, of_night=True))
    return through_prefect(work, NightlyReport, progress)


@speaking_of_flags()
def launch_backfill(
    folder_pattern: str,
    dates: tuple[date, date],
    options: Options,
    progress: Progress,
    *,
    again: bool,
    prefect: bool | None,
) -> "BackfillReport":
    """Loads the nights from the first to the last of two dates, as `backfill` does; see `launch_load`."""
    if not goes_through_prefect(prefect):
        from pipelines.nights.backfill import backfill

        return backfill(folder_pattern, *dates, progress=progress, again=again, **vars(options))
    from pipelines.flows import flows
    from pipelines.nights.backfill import BackfillReport

    work = partial(flows.backfill, folder_pattern, *dates, again=again, options=plain_options(options, of_night=True))
    return through_prefect(work, BackfillReport, progress)


@speaking_of_flags()
def launch_resume(
    run: str,
    runs: Path,
    target: str | None,
    progress: Progress,
    *,
    force: bool,
    limits: Mapping[str, str],
    crew: Mapping[str, str],
    prefect: bool | None,
) -> Report:
    """Finishes a run that stopped, as `resume` does; see `launch_load`."""
    if not goes_through_prefect(prefect):
        from pipelines.resume import resume

        return resume(run, runs=runs, target=target, force=force, limits=limits, crew=crew, progress=progress)
    from pipelines.flows import flows

    work = partial(flows.resume_run, run, str(runs), target, force=force, limits=dict(limits), crew=dict(crew))
    return through_prefect(work, Report, progress)


@speaking_of_flags()
def launch_replay(
    run: str, corrected: Path | None, runs: Path, target: str | None, progress: Progress, *, prefect: bool | None
) -> Report:
    """Sends only the rows of a run that were not accepted, as `replay` does; see `launch_load`."""
    if not goes_through_prefect(prefect):
        from pipelines.replay import replay

        return replay(run, corrected, runs=runs, target=target, progress=progress)
    from pipelines.flows import flows

    path = str(corrected) if corrected else None
    return through_prefect(partial(flows.replay_run, run, str(runs), path, target), Report, progress)
