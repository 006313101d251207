"""The reasons why rows were refused, in a scratch file as others are: see `scratch`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from connectors.run_folder.private_files import Joined, writing
from connectors.run_folder.scratch import READ_AHEAD

_quoted = json.encoder.encode_basestring_ascii
"""Text as JSON; `json.dumps` takes twice as long, and every refused row has a note."""

_MOST_IN_MEMORY = 10_000
"""Notes that are kept in memory and compared with later ones."""


class NoteFile:
    """The reasons why rows were refused, as (code, message) pairs by offset; repeated notes share one offset.

    Notes are read in about the order in which they were added, a stretch of the file at a time. The first ones, which
    are those that repeat, stay in memory.
    """

    def __init__(self, place: Path | BinaryIO) -> None:
        """Begins a new file at a path, or takes one that is open and empty."""
        self._joined = Joined(place)
        self._file = self._joined.own
        self._end = self._flushed = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._first: dict[int, tuple[str, str]] = {}
        self._stretch, self._stretch_at = b"", 0

    def finish(self) -> tuple[int, dict[int, tuple[str, str]]]:
        """Ends writing; gives the bytes written and the first notes, for who adopts the file."""
        with writing(self._joined.path):
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
        with writing(self._joined.path):
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
            with writing(self._joined.path):
                self._file.flush()
            self._flushed = self._end
        size = READ_AHEAD
        while b"\n" not in (found := self._joined.pread(size, offset)):
            size *= 2
        return found

    def close(self) -> None:
        """Closes and removes the file."""
        self._joined.close()
