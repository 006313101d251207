"""Bytes of scratch files, packed in blocks.

Requests say most of what they say again and again: packed, they take a tenth of the room, and so neither a disk nor the
memory in which a system keeps files is what a load waits for. Where the blocks of a file lie is written behind them,
for who adopts it.
"""

import os
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from connectors.run_folder.private_files import Joined, reading, writing

_BLOCK = 1 << 17
"""Bytes that are packed together, at most."""
_KEPT = 8
"""Blocks that stay in memory once they were read: what is read next mostly begins in one of them."""

_CODEC = pa.Codec("lz4_raw")
_NUMBER = np.dtype("<i8")
_OF_A_BLOCK = 3
"""Numbers that a file has of each block: its size, its place in the file, and its size there."""


class Packed:
    """Bytes in blocks, in files that are read as one: those that were adopted, and behind them one's own.

    Threads may read at the same time, once `finish` was called.
    """

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty, unless `reopen` is called."""
        self._joined = Joined(place)
        self.path, self.own = self._joined.path, self._joined.own
        self._waiting = bytearray()
        self._begins, self._places, self._sizes = array("q", [0]), array("q"), array("q")
        self._file_begins = [0]
        self._own_from, self._end, self._told = 0, 0, 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._begins[-1] + len(self._waiting)

    def adopt(self, file: BinaryIO) -> None:
        """Takes over a file that somebody finished, before any block of one's own."""
        self._joined.adopt(file, self._learn(file, self._joined.begins[-1]))
        self._own_from = len(self._places)
        self._file_begins.append(self._begins[-1])

    def reopen(self) -> None:
        """Takes over what one's own file holds, which somebody finished; nothing is written then."""
        self._learn(self.own, self._joined.begins[-1])

    def names(self) -> tuple[list[str], list[int]]:
        """The names of the files, and how many bytes are in those before each."""
        return self._joined.names(), self._file_begins

    def write(self, octets: memoryview) -> None:
        """Adds bytes at the end."""
        if len(self._waiting) + len(octets) < _BLOCK:
            self._waiting += octets
            return
        self._pack_waiting()
        for start in range(0, len(octets), _BLOCK):
            self._pack(octets[start : start + _BLOCK])

    def finish(self) -> None:
        """Ends writing, for now; from then on all of it may be read, and the file be adopted."""
        self._pack_waiting()
        with writing(self.path):
            if self._told < (count := len(self._places) - self._own_from):
                sizes = np.diff(np.array(self._begins[self._own_from :], _NUMBER))
                shift = self._joined.begins[-1]
                places = np.array(self._places[self._own_from :], _NUMBER) - shift
                told = np.concatenate((sizes, places, self._sizes[self._own_from :], [count])).astype(_NUMBER)
                self._end += self.own.write(told.data)
                self._told = count
            self.own.flush()

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from an offset on; fewer where all ends.

        Raises:
            RunFolderError: the file cannot be read, or not be unpacked.
        """
        found: list[bytes] = []
        block = bisect_right(self._begins, offset) - 1
        while size > 0 and block < len(self._places):
            skipped = offset - self._begins[block]
            part = self._block(block)[skipped : skipped + size]
            found.append(part)
            size, offset, block = size - len(part), self._begins[block + 1], block + 1
        return b"".join(found) if len(found) != 1 else found[0]

    def close(self) -> None:
        """Closes the files, and removes one's own."""
        self._kept.clear()
        self._joined.close()

    def _learn(self, file: BinaryIO, shift: int) -> int:
        """Learns which blocks a file holds, all of whose places are `shift` larger; gives the bytes of the file."""
        with reading(self.path):
            if not (end := os.fstat(file.fileno()).st_size):
                return 0
            width = _NUMBER.itemsize
            count = int(np.frombuffer(os.pread(file.fileno(), width, end - width), _NUMBER)[0])
            room = count * _OF_A_BLOCK * width
            told = np.frombuffer(os.pread(file.fileno(), room, end - width - room), _NUMBER)
            sizes, places, packed = told.reshape(_OF_A_BLOCK, count)
        self._begins.extend((np.cumsum(sizes) + self._begins[-1]).tolist())
        self._places.extend((places + shift).tolist())
        self._sizes.extend(packed.tolist())
        return end

    def _pack_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, bytearray()
            self._pack(memoryview(waiting))

    def _pack(self, octets: memoryview) -> None:
        packed = _CODEC.compress(octets, asbytes=True)
        with writing(self.path):
            self.own.write(packed)
        self._begins.append(self._begins[-1] + len(octets))
        self._places.append(self._joined.begins[-1] + self._end)
        self._sizes.append(len(packed))
        self._end += len(packed)

    def _block(self, number: int) -> bytes:
        """A block as it was before it was packed."""
        with self._lock:
            if (kept := self._kept.get(number)) is not None:
                return kept
        with reading(self.path):
            packed = self._joined.pread(self._sizes[number], self._places[number])
            found: bytes = _CODEC.decompress(packed, self._begins[number + 1] - self._begins[number], asbytes=True)
        with self._lock:
            self._kept[number] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found
