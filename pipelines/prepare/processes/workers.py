"""Prepares an extract in several processes of this machine, a portion each; this one adopts what they leave."""

import pickle
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from connectors.extracts.batches import Found, MisalignedError, Shard
from connectors.extracts.extract import Extract
from connectors.processes import CAN_SHARE, OwnProcess, cores, listen
from connectors.run_folder.scratch import open_private
from pipelines.prepare.completeness import Gate
from pipelines.prepare.portion import Kept, Portion, PortionFiles, Rules
from schemas.errors import RunFolderError
from schemas.rows.mapping import Mapping

_WORTH_A_PROCESS = 48 << 20
"""Bytes of text; preparing half of it takes about as long as starting a process, 0.7 seconds of processor time."""
_ATTEMPTS = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Workers:
    """The processes that may prepare an extract, and what they need to understand it as this one does.

    Attributes:
        most: processes; None stands for one for each core, as far as the extract is worth them.
        strict, mapping, null: what the binding was made with; see `schemas.rows.binding.Binding`.
    """

    most: int | None = None
    strict: bool = False
    mapping: Mapping | None = None
    null: Sequence[str] = ()

    def count(self, extract: Extract) -> int:
        """How many processes an extract is worth."""
        if not CAN_SHARE:
            return 1
        return self.most or max(min(cores(), extract.weight // _WORTH_A_PROCESS), 1)


class Task(NamedTuple):
    """What a process prepares.

    Attributes:
        files: descriptors of the scratch files, and of the one for the `Outcome`.
    """

    extract: Extract
    shards: Sequence[Shard]
    rules: Rules
    workers: Workers
    files: Sequence[int]


class Outcome(NamedTuple):
    """How a process ended.

    Attributes:
        error: what ended it; the rest then means nothing.
        found: of each shard, with the index of its file.
        trailers: records that are marks of an end, and no rows.
    """

    error: Exception | None
    kept: Kept | None = None
    found: Sequence[tuple[int, Found]] = ()
    trailers: int = 0


class _Worker(NamedTuple):
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
            self.outcome.seek(0)
            found: Outcome = pickle.load(self.outcome)  # noqa: S301 - our own process wrote it, and it has no name
            return found


def prepare_apart(portion: Portion, folder: Path, gate: Gate, workers: Workers, progress: Progress) -> bool:
    """Prepares an extract in several processes, if it is worth them and can be cut.

    Args:
        portion: of the whole extract; nothing was read yet. It adopts what the processes leave.
        folder: where scratch files go.
        gate: counts the rows.
        progress: see `reading.prepare`.

    Returns:
        Whether the rows were prepared; otherwise nothing happened.

    Raises:
        ExtractError, RunFolderError: as `reading.prepare` raises them.
        RunFolderError: a process died twice over one portion.
    """
    extract = portion.book.extract
    count = workers.count(extract)
    portions = extract.cut(count) if count > 1 else []
    if len(portions) < 2:
        return False
    extract.hash()
    with ExitStack() as files:
        try:
            ended = _Run(portion, folder, workers, files).prepare(portions, progress)
        except MisalignedError:
            return False
        for worker, outcome in ended:
            assert outcome.kept is not None  # noqa: S101 - only an error leaves none
            portion.adopt(worker.files, outcome.kept)
            gate.add(len(outcome.kept.book.states), outcome.trailers)
        extract.take([found for _, outcome in ended for found in outcome.found])
        files.pop_all()  # the portion closes them
    return True


class _Run:
    """Starts and ends the processes of one extract."""

    def __init__(self, portion: Portion, folder: Path, workers: Workers, files: ExitStack) -> None:
        """Gets ready; `files` closes the files that the processes are given."""
        self._extract, self._rules = portion.book.extract, portion.rules
        self._folder, self._workers, self._files = folder, workers, files
        self._seed = random.randrange(1, 1 << 32)  # noqa: S311 - all of them must have the same; it guards no secret
        self._processes = ExitStack()

    def prepare(self, portions: Sequence[Sequence[Shard]], progress: Progress) -> list[tuple[_Worker, Outcome]]:
        """Runs a process for each portion, and once more for one that died; raises the first portion's error."""
        with self._processes:
            current = [self._start(shards) for shards in portions]
            outcomes: list[Outcome | None] = [None] * len(portions)
            missing: Sequence[int] = range(len(portions))
            for attempt in range(_ATTEMPTS):
                for place in missing if attempt else ():
                    current[place] = self._start(portions[place])
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
        ended = [(worker, outcome) for worker, outcome in zip(current, outcomes, strict=True) if outcome]
        for _, outcome in ended:
            if outcome.error is not None:
                raise outcome.error
        return ended

    def _start(self, shards: Sequence[Shard]) -> _Worker:
        """Starts a process."""
        files = [open_private(self._folder / f"worker-{name}.tmp") for name in (*PortionFiles._fields, "outcome")]
        for file in files:
            self._files.enter_context(file)
        task = Task(self._extract, shards, self._rules, self._workers, [file.fileno() for file in files])
        process = OwnProcess("pipelines.prepare.processes.worker", task, files, self._seed)
        self._processes.callback(process.stop)
        *scratch, outcome = files
        return _Worker(process, PortionFiles(*scratch), outcome)


def _told(workers: Sequence[_Worker]) -> list[int]:
    """The rows that were read, and those of them that cannot be sent."""
    return [sum(numbers) for numbers in zip(*(worker.process.told or (0, 0) for worker in workers), strict=True)]
