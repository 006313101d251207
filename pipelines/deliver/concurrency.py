"""How many calls are in flight: as many as LUSID takes gladly, never more than allowed.

Additive increase, multiplicative decrease, as TCP does it: every batch that went well widens the way by a part of a
call; a setback (429, 503, a lost connection, a lost answer) or an answer much slower than the best halves it.
"""

import threading
from collections.abc import Callable

SLOW = 4.0
"""Times the best call's seconds a request, from which on an answer counts as slow."""

COMPARABLE = 0.5
"""Share of the largest call's requests that a call must have to be compared: of a small one the fixed cost is most."""

DRIFT = 1.01
"""By how much the best and the largest are forgotten with each answer: one that was quick by luck must not make all
others slow, nor one that was too large for LUSID all others too small to count."""

_FLOOR_SECONDS = 0.001
"""Below this a request is never slow: loopback noise is no pressure."""


class Pressure:
    """The width of the way to LUSID; all senders of a run share it.

    Attributes:
        most: calls in flight, at most.
        width: calls in flight now; from 1 to `most`.
    """

    def __init__(self, most: int, setbacks: Callable[[], int]) -> None:
        """Opens the way fully.

        Args:
            setbacks: how many attempts came to nothing so far.
        """
        self.most = most
        self.width = float(most)
        self._setbacks = setbacks
        self._seen = setbacks()
        self._largest = 0.0
        self._best = float("inf")
        self._slow = False
        self._lock = threading.Lock()

    def answered(self, requests: int, seconds: float) -> None:
        """Learns from a call: its requests, and the seconds its answer took, waits and earlier attempts left out."""
        each = max(seconds / requests, _FLOOR_SECONDS)
        with self._lock:
            self._largest = max(self._largest / DRIFT, requests)
            if requests < COMPARABLE * self._largest:
                return
            self._best = min(self._best * DRIFT, each)
            self._slow = self._slow or each > SLOW * self._best

    def settled(self) -> None:
        """A batch is settled: the way is narrowed if there was pressure since the last one, else widened."""
        setbacks = self._setbacks()
        with self._lock:
            slow, self._slow = self._slow, False
        if setbacks > self._seen or slow:
            self.width = max(1.0, self.width / 2)
        else:
            self.width = min(float(self.most), self.width + 1 / self.width)
        self._seen = setbacks
