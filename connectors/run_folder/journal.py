"""The journal of a run: one line before a call is sent and one when it is settled, on disk before anyone acts on it.

It consists of append-only JSON lines. A last line that a crash cut short has no newline; nobody acted on it, and it is
cut off. Each line ends in its own checksum: when a disk flips a bit in a number the JSON stays valid, and without the
checksum requests would count as done that were never sent.
"""

import errno
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from schemas.errors import RunFolderError

_LOOKS = 3
_LOOK_SECONDS = 0.01
"""How often, and how long, opening waits for one that only looks whether the journal is open."""


class Journal:
    """The journal of one run; safe for many threads, and open in one process at a time."""

    def __init__(self, path: Path) -> None:
        """Opens the journal, or creates it.

        Raises:
            RunFolderError: it cannot be written, or another process holds the run.
        """
        self._path = path
        with ExitStack() as undo:
            try:
                self._handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW, 0o600)
                undo.callback(os.close, self._handle)
                _lock(self._handle)
                self._end = self._synced = self._drop_torn_line()
                os.fsync(self._handle)  # a process that was killed may have written lines and not synced them
            except BlockingIOError:
                raise RunFolderError(f"{path.parent}: another process is working on this run") from None
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

        Senders that arrive together share one sync.

        Raises:
            RunFolderError: the line could not be written completely.
        """
        line = checksummed(record)
        try:
            with self._write_lock:
                offset = self._end
                self._write(line)
                end = self._end
            with self._sync_lock:
                if self._synced < end:
                    self._sync()
        except OSError as error:
            raise RunFolderError(f"{self._path}: cannot be written: {error.strerror}") from None
        return offset

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
            record = _verified(file.readline())
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
        return _damaged(self._path, number)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as file:
                yield file
        except OSError as error:
            raise RunFolderError(f"{self._path}: cannot be read: {error.strerror}") from None

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


def journal_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every whole line of a journal with its offset; another process may be writing it.

    Raises:
        RunFolderError: the journal cannot be read, or a line is damaged.
    """
    offset = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):  # it is being written, or a crash cut it short: nobody acted on it
                    return
                record = _verified(line)
                if record is None:
                    raise _damaged(path, number)
                yield offset, record
                offset += len(line)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None


def _damaged(path: Path, number: int) -> RunFolderError:
    return RunFolderError(f"{path}: line {number} is damaged: the run cannot be resumed")


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


def checksummed(record: dict[str, Any]) -> bytes:
    """The line of a record, which has at least one member: its JSON with a checksum of everything before it."""
    text = orjson.dumps(record)[:-1]
    return text + _checksum(text)


def _checksum(text: bytes) -> bytes:
    return b',"crc":"%08x"}\n' % zlib.crc32(text)


def _verified(line: bytes) -> dict[str, Any] | None:
    """The record of a line; None when the line is not as it was written."""
    text = line[: -len(_checksum(b""))]
    if line != text + _checksum(text):
        return None
    record: dict[str, Any] = orjson.loads(text + b"}")
    return record
