"""How loads ended, as Prometheus reads it: a file for the textfile collector of node_exporter.

It holds numbers, the operation and the host of the target: no key, no path, no secret. What a command did not load is
not in it, so that no number of an earlier night is taken for tonight's. Until the command ends it keeps when the last
one ended, because alarms go by that age.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from connectors.run_folder.folder import atomic_write
from pipelines.report.summary import Summary
from schemas.errors import ConfigError
from schemas.states import STATES

_READABLE = 0o644
"""node_exporter is another user."""

_FINISHED = "bulkload_command_finished_timestamp_seconds"
_LABELS = ("operation", "target")


@dataclass(frozen=True)
class Course:
    """How far a command has come, or how it ended.

    Attributes:
        command: its name, such as `nightly`.
        exit_code: its exit code; None while it is at work.
        verdict: of all of it; `error` where something ended it without one, `running` while it is at work.
        runs: the folders of its loads that are over; of two of one operation and target the later counts.
    """

    command: str
    exit_code: int | None
    verdict: str
    runs: Sequence[Path] = ()


def check_metrics_file(path: Path) -> None:
    """Raises ConfigError where no file can stand there, before anything is loaded."""
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ConfigError(f"--metrics {path}: {'is a folder' if path.is_dir() else 'its folder does not exist'}")


def write_metrics(path: Path, course: Course) -> None:
    """Writes the file whole, in place of the one before.

    Raises:
        RunFolderError: it cannot be written.
    """
    last = _last_ended(path, course.command) if course.exit_code is None else datetime.now(UTC).timestamp()
    with atomic_write(path) as part:
        part.write_bytes(metrics_of(course, last))
        part.chmod(_READABLE)


def _last_ended(path: Path, command: str) -> float | None:
    """When the command last ended, as the file in its place says."""
    with suppress(OSError, ValueError):
        said = re.escape(f'{_FINISHED}{{command="{command}"}} ')
        if found := re.search(rf"^{said}(\S+)$", path.read_text("utf-8"), re.MULTILINE):
            return float(found[1])
    return None


def metrics_of(course: Course, last: float | None) -> bytes:
    """The text of the file: https://prometheus.io/docs/instrumenting/exposition_formats/.

    Args:
        course: the command's.
        last: when it ended, or the one before it; None where that is not known.
    """
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"bulkload_{name}", meaning, labels, registry=registry)

    numbers_of_command = {
        "command_exit_code": ("Exit code of the command.", course.exit_code),
        _FINISHED.removeprefix("bulkload_"): ("When the command, or the one before it, ended.", last),
    }
    for name, (meaning, number) in numbers_of_command.items():
        if number is not None:
            gauge(name, meaning, "command").labels(course.command).set(number)
    of_command = gauge("command_verdict", "1 for how the command ended.", "command", "verdict")
    of_command.labels(course.command, course.verdict).set(1)
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
    summaries = [Summary.of_run(run) for run in course.runs]
    for labels, run in {(each.operation, host_of(each.manifest.target)): each for each in summaries}.items():
        for state in STATES:
            rows.labels(*labels, state.value).set(run.rows[state])
            keys.labels(*labels, state.value).set(run.keys[state])
        numbers["rows_read"].labels(*labels).set(run.rows["read"])
        for name in ("requests", "retries", "seconds", "exit_code"):
            numbers[name].labels(*labels).set(getattr(run.manifest, name))
        verdict.labels(*labels, run.verdict.value).set(1)
    found: bytes = generate_latest(registry)
    return found


def host_of(target: str | None) -> str:
    """The host of a target, without anything else that its URL may hold; `sandbox`, or `none` of a dry run."""
    if target is None:
        return "none"
    return urlsplit(target).hostname or target.partition(":")[0]
