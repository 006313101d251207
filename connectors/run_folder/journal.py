"""The journal of a run: one line before a call is sent, on disk before it is, and one when it is settled.

It consists of append-only JSON lines. A last line that a crash cut short has no newline; nobody acted on it, and it is
cut off. Each line ends in its own checksum: when a disk flips a bit in a number the JSON stays valid, and without the
checksum requests would count as done that were never sent.
"""

import errno
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from connectors.run_folder.folder import sync
from connectors.run_folder.journal_lines import (
    IN_PARTS,
    checksummed,
    damaged,
    journal_lines,
    part_of,
    parts_of,
    verified,
)
from connectors.run_folder.private_files import writing
from schemas.errors import RunFolderError

_LOOKS = 3
_LOOK_SECONDS = 0.01
"""How often, and how long, opening waits for one that only looks whether the journal is open."""

_LET_GO_SECONDS = 60.0
_LOOK_AGAIN = 0.1
"""How long a process that is gone may hold a journal: what it began is over by then, or somebody must look. And seconds
between two looks whether it does."""

_T = TypeVar("_T")


class HeldError(RunFolderError):
    """Another process has the journal open."""


class Journal:
    """The journal of one run; safe for many threads, and open in one process at a time."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Opens the journal.

        Args:
            path: where it is.
            create: begin one where there is none.

        Raises:
            RunFolderError: it cannot be written, or another process holds the run.
        """
        self._path = path
        with ExitStack() as undo:
            try:
                made = os.O_CREAT if create else 0
                self._handle = os.open(path, made | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW, 0o600)
                undo.callback(os.close, self._handle)
                _lock(self._handle)
                _check_same(path, self._handle)
                self._end = self._synced = self._drop_torn_line()
                os.fsync(self._handle)  # a process that was killed may have written lines and not synced them
            except BlockingIOError:
                raise HeldError(f"{path.parent}: another process is working on this run") from None
            except OSError as error:
                raise RunFolderError(f"{path}: cannot be written: {error.strerror}") from None
            undo.pop_all()
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._lost = False

    @property
    def end(self) -> int:
        """Where the next line goes: the size in bytes."""
        return self._end

    def append(self, record: dict[str, Any]) -> int:
        """Writes a line, waits until it is on disk and returns its offset in bytes.

        Raises:
            RunFolderError: the line could not be written completely.
        """
        offset = self.write(record)
        self.sync()
        return offset

    def write(self, record: dict[str, Any]) -> int:
        """Writes a line, which is on disk after the next `append` or `sync`, and returns its offset in bytes.

        Raises:
            RunFolderError: the line could not be written completely.
        """
        line = checksummed(record)
        with writing(self._path), self._write_lock:
            offset = self._end
            self._write(line)
        return offset

    def sync(self) -> None:
        """Waits until all that this thread wrote is on disk; senders that arrive together share one sync.

        Raises:
            RunFolderError: it could not be written.
        """
        end = self._end
        with writing(self._path), self._sync_lock:
            if self._synced < end:
                self._sync()

    def _sync(self) -> None:
        """Waits until everything written so far is on disk.

        After a failed sync the system may drop what was not written and report success for the next one (fsync(2)), so
        no later sync is trusted.
        """
        if self._lost:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        reached = self._end
        try:
            os.fsync(self._handle)
        except OSError:
            self._lost = True
            raise
        self._synced = reached

    def _drop_torn_line(self) -> int:
        """Cuts off a last line that a crash left incomplete, and returns the size that is left in bytes."""
        end = 0
        with self._path.open("rb") as file:
            for line in file:
                end += len(line) if line.endswith(b"\n") else 0
        os.ftruncate(self._handle, end)
        return end

    def _write(self, line: bytes) -> None:
        if os.fstat(self._handle).st_nlink == 0:  # the file was removed: nobody could read what is written now
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        written = os.write(self._handle, line)
        if written < len(line):
            os.ftruncate(self._handle, self._end)  # otherwise another thread's line would follow the broken one
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written

    def read(self, offset: int) -> dict[str, Any]:
        """The line at an offset that `append` or `lines` returned.

        Raises:
            RunFolderError: the line is damaged.
        """
        with self._opened() as file:
            file.seek(offset)
            record = verified(file.readline())
        if record is None:
            raise RunFolderError(f"{self._path}: the line at byte {offset} is damaged")
        return record

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every line with its offset.

        Raises:
            RunFolderError: a line is damaged; its content is lost, so nothing more may be sent.
        """
        return journal_lines(self._path)

    def damaged(self, number: int) -> RunFolderError:
        """The error that says which line is damaged."""
        return damaged(self._path, number)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as file:
                yield file
        except OSError as error:
            raise RunFolderError(f"{self._path}: cannot be read: {error.strerror}") from None

    def begin_part(self, number: int) -> Path:
        """A part for another process to open; until its lines are taken in, nothing may be added here.

        Raises:
            RunFolderError: it cannot be made.
        """
        part = part_of(self._path, self._end, number)
        with writing(part):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            sync(part.parent)
        return part

    def take_in_parts(self) -> int:
        """Puts the lines of its parts behind its own, and removes the parts; gives where these lines begin.

        All of them are there or none, whatever dies meanwhile: a new file takes the place of the journal, and then its
        size is not that of the parts any more.

        Raises:
            RunFolderError: a process is still writing a part, or a line is damaged.
        """
        begin = self._end
        with ExitStack() as held:
            for part in parts_of(self._path, begin):
                held.callback(Journal(part, create=False).close)
            with writing(self._path):
                if parts_of(self._path, begin):
                    self._rewrite()
                for part in self._path.parent.glob(f"{self._path.stem}-*-*-*.jsonl"):
                    part.unlink()
        return begin

    def _rewrite(self) -> None:
        """Puts a file with all lines in the place of this one, which stays locked."""
        new = self._path.with_name(f"{self._path.name}.part")
        handle = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with ExitStack() as undo:
            undo.callback(os.close, handle)
            with os.fdopen(os.dup(handle), "wb") as out, self._path.open("rb") as own:
                shutil.copyfileobj(own, out)
                out.writelines(checksummed(record) for offset, record in self.lines() if offset >= IN_PARTS)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fsync(handle)
            new.replace(self._path)
            undo.pop_all()
        before, self._handle = self._handle, handle
        self._end = self._synced = os.fstat(handle).st_size
        sync(self._path.parent)
        os.close(before)

    def close(self) -> None:
        """Closes the journal, so that another process may open the run."""
        os.close(self._handle)


def _lock(handle: int) -> None:
    """Locks a journal; raises BlockingIOError where another process has it open, and does not merely look at it."""
    for _ in range(_LOOKS):
        with suppress(BlockingIOError):
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_LOOK_SECONDS)
    return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _check_same(path: Path, handle: int) -> None:
    """Raises BlockingIOError where somebody has just put another file in the place of a journal."""
    if os.fstat(handle).st_ino != path.stat().st_ino:
        raise BlockingIOError


def patiently(opened: Callable[[], _T]) -> _T:
    """Opens what another process may be about to let go of; raises HeldError where it does not."""
    until = time.monotonic() + _LET_GO_SECONDS
    while True:
        try:
            return opened()
        except HeldError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_AGAIN)


def is_in_use(path: Path) -> bool:
    """Whether a process has the journal open; looking takes a shared lock for an instant, which `Journal` sits out."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
