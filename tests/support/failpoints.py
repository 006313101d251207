"""Failpoints found by instrumentation: every operation on a file below a folder, counted; the process dies at the n-th.

Or it stops there, so that another process can work in the meantime; then reads count as well.

What Python does with files is heard by an audit hook (open to write, rename, truncate, remove, mkdir, rmdir), and
`os.write` and `os.fsync`, which have no audit event, are wrapped. Nothing of the loader is named.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

_EVENTS = {"os.rename": 0, "os.truncate": 0, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0}
"""Audit events, and which of their arguments is the path."""

_READING = {"os.scandir": 0, "os.listdir": 0}
"""The same of what only looks."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _Failpoint:
    def __init__(self, folder: str, die_at: int, torn: bool, told: str | None, stops: bool, unsynced: bool) -> None:
        self._folder, self._die_at, self._torn, self._stops = folder.rstrip("/") + "/", die_at, torn, stops
        self._unsynced, self._synced = unsynced, dict[str, int]()
        self._told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if told else None
        self._count = 0
        self._write, self._fsync = os.write, os.fsync

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = any(c in mode for c in "wax+") if isinstance(mode, str) else bool(flags & _WRITING)
            if writes or self._stops:
                self.reached("open", path)
        elif event in _EVENTS:
            self.reached(event.removeprefix("os."), arguments[_EVENTS[event]])
        elif event in _READING and self._stops:
            self.reached(event.removeprefix("os."), f"{arguments[_READING[event]]}/")

    def write(self, handle: int, data: bytes) -> int:
        if self.reached("write", handle, dies=not self._torn) and self._torn:
            self._write(handle, data[: len(data) // 2])
            self._die()
        return self._write(handle, data)

    def fsync(self, handle: int) -> None:
        self.reached("fsync", handle)
        reached = os.fstat(handle).st_size
        self._fsync(handle)
        self._synced[self._path(handle)] = reached

    def reached(self, operation: str, where: object, *, dies: bool = True) -> bool:
        """Counts an operation if it concerns the folder; dies before it, or says that it is the one to die at."""
        path = self._path(where)
        if not path.startswith(self._folder):
            return False
        self._count += 1
        if self._told is not None:
            self._write(self._told, f"{operation} {path.rpartition('/')[2]}\n".encode())
        if self._stops:
            due = self._count == self._die_at
        else:
            due = self._count >= self._die_at > 0 and (operation == "write" or not self._torn)
        if due and dies:
            self._die()
        return due

    def _path(self, where: object) -> str:
        if isinstance(where, int):
            return str(Path(f"/proc/self/fd/{where}").readlink())
        return os.path.abspath(os.fsdecode(where)) if isinstance(where, str | bytes | os.PathLike) else ""  # noqa: PTH100

    def _die(self) -> None:
        if self._unsynced:
            self._folder = "/nowhere/"  # what follows is no operation of the loader's
            for path, reached in self._synced.items():
                if path.endswith(".jsonl"):  # all else is renamed when it is synced
                    os.truncate(path, reached)
        os.kill(os.getpid(), signal.SIGSTOP if self._stops else signal.SIGKILL)


def install(
    folder: str,
    die_at: int,
    *,
    torn: bool = False,
    told: str | None = None,
    stops: bool = False,
    unsynced: bool = False,
) -> None:
    """Arms the failpoint of this process; there is no way back.

    Args:
        folder: only what happens below it counts.
        die_at: the number of the operation before which the process is killed, from 1; 0 never.
        torn: it dies in the first write from there on, half of which is written.
        told: a file that gets a line `operation name` for each.
        stops: it stops there until it is continued, instead of dying.
        unsynced: what it wrote and did not sync goes with it, as where a machine stops.
    """
    failpoint = _Failpoint(folder, die_at, torn, told, stops, unsynced)
    os.write, os.fsync = failpoint.write, failpoint.fsync  # type: ignore[assignment]  # as far as the loader calls them
    sys.addaudithook(failpoint.hear)
