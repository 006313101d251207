"""Tells monitoring how far a loading command has come and how it ended, whatever ended it.

A metrics file tells of each load as soon as it is over, the heartbeat of a night once.

Neither changes how the command ends: what goes wrong here is one line on stderr.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from pipelines.cli.flags import named
from schemas.errors import ConfigError, LoadError, RunFolderError
from schemas.texts import server_text

if TYPE_CHECKING:
    from pipelines.report.report import Report
    from schemas.verdicts import Colour

HEARTBEAT = "--heartbeat"

MetricsFlag = Annotated[
    Path | None,
    typer.Option(
        "--metrics", parser=named, metavar="FILE", help="Write Prometheus metrics there, for node_exporter's textfiles."
    ),
]
HeartbeatFlag = Annotated[
    str | None,
    typer.Option(
        HEARTBEAT,
        metavar="URL",
        envvar="BULKLOAD_HEARTBEAT",
        help="POST to URL when the night is over, to URL/fail when it is red.",
    ),
]


class Monitoring:
    """Hears how a command goes, and how it ended."""

    def __init__(self, command: str, metrics: Path | None, heartbeat: str | None) -> None:
        self._command, self._metrics, self._heartbeat = command, metrics, heartbeat
        self._told = False
        self._runs: list[Path] = []

    def loaded(self, run: Path) -> None:
        """Takes the folder of a load that is over; the command goes on."""
        self._runs.append(run)
        self._write(None, "running")

    def ended(self, reports: "Sequence[Report]", exit_code: int, verdict: str, colour: "Colour") -> None:
        """Takes how the command ended.

        Args:
            reports: of its loads.
            exit_code: the command's.
            verdict, colour: of all of it.
        """
        from schemas.verdicts import Colour

        self._tell(reports, exit_code, verdict, is_well=colour is not Colour.RED)

    def failed(self, exit_code: int) -> None:
        """Takes that something ended the command without a report, unless it has told already."""
        if not self._told:
            self._tell((), exit_code, "error", is_well=False)

    def _tell(self, reports: "Sequence[Report]", exit_code: int, verdict: str, *, is_well: bool) -> None:
        self._told = True
        self._runs = [report.run_dir for report in reports] or self._runs
        self._write(exit_code, verdict)
        if self._heartbeat is None:
            return
        if reports and not any(_lasts(report.target) for report in reports):
            _note(f"{HEARTBEAT}: nobody was told, for nothing was loaded into a LUSID")
            return
        from connectors.webhook import post

        body = {"command": self._command, "verdict": verdict, "exit_code": exit_code}
        if why := post(_below(self._heartbeat, "" if is_well else "/fail"), body):
            _note(f"{HEARTBEAT}: nobody was told: {why}")

    def _write(self, exit_code: int | None, verdict: str) -> None:
        if self._metrics is None:
            return
        from pipelines.report.metrics import Course, write_metrics

        try:
            write_metrics(self._metrics, Course(self._command, exit_code, verdict, tuple(self._runs)))
        except (ConfigError, RunFolderError) as error:
            _note(error.message)


def _below(url: str, path: str) -> str:
    """A URL with more of a path."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _lasts(target: str | None) -> bool:
    from connectors.targets import lasts

    return lasts(target)


def _note(text: str) -> None:
    typer.echo(server_text(text, 1000), err=True)


@contextmanager
def monitoring(command: str, metrics: Path | None, heartbeat: str | None = None) -> Iterator[Monitoring]:
    """Tells monitoring how the block ends.

    Args:
        command: its name.
        metrics: the file for Prometheus.
        heartbeat: the URL that is told.

    Raises:
        ConfigError: the file or the URL cannot be one; nothing was done.
    """
    if metrics is not None:
        from pipelines.report.metrics import check_metrics_file

        check_metrics_file(metrics)
    if heartbeat is not None:
        from connectors.lusid.settings import secret_url
        from connectors.webhook import webhook_url

        secret_url(webhook_url(heartbeat, HEARTBEAT), HEARTBEAT)
    told = Monitoring(command, metrics, heartbeat)
    try:
        yield told
    except LoadError as error:
        told.failed(error.exit_code)
        raise
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        told.failed(4)
        raise
    except Exception:
        told.failed(1)
        raise
