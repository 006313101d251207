"""Scratch files for data too large to keep in memory: byte strings by number; notes by offset are in `notes`.

They exist only while the run works. Nothing is ever recovered from them, since the same extract gives the same entries
again. A process that prepares a part of an extract fills files that its parent has opened, and the parent adopts them:
then several files are read as one.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.run_folder.packed import Packed

_BUFFER = 1 << 20
READ_AHEAD = 1 << 16
_MOST_BETWEEN = 1 << 12
"""Bytes between two entries that are read together, at most."""

_Offsets = npt.NDArray[np.int64]


class KeptEntries(NamedTuple):
    """Entries in files that have names.

    Attributes:
        files: their names, in order.
        begins: the bytes of entries before each.
        ends: as of `EntryFile`.
    """

    files: Sequence[str]
    begins: Sequence[int]
    ends: npt.NDArray[np.int64]


class EntryFile:
    """Byte strings in a file, numbered from 0 in the order in which they are added; each takes 8 bytes of memory."""

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty."""
        self._packed = Packed(place)
        self._ends = array("q", [0])

    def adopt(self, file: BinaryIO, ends: npt.NDArray[np.int64]) -> None:
        """Adds the entries of another process, before any of one's own.

        Args:
            file: what it wrote.
            ends: its `ends`.
        """
        self._packed.adopt(file)
        self._ends.frombytes((ends[1:] + self._ends[-1]).view(np.uint8).data)

    def kept(self) -> "KeptEntries":
        """What another process needs to read the entries, where the files have names."""
        return KeptEntries(*self._packed.names(), self.ends)

    @classmethod
    def reopened(cls, kept: "KeptEntries") -> "EntryFile":
        """The entries of another process; raises OSError where a file is not there, RunFolderError where it is cut."""
        *before, last = [Path(name).open("rb") for name in kept.files]  # noqa: SIM115 - `close` closes them
        found = cls(last)
        for file in before:
            found._packed.adopt(file)
        found._packed.reopen()
        found._ends.frombytes(kept.ends[1:].tobytes())
        return found

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, entries: Sequence[bytes]) -> None:
        """Adds entries at the end."""
        self._ends.extend(islice(accumulate(map(len, entries), initial=self._ends[-1]), 1, None))
        self._packed.write(memoryview(b"".join(entries)))

    def add(self, octets: npt.NDArray[np.uint8], ends: npt.NDArray[np.int32]) -> None:
        """Adds entries that stand one behind the other, from byte ends[i] to ends[i+1] of `octets`."""
        self._ends.frombytes((ends[1:] + np.int64(self._ends[-1])).tobytes())
        self._packed.write(octets.data)

    def finish(self) -> None:
        """Ends writing; from then on `read` may be called, and another process may adopt the file."""
        self._packed.finish()

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """Byte offsets, shape (entries + 1,), int64: entry i is bytes ends[i] to ends[i+1]."""
        return np.frombuffer(self._ends, np.int64)

    def read(self, first: int, count: int = 1) -> bytes:
        """The bytes of `count` consecutive entries, joined in the order in which they were added."""
        start, stop = self._ends[first], self._ends[first + count]
        return self._packed.pread(stop - start, start)

    def split(self, first: int, count: int) -> list[bytes]:
        """The same entries, one by one."""
        joined = self.read(first, count)
        base = self._ends[first]
        cuts = [e - base for e in self._ends[first : first + count + 1]]
        return [joined[a:b] for a, b in pairwise(cuts)]

    def together(self, numbers: npt.NDArray[np.int64]) -> bytes:
        """The bytes of some entries, joined in this order; any order will do, ascending is quick."""
        if len(numbers) and (numbers[1:] - numbers[:-1] == 1).all():  # as in most calls
            return self.read(int(numbers[0]), len(numbers))
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
        between = (starts[1:] - stops[:-1]).view(np.uint64)  # one that stands before the other is far behind it, then
        breaks = (between > _MOST_BETWEEN).nonzero()[0] + 1
        for first, last in pairwise([0, *breaks.tolist(), len(numbers)]) if len(numbers) else ():
            begin = int(starts[first])
            read = self._packed.pread(int(stops[last - 1]) - begin, begin)
            yield read, starts[first:last] - begin, stops[first:last] - begin

    def reader(self) -> Callable[[int], bytes]:
        """Reads entries, mostly one behind the other, a stretch of the file at a time; for one thread."""
        ends, pread = self._ends, self._packed.pread
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
        found = hashlib.sha256(self.ends.data)
        for start in range(0, self._ends[-1], _BUFFER):
            found.update(self._packed.pread(_BUFFER, start))
        return found.digest()

    def close(self) -> None:
        """Closes and removes the file."""
        self._packed.close()
