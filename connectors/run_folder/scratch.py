"""Scratch files for what is too large to keep in memory: byte strings by number, and notes by offset.

They live in the run folder while the run does and are removed with it; nothing is ever recovered from them,
since the same extract gives the same entries again.
"""

import hashlib
import json
import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from schemas.errors import RunFolderError

_quoted = json.encoder.encode_basestring_ascii
"""Text as JSON; a whole `json.dumps` takes twice the time, and every refused row has a note."""

_BUFFER = 1 << 20
_READ_AHEAD = 1 << 16
_MOST_IN_MEMORY = 10_000
"""Notes that are compared with those that follow, and kept."""


def open_private(path: Path) -> BinaryIO:
    """A new file that only its owner may read, open for writing and reading.

    It has no name any more: it holds personal data, and a process that is killed must not leave it behind.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with _writing(path):
        handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        with suppress(OSError):  # where open files cannot be unlinked, they go when they are closed
            path.unlink()
        return os.fdopen(handle, "w+b", buffering=_BUFFER)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written: {error.strerror}") from None


def _discard(file: BinaryIO, path: Path) -> None:
    with suppress(OSError):  # what a full disk does not take is of no use any more
        file.close()
    path.unlink(missing_ok=True)


class EntryFile:
    """Byte strings in a file, numbered from 0 in the order they were added; 8 bytes of memory each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_private(path)
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, entries: Sequence[bytes]) -> None:
        """Adds entries at the end."""
        self._ends.extend(islice(accumulate(map(len, entries), initial=self._ends[-1]), 1, None))
        with _writing(self._path):
            self._file.write(b"".join(entries))

    def finish(self) -> None:
        """Ends writing; `read` may be called from then on."""
        with _writing(self._path):
            self._file.flush()

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """Byte offsets: entry i is bytes ends[i] to ends[i+1]."""
        return np.frombuffer(self._ends, np.int64)

    def read(self, first: int, count: int = 1) -> bytes:
        """The bytes of `count` entries that stand together, joined as they were added."""
        start, stop = self._ends[first], self._ends[first + count]
        return os.pread(self._file.fileno(), stop - start, start)

    def split(self, first: int, count: int) -> list[bytes]:
        """The same, one by one."""
        joined = self.read(first, count)
        base = self._ends[first]
        cuts = [e - base for e in self._ends[first : first + count + 1]]
        return [joined[a:b] for a, b in pairwise(cuts)]

    def digest(self) -> bytes:
        """SHA-256 of the entries, in their order, and of where each ends."""
        found = hashlib.sha256(self.ends.tobytes())
        for start in range(0, self._ends[-1], _BUFFER):
            found.update(os.pread(self._file.fileno(), _BUFFER, start))
        return found.digest()

    def close(self) -> None:
        """Closes and removes the file."""
        _discard(self._file, self._path)


class NoteFile:
    """Why rows were refused: (code, message) pairs by offset. Repeated notes share one offset.

    Notes are read in about the order they were added in, a stretch of the file at a time; the first of them, which are
    the ones that repeat, stay in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_private(path)
        self._end = self._flushed = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._first: dict[int, tuple[str, str]] = {}
        self._stretch, self._stretch_at = b"", 0

    def add(self, code: str, message: str) -> int:
        """Keeps a note and gives the offset to read it by."""
        note = (code, message)
        if note in self._offsets:
            return self._offsets[note]
        line = f"[{_quoted(code)},{_quoted(message)}]\n".encode("ascii")
        offset = self._end
        with _writing(self._path):
            self._file.write(line)
        self._end += len(line)
        if len(self._first) < _MOST_IN_MEMORY:
            self._offsets[note], self._first[offset] = offset, note
        return offset

    def read(self, offset: int) -> tuple[str, str]:
        """The note at an offset."""
        if offset in self._first:
            return self._first[offset]
        start = offset - self._stretch_at
        end = self._stretch.find(b"\n", start) if start >= 0 else -1
        if end < 0:
            self._stretch, self._stretch_at, start = self._from(offset), offset, 0
            end = self._stretch.index(b"\n")
        code, message = json.loads(self._stretch[start:end].decode("ascii"))
        return code, message

    def _from(self, offset: int) -> bytes:
        """The file from an offset on: at least one whole note."""
        if self._flushed < self._end:
            with _writing(self._path):
                self._file.flush()
            self._flushed = self._end
        size = _READ_AHEAD
        while b"\n" not in (found := os.pread(self._file.fileno(), size, offset)):
            size *= 2
        return found

    def close(self) -> None:
        """Closes and removes the file."""
        _discard(self._file, self._path)
