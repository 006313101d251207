"""How many calls are in flight: as many as LUSID takes gladly, never more than allowed.

Additive increase, multiplicative decrease, as TCP does it: every batch that went well widens the way by a part of a
call; a repeat (429, 503, a lost connection) or an answer much slower than the best halves it.
"""

from collections.abc import Callable

SLOW = 4.0
"""Times the best batch's seconds a request, from which on an answer counts as slow."""

_FLOOR_SECONDS = 0.001
"""Below this a request is never slow: loopback noise is no pressure."""


class Pressure:
    """The width of the way to LUSID; all senders of a run share it.

    Attributes:
        most: calls in flight, at most.
        width: calls in flight now; from 1 to `most`.
    """

    def __init__(self, most: int, repeats: Callable[[], int]) -> None:
        """Opens the way fully.

        Args:
            repeats: how many calls had to be repeated so far.
        """
        self.most = most
        self.width = float(most)
        self._repeats = repeats
        self._seen = repeats()
        self._best = float("inf")

    def settled(self, requests: int, seconds: float) -> None:
        """Learns from a batch: its requests, and the seconds it took."""
        each = max(seconds / requests, _FLOOR_SECONDS)
        self._best = min(self._best, each)
        repeats = self._repeats()
        if repeats > self._seen or each > SLOW * self._best:
            self.width = max(1.0, self.width / 2)
        else:
            self.width = min(float(self.most), self.width + 1 / self.width)
        self._seen = repeats
