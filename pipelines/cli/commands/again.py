"""The commands for earlier runs: `resume` what stopped, `replay` what failed, `purge` what is old."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipelines.cli.commands.load import show, telling
from pipelines.cli.flags import JsonFlag, NotifyFlag, PrefectFlag, QuietFlag, RunArgument, RunsFlag, option
from pipelines.cli.monitoring import MetricsFlag
from schemas.option_types.choices import Engine
from schemas.settings import RUNS
from schemas.texts import one_line, server_text

if TYPE_CHECKING:
    from pipelines.report.report import Report

OwnTargetFlag = Annotated[
    str | None,
    typer.Option("--target", metavar="URL|sandbox[:FILE]", help="Where to load; default: the run's own target."),
]
OwnEngineFlag = Annotated[
    Engine | None,
    typer.Option("--engine", help="Who prepares rows, local or dask; default: the run's own."),
]


def resume(
    run: RunArgument,
    *,
    runs: RunsFlag = RUNS,
    target: OwnTargetFlag = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Resume although the mapping or the requests changed, if the keys are the same."),
    ] = False,
    max_change: Annotated[str | None, option("max_change")] = None,
    max_clear: Annotated[str | None, option("max_clear")] = None,
    max_create: Annotated[str | None, option("max_create")] = None,
    max_vanished: Annotated[str | None, option("max_vanished")] = None,
    engine: OwnEngineFlag = None,
    scheduler: Annotated[str | None, option("scheduler")] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
) -> None:
    """Finish a run that stopped or died.

    Settled rows are not sent again. A run that its guard stopped goes on with a larger limit.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_resume

    given = {"max_change": max_change, "max_clear": max_clear, "max_create": max_create, "max_vanished": max_vanished}
    limits = {name: limit for name, limit in given.items() if limit is not None}
    crew = {name: each for name, each in (("engine", engine), ("scheduler", scheduler)) if each is not None}
    with telling("resume", notify, metrics) as told:
        with progress(quiet=quiet, closed=told.loaded) as shown:
            report = launch_resume(run, runs, target, shown, force=force, limits=limits, crew=crew, prefect=prefect)
        told.ended(report, [report], report.document)
    _show_run(report, as_json=as_json, quiet=quiet)


def replay(
    run: RunArgument,
    failures: Annotated[
        Path | None, typer.Argument(help="failures.csv or failures.xlsx after correction; default: the run's own.")
    ] = None,
    *,
    runs: RunsFlag = RUNS,
    target: OwnTargetFlag = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
) -> None:
    """Send only the rows of a run that were not accepted.

    They come from its failures.csv, corrected or as it is. What a spreadsheet saved is read as it was meant.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_replay

    with telling("replay", notify, metrics) as told:
        with progress(quiet=quiet, closed=told.loaded) as shown:
            report = launch_replay(run, failures, runs, target, shown, prefect=prefect)
        told.ended(report, [report], report.document)
    _show_run(report, as_json=as_json, quiet=quiet)


def purge(
    *,
    older_than: Annotated[str, typer.Option(metavar="AGE", help="Age of the runs to remove, such as 90d or 12h.")],
    runs: RunsFlag = RUNS,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Also remove runs whose manifest is damaged or missing.")
    ] = False,
    any_owner: Annotated[bool, typer.Option("--any-owner", help="Also remove other users' runs.")] = False,
) -> None:
    """Remove your old runs, and the personal data in them."""
    from pipelines.history.retention import purge as remove

    removed = remove(runs, older_than, _note, damaged=damaged, any_owner=any_owner)
    for run_id in removed:
        typer.echo(one_line(run_id))
    typer.echo(f"{len(removed):,} {'run' if len(removed) == 1 else 'runs'} removed from {runs}.")


def _note(text: str) -> None:
    typer.echo(server_text(text, 1000), err=True)


def _show_run(report: "Report", *, as_json: bool, quiet: bool) -> NoReturn:
    show([report], report.document() if as_json else None, quiet=quiet)
    raise typer.Exit(report.exit_code)
