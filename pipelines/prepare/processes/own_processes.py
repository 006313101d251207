"""Processes of this machine that prepare portions, this one among them; their scratch files have no names."""

import copy
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from connectors.extracts.extract import Extract
from connectors.processes import OwnProcess, cores, listen, overhear
from connectors.run_folder.private_files import open_private
from pipelines.prepare.portion import PortionFiles
from pipelines.prepare.processes.early import WORKER, processes_for, waiting_process
from pipelines.prepare.processes.one_task import prepared
from pipelines.prepare.processes.outcome_files import read_outcome
from pipelines.prepare.processes.workers import Ended, Outcome, Progress, Task
from schemas.errors import RunFolderError

_AHEAD = 10 << 20
"""Bytes of text by which the portion of this process is the larger: it prepares them while the others start."""
_STARTS = 0.25
"""Seconds that a process needs to start."""
_ATTEMPTS = 2


class Worker(NamedTuple):
    """A process that prepares a portion, and the files that it fills."""

    process: OwnProcess
    files: PortionFiles
    outcome: BinaryIO

    def give(self, task: Task) -> None:
        """Gives it the portion that it prepares."""
        self.process.give(task, [*self.files, self.outcome])

    def end(self) -> Outcome | None:
        """How it ended; None if it died, and then its files are closed."""
        if self.process.death():
            self.drop()
            return None
        with self.outcome:
            return read_outcome(self.outcome)

    def drop(self) -> None:
        """Stops it, and closes its files."""
        self.process.stop()
        for file in (*self.files, self.outcome):
            file.close()


FILES = (*PortionFiles._fields, "outcome")
"""The names of the files that a process fills."""


def start(opened: Sequence[BinaryIO]) -> Worker:
    """Takes a process that was started early, or starts one; it waits for what it is to prepare.

    Args:
        opened: the files that it fills, empty.
    """
    *scratch, outcome = opened
    return Worker(waiting_process() or OwnProcess(WORKER), PortionFiles(*scratch), outcome)


class OwnProcesses:
    """A `Crew`: this process prepares the first portion, and one of this machine that it starts each of the others."""

    shares_files = False

    def count(self, most: int | None, extract: Extract) -> int:
        """See `Crew`."""
        return processes_for(most, extract.weight, cores)

    def prepare(
        self, count: int, cut: Callable[[int], Sequence[Task]], folder: Path, files: ExitStack, progress: Progress
    ) -> Sequence[Ended]:
        """See `Crew`; processes start while the extract is cut, and one that died is replaced once."""
        with ExitStack() as processes:

            def opened(names: Sequence[str]) -> list[BinaryIO]:
                return [files.enter_context(open_private(folder / f"worker-{name}.tmp")) for name in names]

            def started() -> Worker:
                worker = start(opened(FILES))
                processes.callback(worker.process.stop)
                return worker

            waiting = [started() for _ in range(count - 1)]
            youngest = min(each.process.age for each in waiting)
            if not (tasks := cut(int(_AHEAD * max(1 - youngest / _STARTS, 0)))):
                return []
            first, *others = tasks
            there = _Others(waiting[: len(others)], others, progress)
            for surplus in waiting[len(others) :]:
                surplus.drop()
            own = PortionFiles(*opened(PortionFiles._fields))
            here = Ended(own, _prepared_here(first, own, there.hear_too))
            first.extract.hash()  # from now on a core is idle
            return [here, *there.ended(started)]


class _Others:
    """The processes that prepare portions beside this one."""

    def __init__(self, workers: Sequence[Worker], tasks: Sequence[Task], progress: Progress) -> None:
        """Gives each process its portion.

        Args:
            workers: a process for each of `tasks`.
            progress: told how far they are, and this process.
        """
        self._workers, self._tasks, self._progress = [*workers], tasks, progress
        self._here = (0, 0)
        for worker, task in zip(workers, tasks, strict=True):
            worker.give(task)

    def hear_too(self, read: int, refused: int) -> None:
        """Hears how far they are without waiting, and tells it with how far this process is."""
        self._here = (read, refused)
        overhear([worker.process for worker in self._workers])
        self._tell()

    def ended(self, started: Callable[[], Worker]) -> list[Ended]:
        """Waits for all of them, and for another one in place of each that died.

        Args:
            started: starts one.

        Raises:
            RunFolderError: two died over one portion.
        """
        outcomes: list[Outcome | None] = [None] * len(self._tasks)
        missing: Sequence[int] = range(len(self._tasks))
        for attempt in range(_ATTEMPTS):
            for place in missing if attempt else ():
                self._workers[place] = started()
                self._workers[place].give(self._tasks[place])
            listen([self._workers[place].process for place in missing], self._tell)
            for place in missing:
                outcomes[place] = self._workers[place].end()
            missing = [place for place, outcome in enumerate(outcomes) if outcome is None]
        if missing:
            death = self._workers[missing[0]].process.death()
            raise RunFolderError(
                f"a process that prepares rows died twice ({death}), perhaps for want of memory: nothing was sent; "
                "load with --workers 1"
            )
        return [Ended(worker.files, out) for worker, out in zip(self._workers, outcomes, strict=True) if out]

    def _tell(self) -> None:
        """Tells the rows that were read, and those of them that cannot be sent."""
        told = [self._here, *(worker.process.told or (0, 0) for worker in self._workers)]
        self._progress(*(sum(numbers) for numbers in zip(*told, strict=True)))


def _prepared_here(task: Task, files: PortionFiles, progress: Progress) -> Outcome:
    """Prepares a portion in this process, with a copy of its extract."""
    copied = task._replace(extract=copy.deepcopy(task.extract))
    return prepared(copied, [os.dup(file.fileno()) for file in files], progress)
