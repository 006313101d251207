"""What readers of a store see that lags behind: what was there some seconds ago. Knows no SQL."""

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

_Entity = TypeVar("_Entity")


class Past(Generic[_Entity]):
    """What entities were before they were written, for as long as readers do not see that; their store locks it."""

    def __init__(self, lag: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lag, self._clock = lag, clock
        self._before: deque[tuple[float, int, _Entity | None]] = deque()

    def note(self, sequence: int, before: _Entity | None) -> None:
        """Keeps what an entity is before it is written; None where it is new."""
        if self._lag:
            self._before.append((self._clock() + self._lag, sequence, before))

    def seen(self, sequence: int, now: _Entity) -> _Entity | None:
        """An entity as readers see it; None where they do not yet.

        Args:
            sequence: its own.
            now: what it is.
        """
        while self._before and self._before[0][0] <= self._clock():
            self._before.popleft()
        return next((before for _, each, before in self._before if each == sequence), now)
