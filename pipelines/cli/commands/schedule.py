"""The commands for past and future nights: `backfill` a range of dates, `deploy` the nightly schedule."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.commands.load import repeated, show_nights, telling
from pipelines.cli.commands.preflight import PreflightFlag, before_nights
from pipelines.cli.flags import JsonFlag, NotifyFlag, PrefectFlag, QuietFlag, named, with_options
from pipelines.cli.monitoring import MetricsFlag
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
    preflight: PreflightFlag = False,
    again: Annotated[bool, typer.Option("--again", help="Also load dates that earlier runs have finished.")] = False,
    prefect: PrefectFlag = None,
    notify: NotifyFlag = None,
    metrics: MetricsFlag = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Load the nights of a range of past dates, in order.

    Dates that earlier runs have finished are skipped.
    """
    from pipelines.cli.console import progress
    from pipelines.flows.launch import launch_backfill

    days, repeat = (first.date(), last.date()), repeated(context)
    with telling("backfill", notify, metrics) as told:
        if preflight:
            before_nights(pattern, *days, options)
        with progress(quiet=quiet, closed=told.loaded) as shown:
            report = launch_backfill(pattern, days, options, shown, again=again, prefect=prefect)
        loads = [each for _, night in report.nights for each in night.reports]
        told.ended(report, loads, lambda: report.document(repeat, outside=True))
    document = report.document(repeat) if as_json else None
    show_nights([night for _, night in report.nights], document, repeat, report.headlines, quiet=quiet)
    for day, night in report.nights:
        if night.error is not None:
            typer.echo(f"bulkload: {day}: {server_text(night.error.message, 1000)}", err=True)
    raise typer.Exit(report.exit_code)


def deploy(
    *,
    file: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="The prefect.yaml to register; default: bulkload's own."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print bulkload's own prefect.yaml, to change a copy, and register nothing.")
    ] = False,
    folder: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Folder of the night's extracts; may hold the date: '/in/{date:%Y%m%d}'."),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(parser=named, metavar="DIR", help="Folder that holds the run folders.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="URL|sandbox[:FILE]", help="Where to load; default: the worker's settings.")
    ] = None,
    cron: Annotated[
        str | None, typer.Option(metavar="CRON", help="When the night begins, such as '0 3 * * 1-5'.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Timezone of --cron, such as Europe/London.")
    ] = None,
    notify_webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Tell this URL of red, amber, late and dead runs.")
    ] = None,
    notify_block: Annotated[
        str | None, typer.Option(metavar="TYPE/NAME", help="Tell of them by a block of Prefect's instead.")
    ] = None,
) -> None:
    """Register deployments and automations with Prefect.

    It may be repeated. The server is that of PREFECT_API_URL or of the active profile. Relative paths become absolute,
    below this folder.
    """
    from pipelines.flows.deploy import PREFECT_YAML, Changes, Notify
    from pipelines.flows.deploy import deploy as register

    if show:
        typer.echo(PREFECT_YAML.read_text("utf-8"), nl=False)
        return
    if strangers := [name for name in ("schemas", "connectors", "pipelines") if _is_stranger(Path(name))]:
        typer.echo(
            f"bulkload: a worker that starts here would import ./{', ./'.join(strangers)} in place of bulkload's own: "
            "deploy from another folder",
            err=True,
        )
    changes = Changes(folder, str(runs) if runs else None, target, cron, timezone)
    for line in register(file or PREFECT_YAML, changes, Notify(notify_webhook, notify_block)):
        typer.echo(line)


def _is_stranger(folder: Path) -> bool:
    """Whether a folder of the working folder hides one of bulkload's packages from a worker."""
    return folder.is_dir() and folder.resolve() != Path(__file__).resolve().parents[3] / folder
