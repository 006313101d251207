"""How loads ended, as Prometheus reads it: a file for the textfile collector of node_exporter.

It holds numbers, the operation and the host of the target: no key, no path, no secret. What a command did not load is
not in it, so that no number of an earlier night is taken for tonight's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from connectors.run_folder.folder import atomic_write
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.states import STATES

_READABLE = 0o644
"""node_exporter is another user."""

_LABELS = ("operation", "target")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        command: its name, such as `nightly`.
        reports: of its loads; of two loads of one operation into one target the later one counts.
        verdict: of all of it; `error` where something ended it without one.
    """

    command: str
    exit_code: int
    verdict: str
    reports: Sequence[Report] = ()


def check_metrics_file(path: Path) -> None:
    """Raises ConfigError where no file can stand there, before anything is loaded."""
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ConfigError(f"--metrics {path}: {'is a folder' if path.is_dir() else 'its folder does not exist'}")


def write_metrics(path: Path, ended: Ended) -> None:
    """Writes the file whole, in place of the one before.

    Raises:
        RunFolderError: it cannot be written.
    """
    with atomic_write(path) as part:
        part.write_bytes(metrics_of(ended))
        part.chmod(_READABLE)


def metrics_of(ended: Ended) -> bytes:
    """The text of the file: https://prometheus.io/docs/instrumenting/exposition_formats/."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"bulkload_{name}", meaning, labels, registry=registry)

    now = datetime.now(UTC).timestamp()
    gauge("command_exit_code", "Exit code of the command.", "command").labels(ended.command).set(ended.exit_code)
    gauge("command_verdict", "1 for how the command ended.", "command", "verdict").labels(
        ended.command, ended.verdict
    ).set(1)
    gauge("command_finished_timestamp_seconds", "When the command ended.", "command").labels(ended.command).set(now)
    rows = gauge("rows", "Extract rows of the load by state.", *_LABELS, "state")
    keys = gauge("keys", "Requests' keys of the load by state.", *_LABELS, "state")
    numbers = {
        "rows_read": gauge("rows_read", "Extract rows that the load read.", *_LABELS),
        "requests": gauge("requests", "Calls made.", *_LABELS),
        "retries": gauge("retries", "Attempts beyond the first of each call.", *_LABELS),
        "seconds": gauge("seconds", "How long the load took.", *_LABELS),
        "exit_code": gauge("exit_code", "Exit code of the load.", *_LABELS),
    }
    verdict = gauge("verdict", "1 for how the load ended.", *_LABELS, "verdict")
    for report in {(each.operation, host_of(each.target)): each for each in ended.reports}.values():
        labels = (report.operation, host_of(report.target))
        for state in STATES:
            rows.labels(*labels, state.value).set(report.rows[state])
            keys.labels(*labels, state.value).set(report.keys[state])
        for name, each in numbers.items():
            each.labels(*labels).set(getattr(report, name))
        verdict.labels(*labels, report.verdict.value).set(1)
    found: bytes = generate_latest(registry)
    return found


def host_of(target: str | None) -> str:
    """The host of a target, without anything else that its URL may hold; `sandbox`, or `none` of a dry run."""
    if target is None:
        return "none"
    return urlsplit(target).hostname or target.partition(":")[0]
