"""Processes of this machine that prepare portions: how many an extract is worth, and those that are started early.

A process takes a quarter of a second until it can prepare anything. A command that has to import much starts those that
it will need before it does.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.processes import CAN_SHARE, OwnProcess, cores

WORTH_A_PROCESS = 48 << 20
"""Bytes of text; preparing half of it takes about as long as starting a process, 0.4 seconds of processor time."""
WORKER = "pipelines.prepare.processes.worker"
"""The module that such a process runs."""

_waiting: list[OwnProcess] = []
"""Processes that were started early, and that nobody has taken yet."""


def processes_for(most: int | None, weight: int, there: Callable[[], int]) -> int:
    """How many processes prepare an extract.

    Args:
        most: as many as that; None stands for as many as it is worth.
        weight: about the bytes that its rows have as text.
        there: how many can work at a time.
    """
    if not CAN_SHARE:
        return 1
    return most or max(min(there(), weight // WORTH_A_PROCESS), 1)


@contextmanager
def started_early(names: Sequence[str], most: int | None) -> Iterator[None]:
    """A block in which processes wait that will likely be needed; those that nobody takes are stopped at its end.

    Args:
        names: the extract, as it was given. What is no file counts for nothing, and one of Parquet for less than it is
            worth: then processes are started when that is known.
        most: see `processes_for`.
    """
    try:
        weight = sum(path.stat().st_size for path in map(Path, names) if path.is_file())
    except (OSError, ValueError):  # whoever reads it will say so
        weight = 0
    try:
        _waiting.extend(OwnProcess(WORKER) for _ in range(processes_for(most, weight, cores) - 1))
        yield
    finally:
        stop_waiting()


def stop_waiting() -> None:
    """Stops the processes that nobody has taken."""
    while _waiting:
        _waiting.pop().stop()


def waiting_process() -> OwnProcess | None:
    """A process that was started early; None where there is none left."""
    return _waiting.pop() if _waiting else None
