"""How attempts wait, and the throttle that makes all senders wait together.

Does not know what they wait for: the modules above decide which answers throttle.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random as uniform
from threading import Event, Lock

STAGGER = 0.25
"""Each sender waits up to this share longer than asked, so that those that waited together start one after another."""

STAGGER_CAP_SECONDS = 2.0


@dataclass(frozen=True)
class Timing:
    """Clock, sleep and chance: real by default, scripted in tests.

    Attributes:
        stop: once set, every wait ends and nothing is repeated.
        sleep: waits for a number of seconds; by default it waits on `stop`, so that setting `stop` ends the wait.
        clock: a monotonic clock, in seconds.
        random: gives a number from 0 up to 1.
    """

    stop: Event = field(default_factory=Event)
    sleep: Callable[[float], object] | None = None
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = uniform

    def wait(self, seconds: float) -> None:
        """Waits for a number of seconds, or until `stop` is set."""
        if not self.stop.is_set():
            (self.sleep or self.stop.wait)(seconds)


class Throttle:
    """Makes all senders wait when LUSID has asked one of them to."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._lock = Lock()
        self._holds = 0
        self._until = timing.clock()

    def hold_all(self, seconds: float) -> None:
        """Holds all senders for so many seconds from now; an earlier, longer hold is not cut short."""
        with self._lock:
            self._holds += 1
            self._until = max(self._until, self._timing.clock() + seconds)

    def wait_turn(self) -> bool:
        """Waits until senders are no longer held; returns False when the run is stopped first.

        Each sender waits a little longer, at random: starting all at once they would be throttled again.
        """
        waited_for = None
        while True:
            with self._lock:
                hold, until = self._holds, self._until
            left = until - self._timing.clock()
            if left <= 0:
                return True
            if self._timing.stop.is_set():
                return False
            if hold == waited_for:  # it has waited in full, although a scripted sleep moves no clock
                return True
            self._timing.wait(left + self._timing.random() * min(STAGGER * left, STAGGER_CAP_SECONDS))
            waited_for = hold
