"""Progress on stderr while a load is under way: one line that says what it does, or whom it waits for.

On a terminal that line is a bar; elsewhere it is a line now and then, because a log is read and not watched.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from connectors.lusid.waiting import Waiting
from pipelines.options import Progress

PLAIN_SECONDS = 10.0
"""Seconds between two lines of progress where stderr is no terminal."""

MOMENT_SECONDS = 3.0
"""Shorter waits for LUSID are not told."""

STOPPING = (
    "interrupted: no new calls; waiting for the answers to those in flight. "
    "Ctrl-C again ends at once; `bulkload resume latest` continues either way"
)

_STEADY_SECONDS = 0.5
"""Before that, a rate means nothing."""

_BAR_WIDTH = 24


class _Bar(BarColumn):
    """A bar, which makes room where a wait is told."""

    def render(self, task: Task) -> Any:
        return Text() if task.fields["waits"] else super().render(task)


class _About(ProgressColumn):
    """What is told beside the bar, on one line."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["about"], no_wrap=True, overflow="ellipsis")


Closed = Callable[[Path], None]
"""Takes the folder of a run whose books are closed."""


class QuietProgress(Progress):
    """Shows nothing, and tells of each run that is over."""

    def __init__(self, closed: Closed) -> None:
        self._closed = closed

    def closed(self, run: Path) -> None:
        """Tells that the books of a run are closed."""
        self._closed(run)


class TerminalProgress(QuietProgress):
    """A bar with rate and time left on a terminal; a plain line now and then elsewhere."""

    def __init__(
        self, console: Console, clock: Callable[[], float] = time.monotonic, closed: Closed = lambda _: None
    ) -> None:
        super().__init__(closed)
        self._console, self._clock = console, clock
        self._bars = Bars(
            TextColumn("{task.description}"),
            _Bar(_BAR_WIDTH),
            TextColumn("{task.fields[counts]}"),
            _About(Column(no_wrap=False)),  # what does not fit is cut here first, and nowhere else
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._doing = ""
        self._began, self._first, self._said = 0.0, 0, 0.0
        self._lock = Lock()
        self._held_until = self._told_of_wait = float("-inf")
        self._woken, self._interrupted = Event(), False
        self._teller = Thread(target=self._tell_of_interrupt, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        self._teller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._woken.set()
        self._teller.join()
        if self._console.is_terminal:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Prints a note on stderr."""
        self._console.print(Text(text))

    def begins(self, day: date, feed: str | None) -> None:
        """Says what a load is of, where anything depends on it."""
        if feed:
            self.note(f"feed {feed}, business date {day}")

    def reading(self, rows: int) -> None:
        """Shows the number of rows read and validated so far."""
        self._show("reading", rows, None)

    def sending(self, settled: int, total: int) -> None:
        """Shows the number of requests settled so far, and of all."""
        self._show("sending", settled, total)

    def waiting(self, wait: Waiting) -> None:
        """Says who is waited for, since when and why; meanwhile no time left is given."""
        now = self._clock()
        lasts = (datetime.now(UTC) - wait.since).total_seconds() + wait.seconds
        with self._lock:
            self._held_until = max(self._held_until, now + wait.seconds)
            if lasts < MOMENT_SECONDS:
                return
            if self._task is None and now - self._told_of_wait < PLAIN_SECONDS:
                return
            self._told_of_wait = now
        since = f"since {wait.since:%H:%M:%S} UTC"
        if self._task is not None:  # the beginning says most: the end may not fit
            said = f"waiting for {wait.whom}, again in {wait.seconds:.0f} s: {wait.cause} {since}"
            self._bars.update(self._task, about=said, waits=True)
        else:
            self.note(f"waiting for {wait.whom} {since}: {wait.cause}; next attempt in {wait.seconds:.0f} s")

    def stopping(self) -> None:
        """Says that the run was interrupted, and what is still waited for.

        It is called in a signal's handler, in the midst of anything, so it prints nothing itself.
        """
        self._interrupted = True
        self._woken.set()

    def _tell_of_interrupt(self) -> None:
        self._woken.wait()
        if self._interrupted:
            self.note(STOPPING)

    def _show(self, doing: str, done: int, total: int | None) -> None:
        now = self._clock()
        if doing != self._doing or done < self._first:
            self._begin(doing, done, total, now)
        if now <= self._held_until:  # the rate so far does not say how long the rest takes
            self._began, self._first = now, done
        elapsed = now - self._began
        rate = (done - self._first) / elapsed if elapsed > _STEADY_SECONDS else 0.0
        pace = ", ".join(filter(None, (f"{rate:,.0f}/s", _time_left(done, total, rate)))) if rate else ""
        if self._task is not None:
            counts = _counts(done, total)
            self._bars.update(self._task, completed=done, total=total, counts=counts, about=pace, waits=False)
        elif now - self._said >= PLAIN_SECONDS:
            self._said = now
            self.note(f"{doing}: {_counts(done, total)}{f' ({pace})' if pace else ''}")

    def _begin(self, doing: str, done: int, total: int | None, now: float) -> None:
        """Begins another phase, or another run's: its bar replaces the one before."""
        self._doing, self._began, self._first, self._said = doing, now, done, now
        if self._task is not None:
            self._bars.remove_task(self._task)
        if self._console.is_terminal:
            self._task = self._bars.add_task(doing, total=total, counts="", about="", waits=False)


def _counts(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"


def _time_left(done: int, total: int | None, rate: float) -> str:
    return "" if total is None else f"{(total - done) / rate:,.0f} s left"
