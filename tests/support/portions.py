"""The ways of a load that is prepared in portions, without the price of starting processes."""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import BinaryIO

import pytest

from connectors.extracts.extract import Extract
from pipelines.prepare.processes import own_processes, worker
from pipelines.prepare.processes.one_task import prepared
from pipelines.prepare.processes.outcome_files import write_outcome
from pipelines.prepare.processes.own_processes import OwnProcesses
from pipelines.prepare.processes.workers import Task


class InThisProcess:
    """Stands for a process of ours: does the task at once, from a pickled copy, and hands the outcome over pickled."""

    age = 0.0

    def __init__(self, module: str) -> None:
        assert module == worker.__name__
        self.told: tuple[int, ...] = ()

    def give(self, task: Task, files: Sequence[BinaryIO]) -> None:
        copied: Task = pickle.loads(pickle.dumps(task))
        *scratch, outcome = files
        write_outcome(prepared(copied, [os.dup(file.fileno()) for file in scratch], self._hear), outcome)

    def _hear(self, *numbers: int) -> None:
        self.told = numbers

    def death(self) -> str | None:
        return None

    def stop(self) -> None:
        pass


@contextmanager
def in_portions(count: int) -> Iterator[None]:
    """Whatever is prepared meanwhile with `Workers` is cut into so many portions, where it can be cut."""

    def as_many(_crew: OwnProcesses, _most: int | None, _extract: Extract) -> int:
        return count

    def nothing_to_hear(_running: object, heard: Callable[[], None]) -> None:
        heard()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(own_processes, "OwnProcess", InThisProcess)
        patched.setattr(own_processes, "listen", nothing_to_hear)
        patched.setattr(own_processes, "overhear", lambda _running: None)
        patched.setattr(OwnProcesses, "count", as_many)
        yield


def as_asked() -> AbstractContextManager[None]:
    """In as many portions as PORTIONS says; as ever where it says nothing."""
    asked = os.environ.get("PORTIONS")
    return in_portions(int(asked)) if asked else nullcontext()
