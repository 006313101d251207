"""Processes of this machine that prepare portions; their scratch files are open in them, and have no names."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from connectors.extracts.extract import Extract
from connectors.processes import CAN_SHARE, OwnProcess, cores, listen
from connectors.run_folder.scratch import open_private
from pipelines.prepare.portion import PortionFiles
from pipelines.prepare.processes.outcome_files import read_outcome
from pipelines.prepare.processes.workers import Ended, Outcome, Progress, Task
from schemas.errors import RunFolderError

WORTH_A_PROCESS = 48 << 20
"""Bytes of text; preparing half of it takes about as long as starting a process, 0.4 seconds of processor time."""
_ATTEMPTS = 2


class Worker(NamedTuple):
    """A process that prepares a portion, and the files that it fills."""

    process: OwnProcess
    files: PortionFiles
    outcome: BinaryIO

    def end(self) -> Outcome | None:
        """How it ended; None if it died, and then its files are closed."""
        with self.outcome:
            if self.process.death():
                for file in self.files:
                    file.close()
                return None
            return read_outcome(self.outcome)


FILES = (*PortionFiles._fields, "outcome")
"""The names of the files that a process fills."""


def start(task: Task, opened: Sequence[BinaryIO]) -> Worker:
    """Starts a process.

    Args:
        task: what it prepares.
        opened: the files that it fills, empty.
    """
    numbered = task._replace(files=[file.fileno() for file in opened])
    process = OwnProcess("pipelines.prepare.processes.worker", numbered, opened)
    *scratch, outcome = opened
    return Worker(process, PortionFiles(*scratch), outcome)


class OwnProcesses:
    """A `Crew`: a process of this machine for each portion."""

    shares_files = False

    def count(self, most: int | None, extract: Extract) -> int:
        """See `Crew`."""
        if not CAN_SHARE:
            return 1
        return most or max(min(cores(), extract.weight // WORTH_A_PROCESS), 1)

    def prepare(self, tasks: Sequence[Task], folder: Path, files: ExitStack, progress: Progress) -> Sequence[Ended]:
        """See `Crew`: runs a process for each portion, and once more for one that died."""
        with ExitStack() as processes:

            def started(task: Task) -> Worker:
                opened = [files.enter_context(open_private(folder / f"worker-{name}.tmp")) for name in FILES]
                worker = start(task, opened)
                processes.callback(worker.process.stop)
                return worker

            current = [started(task) for task in tasks]
            outcomes: list[Outcome | None] = [None] * len(tasks)
            missing: Sequence[int] = range(len(tasks))
            for attempt in range(_ATTEMPTS):
                for place in missing if attempt else ():
                    current[place] = started(tasks[place])
                listen([current[place].process for place in missing], lambda: progress(*_told(current)))
                for place in missing:
                    outcomes[place] = current[place].end()
                missing = [place for place, outcome in enumerate(outcomes) if outcome is None]
            if missing:
                death = current[missing[0]].process.death()
                raise RunFolderError(
                    f"a process that prepares rows died twice ({death}), perhaps for want of memory: nothing was sent; "
                    "load with --workers 1"
                )
        return [Ended(worker.files, outcome) for worker, outcome in zip(current, outcomes, strict=True) if outcome]


def _told(workers: Sequence[Worker]) -> list[int]:
    """The rows that were read, and those of them that cannot be sent."""
    return [sum(numbers) for numbers in zip(*(worker.process.told or (0, 0) for worker in workers), strict=True)]
