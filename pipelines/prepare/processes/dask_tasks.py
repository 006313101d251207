"""Portions that are prepared by tasks on a Dask cluster, in folders that all its workers share.

What travels through Dask is the path of a file and numbers: what is to be prepared lies in that file, and so does what
becomes of it, in the run's scratch folder. A worker starts a process of its own for a portion, the same that
`own_processes` starts: Dask's process keeps its memory and its life.
"""

import pickle
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from connectors.cluster.cluster import Call, Cluster, WorkerDiedError, own_address, tell
from connectors.extracts.extract import Extract
from connectors.processes import listen
from connectors.run_folder.private_files import open_private
from pipelines.prepare.portion import PortionFiles
from pipelines.prepare.processes.early import processes_for
from pipelines.prepare.processes.outcome_files import read_outcome
from pipelines.prepare.processes.own_processes import FILES, start
from pipelines.prepare.processes.workers import Ended, Progress, Task
from schemas.errors import RunFolderError

_TELL_EVERY = 0.2
"""Seconds between two words of how far a portion is."""


class DaskTasks:
    """A `Crew`: a task on a Dask cluster for each portion, which Dask gives to another worker where one dies."""

    shares_files = True

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def count(self, most: int | None, extract: Extract) -> int:
        """See `Crew`."""
        return processes_for(most, extract.weight, lambda: len(self._cluster.workers()))

    def prepare(
        self, count: int, cut: Callable[[int], Sequence[Task]], folder: Path, files: ExitStack, progress: Progress
    ) -> Sequence[Ended]:
        """See `Crew`."""
        if not (tasks := cut(0)):
            return []
        tasks[0].extract.hash()
        topic = f"bulkload-{secrets.token_hex(8)}"
        told: dict[str, tuple[int, int]] = {}

        def heard(content: tuple[str, int, int]) -> None:
            path, *numbers = content
            told[path] = (numbers[0], numbers[1])

        def show() -> None:
            if told:
                progress(*map(sum, zip(*told.values(), strict=True)))

        paths = [folder.absolute() / f"portion-{number}.task" for number in range(len(tasks))]
        with ExitStack() as ending, self._cluster.hearing(topic, heard):
            for path, task in zip(paths, tasks, strict=True):
                ending.callback(path.unlink, missing_ok=True)  # that ends whoever works on it still
                with open_private(path, named=True) as file:
                    pickle.dump(task, file, pickle.HIGHEST_PROTOCOL)
            calls = [self._cluster.call(prepare_there, str(path), topic) for path in paths]
            for call in calls:
                ending.callback(call.cancel)
            stems = self._stems(calls, show)
        for stem, worker in stems:
            self._cluster.wrote[str(_place(folder, stem, "entries"))] = worker
        return [_left(folder, stem, files) for stem, _ in stems]

    def _stems(self, calls: Sequence[Call], show: Callable[[], None]) -> Sequence[tuple[str, str]]:
        """Waits for what `prepare_there` gives, of each call."""
        try:
            return self._cluster.results(calls, show)
        except WorkerDiedError:
            raise RunFolderError(
                f"workers of the Dask cluster ({self._cluster.name}) died again and again over one portion, "
                "perhaps for want of memory: nothing was sent; with more --workers portions are smaller"
            ) from None


def _place(folder: Path, stem: str, name: str) -> Path:
    return folder.absolute() / f"{stem}-{name}.tmp"


def _left(folder: Path, stem: str, files: ExitStack) -> Ended:
    """What a task left."""
    try:
        opened = [_place(folder, stem, name).open("rb") for name in FILES]
    except OSError as error:
        raise RunFolderError(f"{folder / stem}: what a Dask worker wrote is not there: {error.strerror}") from None
    for file in opened:
        files.enter_context(file)
    *scratch, outcome = opened
    with outcome:
        return Ended(PortionFiles(*scratch), read_outcome(outcome))


def prepare_there(path: str, topic: str) -> tuple[str, str]:
    """Prepares a portion, in a call on a worker; gives the beginning of the names of what it leaves, and its address.

    Args:
        path: of the file that holds the task; without it, nobody waits for the portion any more.
        topic: how far it is is told under it.

    Raises:
        RunFolderError: the folder is not there, or the process that prepared the portion died.
    """
    place, stem = Path(path), f"{Path(path).stem}-{secrets.token_hex(4)}"  # one that seems dead may be writing yet
    with ExitStack() as files:
        task, opened = _given(place, stem, files)
        worker, last = start(opened), 0.0
        files.callback(worker.process.stop)
        worker.give(task)

        def heard() -> None:
            nonlocal last
            if time.monotonic() < last + _TELL_EVERY:
                return
            last = time.monotonic()
            if not place.exists():
                worker.process.stop()
                raise RunFolderError(f"{path} is gone: nobody waits for it any more")
            read, refused = worker.process.told or (0, 0)
            tell(topic, (path, read, refused))

        listen([worker.process], heard)
        if death := worker.process.death():
            raise RunFolderError(
                f"a process that prepares rows died on the Dask worker {own_address()} ({death}), perhaps for want of "
                "memory: nothing was sent"
            )
    return stem, own_address()


def _given(path: Path, stem: str, files: ExitStack) -> tuple[Task, list[BinaryIO]]:
    """The task in a file, and files beside it for what becomes of it."""
    try:
        task: Task = pickle.loads(path.read_bytes())  # noqa: S301 - from the process that sent the call
        return task, [files.enter_context(open_private(_place(path.parent, stem, name), named=True)) for name in FILES]
    except (OSError, RunFolderError):
        raise RunFolderError(
            f"the Dask worker {own_address()} cannot read and write {path.parent}: --runs must be a folder that all "
            "workers share, by the same path and as the same user; nothing was sent"
        ) from None
