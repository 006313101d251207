"""Waiting while LUSID takes no calls: what is told of it, and what holds all senders of a process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import random as uniform
from threading import Event, Lock
from typing import NamedTuple

STAGGER = 0.25
"""Each sender waits up to this share longer than asked, so that those that waited together start one after another."""

STAGGER_CAP_SECONDS = 2.0


class Waiting(NamedTuple):
    """A wait that begins.

    Attributes:
        whom: who is waited for, in a few words.
        cause: what came of the last attempt.
        since: when the first attempt failed after which none succeeded.
        seconds: how long it is until the next attempt.
        for_all: whether all calls wait so long, and not this one alone.
    """

    whom: str
    cause: str
    since: datetime
    seconds: float
    for_all: bool = False


def nobody_listens(_: Waiting) -> None:
    """Takes a wait that begins."""


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

    @property
    def left(self) -> float:
        """Seconds for which senders are held from now on."""
        return max(self._until - self._timing.clock(), 0.0)

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
