"""What a flow shows in Prefect: a load's counts, its reasons of failure, and how far it is.

Prefect keeps what it is shown, often outside the house, so nothing here comes from a row: no key, no cell, and of
reasons only our own words, never a server's (they may quote either). The run folder has the rest. Knows no HTTP and
decides nothing: a load whose artifacts cannot be published goes on.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.states import STATES

EVERY_SECONDS = 2.0
"""Between two updates of a progress artifact: Prefect counts API requests against limits."""

MOST_REASONS = 50
MOST_CHARACTERS = 200


def publish(report: Report, note: Callable[[str], None]) -> None:
    """Shows a finished load: `<operation>-summary` and, if a row did not make it, `<operation>-reasons`."""
    with _unharmed(note):
        create_markdown_artifact(summary(report), f"{report.operation}-summary", "Rows and keys by state")
        if report.reasons:
            create_markdown_artifact(reasons(report), f"{report.operation}-reasons", "Why rows did not make it")


def summary(report: Report) -> str:
    """Markdown: a load's rows and keys by state, and where its files are."""
    lines = [f"| {escaped(s.value)} | {report.rows[s]:,} | {report.keys[s]:,} |" for s in STATES]
    return "\n".join(
        [
            f"**{escaped(report.operation)}: {escaped(report.verdict.value)}** ({report.mode} mode)",
            "",
            "| state | rows | keys |",
            "|---|---:|---:|",
            *lines,
            f"| **read** | **{report.rows_read:,}** | |",
            "",
            f"{report.requests:,} calls, {report.retries:,} retries, {report.seconds:.1f} seconds. "
            f"{_files(report.run_dir)}",
        ]
    )


def reasons(report: Report) -> str:
    """Markdown: why rows did not make it, the most frequent reason first."""
    lines = [
        f"| {escaped(r.state.value)} | {escaped(r.code)} | {escaped(r.message) if r.state.traits.shareable else ''} "
        f"| {r.rows:,} |"
        for r in report.reasons[:MOST_REASONS]
    ]
    more = len(report.reasons) - MOST_REASONS
    rest = [f"| | | {more:,} more reasons | |"] if more > 0 else []
    files = _files(report.run_dir)
    return "\n".join(["| state | code | rule | rows |", "|---|---|---|---:|", *lines, *rest, "", files])


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line of bounded length: no table, link or HTML can begin in it."""
    flat = " ".join(text.split())
    short = flat if len(flat) <= MOST_CHARACTERS else f"{flat[: MOST_CHARACTERS - 3]}..."
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", short)


class PublishedProgress(Progress):
    """Passes on what a load tells, and shows the share of settled requests as a progress artifact now and then."""

    def __init__(self, operation: str, beside: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        """Publishes nothing before the first request is settled.

        Args:
            beside: who else is told.
            clock: seconds.
        """
        self._operation, self._beside, self._clock = operation, beside, clock
        self._artifact: UUID | None = None
        self._published = float("-inf")

    def note(self, text: str) -> None:
        """Something the user should know, once."""
        self._beside.note(text)

    def reading(self, rows: int) -> None:
        """Rows read and validated so far."""
        self._beside.reading(rows)

    def sending(self, settled: int, total: int) -> None:
        """Requests settled so far, of how many."""
        self._beside.sending(settled, total)
        now = self._clock()
        if now - self._published >= EVERY_SECONDS or settled == total:
            self._published = now
            with _unharmed(self.note):
                self._publish(100 * settled / total)

    def _publish(self, percent: float) -> None:
        if self._artifact is None:
            key = f"{self._operation}-progress"
            self._artifact = create_progress_artifact(percent, key, "Requests settled")  # type: ignore[assignment]  # not a coroutine: called without a loop
        else:
            update_progress_artifact(self._artifact, percent)


@contextmanager
def _unharmed(note: Callable[[str], None]) -> Iterator[None]:
    """Lets a load go on when Prefect cannot be told of it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever its client raises: the run folder is the truth
        note(f"Prefect could not be shown an artifact ({type(error).__name__}); the run folder has everything")


def _files(run_dir: Path) -> str:
    return f"Files: {escaped(str(run_dir))}"
