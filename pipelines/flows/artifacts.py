"""Publishes how a flow ended and how far its loads are as Prefect artifacts; writes the story of each load to its log.

A load continues where Prefect does not take them. What may be published at all, `outcomes` says.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from connectors.lusid.waiting import Waiting
from pipelines.options import Progress

EVERY_SECONDS = 2.0
"""Seconds between two updates of a progress artifact: Prefect limits API requests."""

WAIT_EVERY_SECONDS = 60.0
"""Seconds between two lines of the log that LUSID is waited for."""


def publish(key: str, content: str, note: Callable[[str], None]) -> None:
    """Publishes a flow's outcome, in Markdown, under a key."""
    with _unharmed(note):
        create_markdown_artifact(content, key, "How it ended, why rows were not accepted, and what to type next")


def flow_log() -> Callable[[str], None]:
    """What writes a line to the log of this flow run, from whichever thread; outside of one, what drops it."""
    try:
        logger = get_run_logger()
    except MissingContextError:
        return lambda _: None
    return lambda text: logger.info("%s", text)


class LoggedProgress(Progress):
    """Passes progress on, and writes notes to the log of the flow run."""

    def __init__(self, beside: Progress) -> None:
        """Takes who receives everything as well."""
        self._beside, self._log = beside, flow_log()

    def note(self, text: str) -> None:
        """Passes a note on, and logs it."""
        self._beside.note(text)
        self._log(text)

    def quote(self, text: str, outside: str) -> None:
        """Passes a note on, and logs what people outside may be told of it."""
        self._beside.quote(text, outside)
        self._log(outside)

    def begins(self, day: date, feed: str | None) -> None:
        """Passes on what a load is of."""
        self._beside.begins(day, feed)

    def waiting(self, wait: Waiting) -> None:
        """Passes on that LUSID is waited for."""
        self._beside.waiting(wait)

    def stopping(self) -> None:
        """Passes on that the run was interrupted."""
        self._beside.stopping()

    def closed(self, run: Path) -> None:
        """Passes on that the books of a run are closed."""
        self._beside.closed(run)

    def reading(self, rows: int) -> None:
        """Passes on the number of rows read and validated so far."""
        self._beside.reading(rows)

    def sending(self, settled: int, total: int) -> None:
        """Passes on the number of requests settled so far, and of all."""
        self._beside.sending(settled, total)


class PublishedProgress(LoggedProgress):
    """Also publishes the share of settled requests as an artifact now and then, and logs that LUSID is waited for."""

    def __init__(
        self, operation: str, target: str | None, beside: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Publishes nothing before the first request is settled.

        Args:
            operation: names the artifact.
            target: where the requests go; None in a dry run, which sends none.
            beside: receives everything as well, and logs notes.
            clock: in seconds.
        """
        super().__init__(beside)
        self._operation, self._target, self._clock = operation, target, clock
        self._artifact: UUID | None = None
        self._published = self._waited = float("-inf")

    def note(self, text: str) -> None:
        """Passes a note on; who is beside logs it."""
        self._beside.note(text)

    def quote(self, text: str, outside: str) -> None:
        """Passes a note on; who is beside logs what may be told of it."""
        self._beside.quote(text, outside)

    def waiting(self, wait: Waiting) -> None:
        """Passes on that LUSID is waited for, and logs it at most once a minute."""
        super().waiting(wait)
        now = self._clock()
        if now - self._waited >= WAIT_EVERY_SECONDS:
            self._waited = now
            self._log(f"{self._operation}: waiting for {wait.whom} since {wait.since:%H:%M:%S} UTC")

    def sending(self, settled: int, total: int) -> None:
        """Passes on and publishes the number of requests settled so far, and of all."""
        super().sending(settled, total)
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
