"""What a person sees: progress on stderr while a load works, and the summary when it is done."""

import time
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pipelines.load import Progress

PLAIN_SECONDS = 10.0
"""Between two lines of progress where stderr is no terminal: a log is read, not watched."""


class TerminalProgress(Progress):
    """A bar with rate and time left on a terminal; a plain line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._reading = self._bar.add_task("reading", total=None, rate="", visible=False)
        self._sending = self._bar.add_task("sending", total=None, rate="", visible=False)
        self._began: dict[str, float] = {}
        self._said = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        """Says it once, on stderr."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def reading(self, rows: int) -> None:
        """Rows read and validated so far."""
        self._show("reading", self._reading, rows, None)

    def sending(self, settled: int, total: int) -> None:
        """Requests settled so far, of how many."""
        self._show("sending", self._sending, settled, total)

    def _show(self, what: str, task: object, done: int, total: int | None) -> None:
        now = time.monotonic()
        began = self._began.setdefault(what, now)
        rate = f"{done / (now - began):,.0f}/s" if now - began > 0.5 else ""
        if self._console.is_terminal:
            self._bar.update(task, completed=done, total=total, rate=rate, visible=True)  # type: ignore[arg-type]  # a TaskID
        elif now - self._said >= PLAIN_SECONDS and now > began:
            self._said = now
            left = f" of {total:,}" if total else ""
            self.note(f"{what}: {done:,}{left} {rate}")
