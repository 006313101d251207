"""Prepares an extract in several processes, a portion each; this one adopts what is left of each."""

from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from connectors.extracts.batches import MisalignedError
from pipelines.prepare.completeness import Gate
from pipelines.prepare.portion import Portion
from pipelines.prepare.processes.own_processes import OwnProcesses
from pipelines.prepare.processes.workers import Ended, Progress, Task, Workers


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
        RunFolderError: processes died again and again over one portion.
    """
    extract, crew = portion.book.extract, workers.crew or OwnProcesses()
    count = crew.count(workers.most, extract)
    if count < 2:
        return False
    told = replace(workers, crew=None)

    def cut(ahead: int) -> list[Task]:
        portions = extract.cut(count, ahead)
        if len(portions) < 2:
            return []
        return [Task(extract, shards, portion.rules, told) for shards in portions]

    with ExitStack() as files:
        try:
            ended = deque(crew.prepare(count, cut, folder, files, progress))
            _raise_first(ended)
        except MisalignedError:
            return False
        if not ended:
            return False
        found = [each for _, outcome in ended for each in outcome.found]
        while ended:  # what is taken over is forgotten at once: it has some fifty bytes for each row
            left, outcome = ended.popleft()
            assert outcome.kept is not None  # noqa: S101 - only an error leaves none
            portion.adopt(left, outcome.kept)
            gate.add(len(outcome.kept.book.states), outcome.trailers)
        extract.take(found)
        files.pop_all()  # the portion closes them
    return True


def _raise_first(ended: Iterable[Ended]) -> None:
    """Raises the first portion's error."""
    for _, outcome in ended:
        if outcome.error is not None:
            raise outcome.error
