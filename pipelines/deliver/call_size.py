"""How many requests LUSID takes in a call, learnt from the calls that it finds too large, and tried anew later.

Pure; the senders of a run share it.
"""

import threading
from typing import NamedTuple

from pipelines.deliver.ledger import Part

FIRST_TRIAL = 8
"""Calls of the size that was learnt that must go well before twice as many requests are tried; each time that this
turns out to be too many, twice as many calls."""


class _TooLarge(NamedTuple):
    """A call that was refused for its size.

    Attributes:
        size: its requests.
        most: as many as are tried now.
    """

    part: Part
    size: int
    most: int


class CallSize:
    """What is known of the size that LUSID takes.

    Attributes:
        least: the fewest requests that calls were cut to; None where none was.
    """

    def __init__(self) -> None:
        self.least: int | None = None
        self._refused: list[_TooLarge] = []
        self._trial, self._good, self._tried = FIRST_TRIAL, 0, False
        self._lock = threading.Lock()

    @property
    def most(self) -> int | None:
        """Requests that go out in one call, at most; None where nothing is known."""
        with self._lock:
            return self._most()

    def refused(self, part: Part) -> None:
        """A call is too large; of one request alone it is that request which is, and other calls may be larger."""
        with self._lock:
            self._good = 0
            if len(part) == 1:
                self._refused = [each for each in self._refused if part[0] not in each.part]
                return
            if self._tried:
                self._trial, self._tried = self._trial * 2, False
            half = len(part) // 2
            self._refused.append(_TooLarge(part, len(part), half))
            self.least = min(self.least or half, half)

    def accepted(self, count: int) -> None:
        """A call of so many requests was not too large."""
        with self._lock:
            most = self._most()
            if most is None or count < most:
                return
            self._good += 1
            if self._good < self._trial:
                return
            self._good, self._tried = 0, True
            grown = [each._replace(most=max(each.most, 2 * most)) for each in self._refused]
            self._refused = [each for each in grown if each.most < each.size]

    def _most(self) -> int | None:
        return min((each.most for each in self._refused), default=None)
