"""How time passes between attempts, and the gate where all senders wait together.

Owns waiting, and nothing of what is waited for: which answers close the gate is for the modules above.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random as uniform
from threading import Event, Lock

STAGGER = 0.25
"""Share of a wait by which senders that waited together set out one after another, at most."""

STAGGER_CAP_SECONDS = 2.0


@dataclass(frozen=True)
class Waiting:
    """How time passes: real by default, scripted in tests.

    Attributes:
        stop: once set, every wait ends and nothing is repeated.
        sleep: waits so many seconds; by default on `stop`, so that setting it ends the wait.
        clock: seconds that only grow.
        random: a number from 0 up to 1.
    """

    stop: Event = field(default_factory=Event)
    sleep: Callable[[float], object] | None = None
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = uniform

    def wait(self, seconds: float) -> None:
        """Waits, unless the run is stopped."""
        if not self.stop.is_set():
            (self.sleep or self.stop.wait)(seconds)


class Gate:
    """Where all senders stand while LUSID has asked one of them to wait."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._lock = Lock()
        self._closings = 0
        self._opens_at = waiting.clock()

    def close_for(self, seconds: float) -> None:
        """Closes the gate for so many seconds from now, or as long as it already is, if longer."""
        with self._lock:
            self._closings += 1
            self._opens_at = max(self._opens_at, self._waiting.clock() + seconds)

    def pass_through(self) -> bool:
        """Waits for the gate to open; returns False when the run was stopped before it did.

        Each sender waits a little longer than it must, by lot: all at once they would be turned away again.
        """
        waited_for = None
        while True:
            with self._lock:
                closing, opens_at = self._closings, self._opens_at
            left = opens_at - self._waiting.clock()
            if left <= 0:
                return True
            if self._waiting.stop.is_set():
                return False
            if closing == waited_for:  # waited in full, though a scripted sleep moves no clock
                return True
            self._waiting.wait(left + self._waiting.random() * min(STAGGER * left, STAGGER_CAP_SECONDS))
            waited_for = closing
