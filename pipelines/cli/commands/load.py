"""The commands that load: `load`, `nightly` and `trading-day`."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipelines.cli.commands.preflight import PreflightFlag, before_load, before_night, before_trading_day
from pipelines.cli.flags import JsonFlag, NotifyFlag, OperationArgument, PrefectFlag, QuietFlag, named, with_options
from pipelines.cli.monitoring import HEARTBEAT, HeartbeatFlag, MetricsFlag, Monitoring, monitoring
from schemas.texts import server_text

if TYPE_CHECKING:
    from datetime import date as Date  # noqa: N812  # a flag is called `date`

    from pipelines.nights.backfill import BackfillReport
    from pipelines.nights.report import NightlyReport
    from pipelines.options import Options
    from pipelines.report.notify import Tell
    from pipelines.report.report import Report
    from schemas.documents import Document

    Outcome = Report | NightlyReport | BackfillReport


@with_options(one_extract=True)
def load(
    operation: OperationArgument,
    extracts: Annotated[list[str], typer.Argument(help="Files, globs or directories of CSV or Parquet: one extract.")],
    *,
    options: "Options",
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
    preflight: PreflightFlag = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
) -> None:
    """Load one extract and account for every row."""
    with telling("load", notify, metrics) as told:
        if preflight:
            before_load(operation, extracts, options)
        from pipelines.prepare.processes.early import started_early
        from schemas.option_types.choices import Engine

        with started_early(extracts, options.workers if options.engine is Engine.LOCAL else 1):
            from pipelines.cli.console import progress
            from pipelines.flows.launch import launch_load

            with progress(quiet=quiet, closed=told.loaded) as shown:
                report = launch_load(operation, extracts, options, shown, prefect=prefect)
        told.ended(report, [report], report.document)
    show([report], report.document() if as_json else None, quiet=quiet)
    raise typer.Exit(report.exit_code)


FolderArgument = Annotated[
    Path,
    typer.Argument(parser=named, metavar="FOLDER", help="Folder with the extracts, by name, and their mappings."),
]
AgainFlag = Annotated[
    bool, typer.Option("--again", help="Load everything anew; default: resume where the last one stopped.")
]


NightArgument = Annotated[
    Path,
    typer.Argument(
        parser=named,
        metavar="FOLDER",
        help="Folder with the extracts, by name, and their mappings; may hold the date: '/extracts/{date:%Y%m%d}'.",
    ),
]
DateFlag = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], metavar="DATE", help="Business date; default: today's."),
]
VerifyFlag = Annotated[
    str | None,
    typer.Option(metavar="N|N%", help="Accepted keys to read back at the end; where any differs, end with 3."),
]


@with_options()
def nightly(
    context: typer.Context,
    folder: NightArgument,
    *,
    options: "Options",
    date: DateFlag = None,
    preflight: PreflightFlag = False,
    verify: VerifyFlag = None,
    again: AgainFlag = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
    heartbeat: HeartbeatFlag = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load a night's investors, then accounts, then orders.

    Rows that depend on a failed row are held. A stopped night resumes where it left off. What the night requires, and
    how each extract is loaded, its night.yaml says (docs/nights.md).
    """
    day = date.date() if date else None
    with telling("nightly", notify, metrics, heartbeat) as told:
        if preflight:
            before_night(folder, options, day)
        night = run_night(
            folder, options, day=day, verify=verify, prefect=prefect, again=again, quiet=quiet, loaded=told.loaded
        )
        told.ended(night, night.reports, lambda: night.document(repeated(context), outside=True))
    _show_night(night, repeated(context), as_json=as_json, quiet=quiet)


@with_options()
def trading_day(
    context: typer.Context,
    folder: FolderArgument,
    *,
    options: "Options",
    preflight: PreflightFlag = False,
    again: AgainFlag = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load a trading day, from orders to booked transactions.

    Orders come first, then moves, placements, cancellations, executions, allocations and bookings. Rows that depend on
    a failed row are held. A stopped day resumes where it left off.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_trading_day

    with telling("trading-day", notify, metrics) as told:
        if preflight:
            before_trading_day(folder, options)
        with progress(quiet=quiet, closed=told.loaded) as shown:
            day = launch_trading_day(folder, options, shown, again=again, prefect=prefect)
        told.ended(day, day.reports, lambda: day.document(repeated(context), outside=True))
    _show_night(day, repeated(context), as_json=as_json, quiet=quiet)


def run_night(
    folder: Path,
    options: "Options",
    *,
    day: "Date | None" = None,
    verify: str | None = None,
    prefect: bool | None,
    again: bool = False,
    quiet: bool = False,
    loaded: "Callable[[Path], None]" = lambda _: None,
) -> "NightlyReport":
    """Loads a night, with progress on stderr.

    Args:
        folder: holds the extracts, by name, and their mappings.
        options: of every load.
        day: the business date; None for today's.
        verify: how many of the accepted keys to read back at the end, as `N` or `N%`; None for none.
        prefect: see `pipelines.flows.launch.goes_through_prefect`.
        again: load everything anew instead of resuming.
        quiet: show no progress.
        loaded: told of the folder of each run that is over.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_nightly

    with progress(quiet=quiet, closed=loaded) as shown:
        return launch_nightly(folder, options, shown, day=day, verify=verify, again=again, prefect=prefect)


def _show_night(night: "NightlyReport", repeat: str, *, as_json: bool, quiet: bool) -> NoReturn:
    """Prints the outcome of several loads and ends the command."""
    show_nights([night], night.document(repeat) if as_json else None, repeat, quiet=quiet)
    if night.error is not None:
        typer.echo(f"bulkload: {server_text(night.error.message, 1000)}", err=True)
    raise typer.Exit(night.exit_code)


@contextmanager
def telling(command: str, notify: str | None, metrics: Path | None, heartbeat: str | None = None) -> Iterator["Told"]:
    """Tells whoever is to be told how a loading command ends, by a report or by an error; never changes how.

    Args:
        command: its name.
        notify: the URL of --notify.
        metrics: the file of --metrics.
        heartbeat: the URL of --heartbeat.

    Raises:
        ConfigError: one of them cannot be what it is to be; nothing was done.
    """
    from pipelines.report.notify import notifying

    with notifying(notify, note) as tell, monitoring(command, metrics, heartbeat) as monitor:
        yield Told(tell, monitor)


class Told:
    """Whoever is told how a loading command goes.

    Attributes:
        loaded: takes the folder of each run that is over.
    """

    def __init__(self, tell: "Tell", monitor: Monitoring) -> None:
        self._tell, self._monitor = tell, monitor
        self.loaded = monitor.loaded

    def ended(self, outcome: "Outcome", reports: "Sequence[Report]", document: "Callable[[], Document]") -> None:
        """Takes how the command ended.

        Args:
            outcome: of all of it.
            reports: of its loads.
            document: makes the document of --json, as people outside may see it.
        """
        self._tell(document)
        self._monitor.ended(reports, outcome.exit_code, outcome.verdict, outcome.colour)


def note(text: str) -> None:
    """Prints a line on stderr."""
    typer.echo(f"bulkload: {server_text(text, 1000)}", err=True)


def repeated(context: typer.Context) -> str:
    """The command line that was typed, to be typed again; it continues what stopped. A URL to tell is a secret."""
    from pipelines.report.advice import program

    secret = ("--notify", HEARTBEAT)
    words = (word for before, word in pairwise(["", *context.obj]) if before not in secret)
    left_out = ("--again", "--json", "--quiet", "-q", *secret)
    hidden = tuple(f"{flag}=" for flag in secret)
    return shlex.join([program(), *(w for w in words if w not in left_out and not w.startswith(hidden))])


def show_nights(
    nights: "Sequence[NightlyReport]",
    document: "Document | None",
    repeat: str,
    heads: Sequence[str] | None = None,
    *,
    quiet: bool = False,
) -> None:
    """Prints how nights ended on stdout: the document of --json, or a summary for a person.

    Args:
        nights: in their order.
        document: what --json prints.
        repeat: the command that continues them where one has not finished.
        heads: a line for each date of a backfill, also of those that were not loaded.
        quiet: print no summary where every night is green; a document is printed all the same.
    """
    from pipelines.cli.console import print_json, stdout_console
    from pipelines.cli.night_console import print_nights
    from pipelines.nights.report import UNFINISHED
    from pipelines.report.summary import Summary
    from schemas.verdicts import Colour

    if document is not None:
        print_json(document.as_json())
        return
    if quiet and all(night.colour is Colour.GREEN for night in nights):
        return
    told = {night.headline: ([Summary.of_run(r.run_dir) for r in night.reports], night.page) for night in nights}
    is_open = any(night.exit_code in UNFINISHED for night in nights)
    lines = [(head, *told.get(head, ([], None))) for head in (heads or told)]
    print_nights(lines, stdout_console(), repeat if is_open else "", many=heads is not None)


def show(reports: Sequence["Report"], document: "Document | None", *, quiet: bool = False) -> None:
    """Prints how loads ended on stdout: the document of --json, or a summary for a person.

    Args:
        reports: of the loads.
        document: what --json prints.
        quiet: print no summary where every run is green; a document is printed all the same.
    """
    from pipelines.cli.console import print_json, print_summaries, stdout_console
    from pipelines.report.summary import Summary
    from schemas.verdicts import Colour

    if document is not None:
        print_json(document.as_json())
    elif not quiet or any(report.colour is not Colour.GREEN for report in reports):
        print_summaries([Summary.of_run(r.run_dir) for r in reports], stdout_console())
