"""The commands that load: `load`, `nightly` and `trading-day`. They read flags, call and show; no work is done here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from pipelines.cli.flags import (
    BatchBytesFlag,
    BatchSizeFlag,
    ConcurrencyFlag,
    DialectFlag,
    DirectFlag,
    DryRunFlag,
    DuplicatesFlag,
    JsonFlag,
    MaxFailuresFlag,
    MinRowsFlag,
    ModeFlag,
    OperationArgument,
    PatienceFlag,
    RunsFlag,
    TargetFlag,
    named,
    with_options,
)
from schemas import settings
from schemas.answers import server_text

if TYPE_CHECKING:
    from pipelines.nights.report import NightlyReport
    from pipelines.options import Options
    from pipelines.report.report import Report


def load(
    operation: OperationArgument,
    extracts: Annotated[list[str], typer.Argument(help="Files, globs or directories of CSV or Parquet: one extract.")],
    *,
    mode: ModeFlag = settings.MODE,
    mapping: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="YAML that names your columns; default: canonical headers."),
    ] = None,
    target: TargetFlag = None,
    dialect: DialectFlag = settings.DIALECT,
    encoding: Annotated[
        str | None, typer.Option(help="Of CSV, such as cp1252; default: the mapping's, or UTF-8.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of CSV; default: the mapping's, or a comma.")] = None,
    runs: RunsFlag = settings.RUNS,
    batch_size: BatchSizeFlag = settings.BATCH_SIZE,
    max_batch_bytes: BatchBytesFlag = settings.MAX_BATCH_BYTES,
    concurrency: ConcurrencyFlag = settings.CONCURRENCY,
    patience: PatienceFlag = settings.PATIENCE_SECONDS,
    duplicates: DuplicatesFlag = settings.DUPLICATES,
    max_failures: MaxFailuresFlag = None,
    once: Annotated[bool, typer.Option("--once", help="Refuse an extract that a run has finished already.")] = False,
    expect_rows: Annotated[int | None, typer.Option(min=0, help="Data rows the extract must have, exactly.")] = None,
    min_rows: MinRowsFlag = None,
    control_total: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=SUM", help="What a column must add up to; may be repeated.")
    ] = None,
    trailer: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT[=CELL]", help="Each file ends in a trailer whose first cell is TEXT; its CELL holds its rows."
        ),
    ] = None,
    done_marker: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="A file that must be there, and no older than the extract."),
    ] = None,
    settled: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="How long the files must have been left alone.")
    ] = None,
    dry_run: DryRunFlag = False,
    as_json: JsonFlag = False,
    prefect: Annotated[
        bool | None, typer.Option("--prefect/--direct", help="Through Prefect; default: where PREFECT_API_URL is set.")
    ] = None,
) -> None:
    """Load one extract, and account for every row."""
    from connectors.lusid.settings import prefect_api_url
    from pipelines.cli.console import TerminalProgress, stderr_console
    from pipelines.cli.expect_flags import expectations
    from pipelines.load import load as load_extract
    from pipelines.options import Options

    options = Options.of(
        mode=mode,
        mapping=mapping,
        target=target,
        dialect=dialect,
        encoding=encoding,
        delimiter=delimiter,
        runs=runs,
        batch_size=batch_size,
        max_batch_bytes=max_batch_bytes,
        concurrency=concurrency,
        patience=patience,
        duplicates=duplicates,
        max_failures=max_failures,
        once=once,
        dry_run=dry_run,
        expect=expectations(
            rows=expect_rows,
            min_rows=min_rows,
            totals=control_total or None,
            trailer=trailer,
            done_marker=done_marker,
            settled_seconds=settled,
        ),
    )
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


@with_options
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


@with_options
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
