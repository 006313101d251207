"""Leaves the last lines of a file out, whatever its length, without having read it before.

Owns how far to read ahead for that. Must not know what the lines are.
"""

from collections.abc import Callable

from schemas.errors import ExtractError

_AHEAD = 1 << 16
"""Bytes that the lines may have together, at most."""


class FooterCutter:
    """Reads ahead, and never hands the last lines on."""

    def __init__(self, read: Callable[[int], bytes], lines: int, name: str) -> None:
        """Takes what is read from.

        Args:
            read: gives up to so many bytes, none at the end.
            lines: how many are left out; empty ones count.
            name: the file's name, for messages.
        """
        self._read = read
        self._lines = lines
        self._name = name
        self._held = b""
        self._ended = False
        self._begun = False

    def __call__(self, size: int) -> bytes:
        """Up to so many bytes; none where the last lines begin.

        Raises:
            ExtractError: the last lines are longer than can be held.
        """
        while not self._ended and len(self._held) < size + _AHEAD:
            block = self._read(max(size, _AHEAD))
            self._held += block
            if not block:
                self._ended = True
                self._held = self._held[: self._length()]
        found, self._held = self._held[:size], self._held[size:]
        self._begun = self._begun or bool(found)
        return found

    def _length(self) -> int:
        """How many of the bytes at hand stand before the last lines."""
        end = len(self._held) - self._held.endswith(b"\n")
        for _ in range(self._lines):
            end = self._held.rfind(b"\n", 0, end)
            if end < 0:
                if self._begun:
                    raise ExtractError(f"{self._name}: its last {self._lines} lines are longer than {_AHEAD:,} bytes")
                return 0
        return end + 1
