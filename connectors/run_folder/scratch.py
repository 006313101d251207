"""Scratch files for data too large to keep in memory: byte strings by number; notes by offset are in `notes`.

They exist only while the run works. Nothing is ever recovered from them, since the same extract gives the same entries
again. A process that prepares a part of an extract fills files that its parent has opened, and the parent adopts them:
then several files are read as one.
"""

import hashlib
import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import RunFolderError

_BUFFER = 1 << 20
READ_AHEAD = 1 << 16
_MOST_BETWEEN = 1 << 12
"""Bytes between two entries that are read together, at most."""

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
    with writing(path):
        opened = open(path, "w+b", buffering=_BUFFER, opener=_private)  # noqa: SIM115 - Path's has no opener
        if not named:
            with suppress(OSError):  # some systems cannot unlink an open file: there `close` removes it
                path.unlink()
        return opened


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def writing(path: Path | None) -> Iterator[None]:
    """Raises RunFolderError where a scratch file cannot be written."""
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"{path or 'the scratch files'}: cannot be written: {error.strerror}") from None


class Joined:
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

    def names(self) -> tuple[list[str], list[int]]:
        """The names of the files, and where each begins."""
        return [file.name for file in self._files], self._begins

    def close(self) -> None:
        """Closes the files, and removes one's own."""
        for file in self._files:
            with suppress(OSError):  # what a full disk did not take is no longer needed
                file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class KeptEntries(NamedTuple):
    """Entries in files that have names.

    Attributes:
        files: their names, in order.
        begins: the bytes before each.
        ends: as of `EntryFile`.
    """

    files: Sequence[str]
    begins: Sequence[int]
    ends: npt.NDArray[np.int64]


class EntryFile:
    """Byte strings in a file, numbered from 0 in the order in which they are added; each takes 8 bytes of memory."""

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty."""
        self._joined = Joined(place)
        self._file = self._joined.own
        self._ends = array("q", [0])

    def adopt(self, file: BinaryIO, ends: npt.NDArray[np.int64]) -> None:
        """Adds the entries of another process, before any of one's own.

        Args:
            file: what it wrote.
            ends: its `ends`.
        """
        self._joined.adopt(file, int(ends[-1]))
        self._ends.frombytes((ends[1:] + self._ends[-1]).tobytes())

    def kept(self) -> "KeptEntries":
        """What another process needs to read the entries, where the files have names."""
        return KeptEntries(*self._joined.names(), self.ends)

    @classmethod
    def reopened(cls, kept: "KeptEntries") -> "EntryFile":
        """The entries of another process; raises OSError where a file is not there."""
        *before, last = [Path(name).open("rb") for name in kept.files]  # noqa: SIM115 - `close` closes them
        found = cls(last)
        for file, (begin, end) in zip(before, pairwise(kept.begins), strict=True):
            found._joined.adopt(file, end - begin)
        found._ends.frombytes(kept.ends[1:].tobytes())
        return found

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, entries: Sequence[bytes]) -> None:
        """Adds entries at the end."""
        self._ends.extend(islice(accumulate(map(len, entries), initial=self._ends[-1]), 1, None))
        with writing(self._joined.path):
            self._file.write(b"".join(entries))

    def add(self, octets: npt.NDArray[np.uint8], ends: npt.NDArray[np.int32]) -> None:
        """Adds entries that stand one behind the other, from byte ends[i] to ends[i+1] of `octets`."""
        self._ends.frombytes((ends[1:] + np.int64(self._ends[-1])).tobytes())
        with writing(self._joined.path):
            self._file.write(octets.data)

    def finish(self) -> None:
        """Ends writing; from then on `read` may be called."""
        with writing(self._joined.path):
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
        for read, starts, stops in self.stretches(numbers):
            cuts = [0, *(np.flatnonzero(starts[1:] != stops[:-1]) + 1).tolist(), len(starts)]
            found += [read[starts[first] : stops[last - 1]] for first, last in pairwise(cuts)]
        return b"".join(found)

    def texts(self, numbers: npt.NDArray[np.int64]) -> list[str]:
        """Some entries as texts, which are UTF-8, in this order."""
        found: list[str] = []
        for read, starts, stops in self.stretches(numbers):
            spans = zip(starts.tolist(), stops.tolist(), strict=True)
            if read.isascii():
                text = read.decode()
                found += [text[start:stop] for start, stop in spans]
            else:
                found += [read[start:stop].decode() for start, stop in spans]
        return found

    def stretches(self, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[bytes, _Offsets, _Offsets]]:
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
                is_near = at <= start <= at + len(stretch) + READ_AHEAD
                stretch = pread(max(stop - start, READ_AHEAD if is_near else 0), start)
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
