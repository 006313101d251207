"""Publishes a load's counts, reasons for failure and progress as Prefect artifacts.

Prefect stores artifacts, often outside the firm, so nothing in them comes from a row: no key, no cell, and for reasons
only our own texts, never a server's, which may quote either. The run folder has the rest. A load continues if its
artifacts cannot be published.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact

from connectors.lusid.waiting import Waiting
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.states import STATES

EVERY_SECONDS = 2.0
"""Seconds between two updates of a progress artifact: Prefect limits API requests."""

MOST_REASONS = 50
MOST_CHARACTERS = 200


def publish(report: Report, note: Callable[[str], None]) -> None:
    """Publishes a finished load: `<operation>-summary` and, if rows were not accepted, `<operation>-reasons`."""
    with _unharmed(note):
        create_markdown_artifact(summary(report), f"{report.operation}-summary", "Rows and keys by state")
        if report.reasons:
            create_markdown_artifact(reasons(report), f"{report.operation}-reasons", "Why rows were not accepted")


def summary(report: Report) -> str:
    """A load's rows and keys by state, and where its files are, in Markdown."""
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
            f"{report.requests:,} calls, {report.retries:,} retries, {report.seconds:.1f} seconds. {_place(report)}",
        ]
    )


def reasons(report: Report) -> str:
    """Why rows were not accepted, the most frequent reason first, in Markdown."""
    lines = [
        f"| {escaped(r.state.value)} | {escaped(r.code)} | {escaped(r.rule) if r.state.traits.shareable else ''} "
        f"| {r.rows:,} |"
        for r in report.reasons[:MOST_REASONS]
    ]
    more = len(report.reasons) - MOST_REASONS
    rest = [f"| | | {more:,} more reasons | |"] if more > 0 else []
    return "\n".join(["| state | code | rule | rows |", "|---|---|---|---:|", *lines, *rest, "", _place(report)])


def escaped(text: str) -> str:
    """Escapes a text so that Markdown shows it as it is, on one line of bounded length, with no table, link or HTML."""
    flat = " ".join(text.split())
    short = flat if len(flat) <= MOST_CHARACTERS else f"{flat[: MOST_CHARACTERS - 3]}..."
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", short)


class PublishedProgress(Progress):
    """Passes progress on, and publishes the share of settled requests as an artifact now and then."""

    def __init__(
        self, operation: str, target: str | None, beside: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Publishes nothing before the first request is settled.

        Args:
            operation: names the artifact.
            target: where the requests go; None in a dry run, which sends none.
            beside: receives everything as well.
            clock: in seconds.
        """
        self._operation, self._target, self._beside, self._clock = operation, target, beside, clock
        self._artifact: UUID | None = None
        self._published = float("-inf")

    def note(self, text: str) -> None:
        """Passes a note on."""
        self._beside.note(text)

    def begins(self, day: date, feed: str | None) -> None:
        """Passes on what a load is of."""
        self._beside.begins(day, feed)

    def waiting(self, wait: Waiting) -> None:
        """Passes on that LUSID is waited for."""
        self._beside.waiting(wait)

    def stopping(self) -> None:
        """Passes on that the run was interrupted."""
        self._beside.stopping()

    def reading(self, rows: int) -> None:
        """Passes on the number of rows read and validated so far."""
        self._beside.reading(rows)

    def sending(self, settled: int, total: int) -> None:
        """Passes on and publishes the number of requests settled so far, and of all."""
        self._beside.sending(settled, total)
        now = self._clock()
        if now - self._published >= EVERY_SECONDS or settled == total:
            self._published = now
            with _unharmed(self.note):
                self._publish(100 * settled / total)

    def _publish(self, percent: float) -> None:
        if self._artifact is None:
            key = f"{self._operation}-progress"
            self._artifact = create_progress_artifact(percent, key, f"Requests settled in {self._target}")  # type: ignore[assignment]  # not a coroutine: called without a loop
        else:
            update_progress_artifact(self._artifact, percent)


@contextmanager
def _unharmed(note: Callable[[str], None]) -> Iterator[None]:
    """Lets a load continue when an artifact cannot be published."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever Prefect's client raises: the run folder is the record
        note(f"an artifact could not be published in Prefect ({type(error).__name__}); the run folder has everything")


def _place(report: Report) -> str:
    """Where the rows went, and where the files are."""
    target = f"Target: {escaped(report.target)}" if report.target else "A dry run"
    return f"{target}. Files: {escaped(str(report.run_dir))}"
