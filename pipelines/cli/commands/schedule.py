"""The commands for past and future nights: `backfill` a range of dates, `deploy` the nightly schedule."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.commands.load import repeated, show
from pipelines.cli.flags import JsonFlag, PrefectFlag, QuietFlag, with_options
from schemas.texts import server_text

if TYPE_CHECKING:
    from pipelines.options import Options

Day = Annotated[
    datetime, typer.Argument(formats=["%Y-%m-%d"], metavar="DATE", help="A business date such as 2026-11-20.")
]


@with_options()
def backfill(
    context: typer.Context,
    pattern: Annotated[str, typer.Argument(help="Each date's folder, such as '/extracts/{date:%Y%m%d}'.")],
    first: Day,
    last: Day,
    *,
    options: "Options",
    again: Annotated[bool, typer.Option("--again", help="Also load dates that earlier runs have finished.")] = False,
    prefect: PrefectFlag = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load the nights of a range of past dates, in order.

    Dates that earlier runs have finished are skipped.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_backfill
    from pipelines.nights.report import UNFINISHED

    days = (first.date(), last.date())
    with progress(quiet=quiet) as shown:
        report = launch_backfill(pattern, days, options, shown, again=again, prefect=prefect)
    repeat = repeated(context)
    document, stopped = report.document(repeat) if as_json else None, report.exit_code in UNFINISHED
    show([r for _, night in report.nights for r in night.reports], document, repeat if stopped else "", quiet=quiet)
    for day, night in report.nights:
        if night.error is not None:
            typer.echo(f"bulkload: {day}: {server_text(night.error.message, 1000)}", err=True)
    raise typer.Exit(report.exit_code)


def deploy() -> None:
    """Register the deployments of prefect.yaml with Prefect.

    The server is that of PREFECT_API_URL or of the active profile.
    """
    from pipelines.flows.deploy import deploy as register

    for name in register():
        typer.echo(f"deployed {name}")
