"""Scratch files for data too large to keep in memory: byte strings by number, and notes by offset.

They exist only while the run works. Nothing is ever recovered from them, since the same extract gives the same entries
again. A process that prepares a part of an extract fills files that its parent has opened, and the parent adopts them:
then several files are read as one.
"""

import hashlib
import json
import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from schemas.errors import RunFolderError

_quoted = json.encoder.encode_basestring_ascii
"""Text as JSON; `json.dumps` takes twice as long, and every refused row has a note."""

_BUFFER = 1 << 20
_READ_AHEAD = 1 << 16
_MOST_BETWEEN = 1 << 12
"""Bytes between two entries that are read together, at most."""
_MOST_IN_MEMORY = 10_000
"""Notes that are kept in memory and compared with later ones."""

_Offsets = npt.NDArray[np.int64]


def open_private(path: Path, *, named: bool = False) -> BinaryIO:
    """A new file, private to its owner and open for writing and reading.

    Its name is removed at once: it holds personal data, and a process that is killed must not leave it behind.

    Args:
        path: its name.
        named: keep that, for processes that cannot be given open files; then it goes with its folder.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with _writing(path):
        handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        if not named:
            with suppress(OSError):  # some systems cannot unlink an open file: there `close` removes it
                path.unlink()
        return os.fdopen(handle, "w+b", buffering=_BUFFER)


@contextmanager
def _writing(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"{path or 'the scratch files'}: cannot be written: {error.strerror}") from None


class _Joined:
    """Files read as one: those that were adopted, and behind them one's own."""

    def __init__(self, place: Path | BinaryIO) -> None:
        self.path = place if isinstance(place, Path) else None
        self.own = open_private(place) if isinstance(place, Path) else place
        self._files, self._begins = [self.own], [0]

    def adopt(self, file: BinaryIO, size: int) -> None:
        """Puts a file of `size` bytes before one's own, which is still empty."""
        self._files.insert(-1, file)
        self._begins.append(self._begins[-1] + size)

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from an offset on; fewer where all ends."""
        if len(self._files) == 1:
            return os.pread(self.own.fileno(), size, offset)
        place, parts = bisect_right(self._begins, offset) - 1, list[bytes]()
        while size > 0 and place < len(self._files):
            last = place + 1 == len(self._files)
            here = size if last else min(size, self._begins[place + 1] - offset)
            parts.append(os.pread(self._files[place].fileno(), here, offset - self._begins[place]))
            size, offset, place = size - here, offset + here, place + 1
        return b"".join(parts)

    def close(self) -> None:
        """Closes the files, and removes one's own."""
        for file in self._files:
            with suppress(OSError):  # what a full disk did not take is no longer needed
                file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class EntryFile:
    """Byte strings in a file, numbered from 0 in the order in which they are added; each takes 8 bytes of memory."""

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty."""
        self._joined = _Joined(place)
        self._file = self._joined.own
        self._ends = array("q", [0])

    def adopt(self, file: BinaryIO, ends: bytes) -> None:
        """Adds the entries of another process, before any of one's own.

        Args:
            file: what it wrote.
            ends: its `ends`, as bytes.
        """
        found = np.frombuffer(ends, np.int64)
        self._joined.adopt(file, int(found[-1]))
        self._ends.frombytes((found[1:] + self._ends[-1]).tobytes())

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, entries: Sequence[bytes]) -> None:
        """Adds entries at the end."""
        self._ends.extend(islice(accumulate(map(len, entries), initial=self._ends[-1]), 1, None))
        with _writing(self._joined.path):
            self._file.write(b"".join(entries))

    def add(self, octets: npt.NDArray[np.uint8], ends: npt.NDArray[np.int32]) -> None:
        """Adds entries that stand one behind the other, from byte ends[i] to ends[i+1] of `octets`."""
        self._ends.frombytes((ends[1:] + np.int64(self._ends[-1])).tobytes())
        with _writing(self._joined.path):
            self._file.write(octets.data)

    def finish(self) -> None:
        """Ends writing; from then on `read` may be called."""
        with _writing(self._joined.path):
            self._file.flush()

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """Byte offsets, shape (entries + 1,), int64: entry i is bytes ends[i] to ends[i+1]."""
        return np.frombuffer(self._ends, np.int64)

    def read(self, first: int, count: int = 1) -> bytes:
        """The bytes of `count` consecutive entries, joined in the order in which they were added."""
        start, stop = self._ends[first], self._ends[first + count]
        return self._joined.pread(stop - start, start)

    def split(self, first: int, count: int) -> list[bytes]:
        """The same entries, one by one."""
        joined = self.read(first, count)
        base = self._ends[first]
        cuts = [e - base for e in self._ends[first : first + count + 1]]
        return [joined[a:b] for a, b in pairwise(cuts)]

    def together(self, numbers: npt.NDArray[np.int64]) -> bytes:
        """The bytes of some entries, joined in this order; any order will do, ascending is quick."""
        found: list[bytes] = []
        for read, starts, stops in self._stretches(numbers):
            cuts = [0, *(np.flatnonzero(starts[1:] != stops[:-1]) + 1).tolist(), len(starts)]
            found += [read[starts[first] : stops[last - 1]] for first, last in pairwise(cuts)]
        return b"".join(found)

    def texts(self, numbers: npt.NDArray[np.int64]) -> list[str]:
        """Some entries as texts, which are UTF-8, in this order."""
        found: list[str] = []
        for read, starts, stops in self._stretches(numbers):
            spans = zip(starts.tolist(), stops.tolist(), strict=True)
            if read.isascii():
                text = read.decode()
                found += [text[start:stop] for start, stop in spans]
            else:
                found += [read[start:stop].decode() for start, stop in spans]
        return found

    def _stretches(self, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[bytes, _Offsets, _Offsets]]:
        """Entries near each other, read together; and where in what was read each begins and ends."""
        ends = self.ends
        starts, stops = ends[numbers], ends[numbers + 1]
        between = starts[1:] - stops[:-1]
        breaks = np.flatnonzero((between < 0) | (between > _MOST_BETWEEN)) + 1
        for first, last in pairwise([0, *breaks.tolist(), len(numbers)]) if len(numbers) else ():
            begin = int(starts[first])
            read = self._joined.pread(int(stops[last - 1]) - begin, begin)
            yield read, starts[first:last] - begin, stops[first:last] - begin

    def reader(self) -> Callable[[int], bytes]:
        """Reads entries, mostly one behind the other, a stretch of the file at a time; for one thread."""
        ends, pread = self._ends, self._joined.pread
        stretch, at = b"", 0

        def read(number: int) -> bytes:
            nonlocal stretch, at
            start, stop = ends[number], ends[number + 1]
            if start < at or stop > at + len(stretch):
                is_near = at <= start <= at + len(stretch) + _READ_AHEAD
                stretch = pread(max(stop - start, _READ_AHEAD if is_near else 0), start)
                at = start
            return stretch[start - at : stop - at]

        return read

    def digest(self) -> bytes:
        """SHA-256 of the entries, in their order, and of their ends."""
        found = hashlib.sha256(self.ends.tobytes())
        for start in range(0, self._ends[-1], _BUFFER):
            found.update(self._joined.pread(_BUFFER, start))
        return found.digest()

    def close(self) -> None:
        """Closes and removes the file."""
        self._joined.close()


class NoteFile:
    """The reasons why rows were refused, as (code, message) pairs by offset; repeated notes share one offset.

    Notes are read in about the order in which they were added, a stretch of the file at a time. The first ones, which
    are those that repeat, stay in memory.
    """

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty."""
        self._joined = _Joined(place)
        self._file = self._joined.own
        self._end = self._flushed = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._first: dict[int, tuple[str, str]] = {}
        self._stretch, self._stretch_at = b"", 0

    def finish(self) -> tuple[int, dict[int, tuple[str, str]]]:
        """Ends writing; gives the bytes written and the first notes, for who adopts the file."""
        with _writing(self._joined.path):
            self._file.flush()
        return self._end, self._first

    def adopt(self, file: BinaryIO, size: int, first: Mapping[int, tuple[str, str]]) -> int:
        """Adds the notes of another process, before any of one's own; gives what their offsets grow by.

        Args:
            file: what it wrote.
            size, first: what its `finish` gave.
        """
        begin = self._end
        self._joined.adopt(file, size)
        self._first |= {begin + offset: note for offset, note in first.items()}
        self._end = self._flushed = begin + size
        return begin

    def add(self, code: str, message: str) -> int:
        """Keeps a note and returns its offset in bytes."""
        note = (code, message)
        if note in self._offsets:
            return self._offsets[note]
        line = f"[{_quoted(code)},{_quoted(message)}]\n".encode("ascii")
        offset = self._end
        with _writing(self._joined.path):
            self._file.write(line)
        self._end += len(line)
        if len(self._offsets) < _MOST_IN_MEMORY:
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
        """The file from an offset on, at least one complete note of it."""
        if self._flushed < self._end:
            with _writing(self._joined.path):
                self._file.flush()
            self._flushed = self._end
        size = _READ_AHEAD
        while b"\n" not in (found := self._joined.pread(size, offset)):
            size *= 2
        return found

    def close(self) -> None:
        """Closes and removes the file."""
        self._joined.close()
