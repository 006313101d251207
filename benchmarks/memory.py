"""The memory of a process and of all that it starts, looked at while they run. Needs Linux."""

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

LOOK_EVERY = 0.1
"""Seconds between two looks."""
_STARTED_EVERY = 0.5
"""Seconds between two looks at which processes there are: to look through all of the machine's takes some milliseconds,
which what is measured on the same cores would lack."""

_PROCESSES = Path("/proc")


class Peak(NamedTuple):
    """The most memory that a process and those that it started had.

    Attributes:
        own_mb: its resident set at its largest.
        others_mb: that of the largest of the others.
        others: as many as were there at once, at most.
        sum_mb: of all of them at the moment when they had the most; of what they have of files, libraries for the most
            part, that of the process that had most of it counts.
    """

    own_mb: float
    others_mb: float
    others: int
    sum_mb: float


class Looks:
    """What was seen of a process and of all that it started."""

    def __init__(self, pid: int) -> None:
        """Begins with nothing seen.

        Args:
            pid: of the process.
        """
        self._pid = pid
        self._family, self._found = [pid], 0.0
        self._largest: dict[int, float] = {}
        self._most, self._sum = 1, 0.0

    def look(self) -> None:
        """Looks once; a process that has just ended is left out."""
        sum_mb, of_files, seen = 0.0, 0.0, 0
        if time.monotonic() > self._found + _STARTED_EVERY:
            self._family, self._found = [*_family(self._pid)], time.monotonic()
        for pid in self._family:
            with suppress(OSError, KeyError):
                figures = _figures(pid)
                self._largest[pid] = figures["VmHWM"]  # not the larger one: before exec it is another's
                sum_mb += figures["RssAnon"] + figures["RssShmem"]
                of_files, seen = max(of_files, figures["RssFile"]), seen + 1
        self._sum, self._most = max(self._sum, sum_mb + of_files), max(self._most, seen)

    def peak(self) -> Peak:
        """The most that was seen."""
        own = self._largest.get(self._pid, 0.0)
        others = [largest for pid, largest in self._largest.items() if pid != self._pid]
        return Peak(own, max(others, default=0.0), self._most - 1, self._sum)


def run_watched(command: Sequence[str], env: Mapping[str, str], seconds: float) -> tuple[str, Peak]:
    """Runs a command; gives what it says on standard output, which must be short, and the memory that it took.

    Args:
        command: what is run.
        env: its environment.
        seconds: until it is given up.

    Raises:
        subprocess.CalledProcessError: it failed.
        subprocess.TimeoutExpired: it took too long.
    """
    with ExitStack() as closing:
        process = closing.enter_context(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True))
        looks, until = Looks(process.pid), time.monotonic() + seconds
        ended = os.pidfd_open(process.pid)  # `wait` with a time limit would look again and again
        closing.callback(os.close, ended)
        try:
            while process.poll() is None:
                looks.look()
                if time.monotonic() > until:
                    raise subprocess.TimeoutExpired(command, seconds)
                select.select([ended], [], [], LOOK_EVERY)
        finally:
            process.kill()
        said, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return said, looks.peak()


def _family(pid: int) -> Iterator[int]:
    """A process and all that it started, and they."""
    started: dict[int, list[int]] = {}
    for folder in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            _, parent = (folder / "stat").read_text().rpartition(") ")[2].split(maxsplit=2)[:2]
            started.setdefault(int(parent), []).append(int(folder.name))
    found = [pid]
    while found:
        yield (each := found.pop())
        found += started.get(each, ())


def _figures(pid: int) -> dict[str, float]:
    """What the kernel counts for a process, in megabytes; for `smaps_rollup` it would walk through its memory."""
    lines = (line.split() for line in (_PROCESSES / str(pid) / "status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines if words[2:] == ["kB"]}
