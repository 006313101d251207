"""The commands that load: `load`, `nightly` and `trading-day`. They read flags, call and show; no work is done here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pipelines.cli.flags import DirectFlag, JsonFlag, OperationArgument, named, with_options
from schemas.answers import server_text

if TYPE_CHECKING:
    from pipelines.nights.report import NightlyReport
    from pipelines.options import Options
    from pipelines.report.report import Report


@with_options(one_extract=True)
def load(
    operation: OperationArgument,
    extracts: Annotated[list[str], typer.Argument(help="Files, globs or directories of CSV or Parquet: one extract.")],
    *,
    options: "Options",
    as_json: JsonFlag = False,
    prefect: Annotated[
        bool | None, typer.Option("--prefect/--direct", help="Through Prefect; default: where PREFECT_API_URL is set.")
    ] = None,
) -> None:
    """Load one extract, and account for every row."""
    from connectors.lusid.settings import prefect_api_url
    from pipelines.cli.console import TerminalProgress, stderr_console
    from pipelines.load import load as load_extract

    with TerminalProgress(stderr_console()) as progress:
        if prefect_api_url() if prefect is None else prefect:
            from pipelines.flows.flows import run_load_flow

            report = run_load_flow(operation, extracts, options, progress)
        else:
            report = load_extract(operation, extracts, progress=progress, **vars(options))
    show([report], report.as_json() if as_json else None)
    raise typer.Exit(report.exit_code)


FolderArgument = Annotated[
    Path,
    typer.Argument(parser=named, metavar="FOLDER", help="Holds the extracts, by name, and mappings if they need any."),
]
AgainFlag = Annotated[bool, typer.Option("--again", help="Load all anew; default: go on where an earlier one stopped.")]


@with_options()
def nightly(
    folder: FolderArgument,
    *,
    options: "Options",
    again: AgainFlag = False,
    direct: DirectFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load a night's investors, accounts and orders in that order; what depends on a failed row is held.
    A night that stopped is gone on with.
    """  # noqa: D205  # one paragraph of --help
    _show_night(run_night(folder, options, direct=direct, again=again), as_json=as_json)


@with_options()
def trading_day(
    folder: FolderArgument,
    *,
    options: "Options",
    again: AgainFlag = False,
    direct: DirectFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load a day's orders, moves, placements, executions, allocations and bookings in that order.
    A day that stopped is gone on with.
    """  # noqa: D205  # one paragraph of --help
    _show_night(run_day(folder, options, direct=direct, again=again), as_json=as_json)


def run_night(folder: Path, options: "Options", *, direct: bool, again: bool = False) -> "NightlyReport":
    """A nightly load, through Prefect or directly; progress goes to stderr."""
    from pipelines.cli.console import TerminalProgress, stderr_console

    with TerminalProgress(stderr_console()) as progress:
        if direct:
            from pipelines.nights.nightly import nightly as direct_nightly

            return direct_nightly(folder, progress=progress, again=again, **vars(options))
        from pipelines.flows.flows import run_nightly_flow

        return run_nightly_flow(folder, options, progress, again=again)


def run_day(folder: Path, options: "Options", *, direct: bool, again: bool = False) -> "NightlyReport":
    """A trading day, through Prefect or directly; progress goes to stderr."""
    from pipelines.cli.console import TerminalProgress, stderr_console

    with TerminalProgress(stderr_console()) as progress:
        if direct:
            from pipelines.nights.trading_day import trading_day as direct_day

            return direct_day(folder, progress=progress, again=again, **vars(options))
        from pipelines.flows.flows import run_trading_day_flow

        return run_trading_day_flow(folder, options, progress, again=again)


def _show_night(night: "NightlyReport", *, as_json: bool) -> NoReturn:
    """The outcome of several loads, and the command's end."""
    show(night.reports, night.as_json() if as_json else None)
    if night.error is not None:
        typer.echo(f"bulkload: {server_text(night.error.message, 1000)}", err=True)
    raise typer.Exit(night.exit_code)


def show(reports: Sequence["Report"], document: dict[str, Any] | None) -> None:
    """The outcome on stdout: the document, or the summary for a person."""
    from pipelines.cli.console import print_json, print_summaries, stdout_console
    from pipelines.report.summary import Summary

    if document is not None:
        print_json(document)
    else:
        print_summaries([Summary.of_run(r.run_dir) for r in reports], stdout_console())
