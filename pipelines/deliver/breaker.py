"""What stops a run while it sends: an interrupt, the failure budget, a refusal of us, or too many calls in vain."""

import threading

from schemas.errors import FatalError, RetryableError, StoppedError

BREAKER = 3
"""Calls that came to nothing, in a row and each for as long as it is tried, that stop the run."""


class Brake:
    """Stops a run; all its senders watch it.

    Attributes:
        error: what stopped the run, if something did; no call is begun after that.
    """

    def __init__(self, waits: threading.Event) -> None:
        """Lets go of what an earlier load into the same LUSID stopped.

        Args:
            waits: set when the run stops, to end all waits for LUSID.
        """
        self.error: FatalError | None = None
        self._waits = waits
        self.release()
        self._losses = self._missed = 0
        self._lock = threading.RLock()  # a signal's handler stops the run, in a thread that may just be stopping it

    def release(self) -> None:
        """Lets what follows into the same LUSID wait again: this run is over, or not yet begun."""
        self._waits.clear()

    def stop(self, error: FatalError) -> None:
        """Lets no call begin or wait to be repeated; what is in flight is settled. The first error stays."""
        with self._lock:
            is_first = self.error is None
            self.error = self.error or error
        if is_first:  # else a signal's handler may stand in the middle of the same step
            self._waits.set()

    def lost(self, error: RetryableError) -> None:
        """A call came to nothing: no answer, or none but 429 and 503, for as long as it is tried."""
        with self._lock:
            self._losses += 1
            losses = self._losses
        if losses >= BREAKER:
            self.stop(StoppedError(f"{losses} calls in a row came to nothing, so the run stops: {error.message}"))

    def missed(self) -> None:
        """An answer was lost, and LUSID does not show what was sent: it may yet, or the call goes again."""
        with self._lock:
            self._missed += 1

    @property
    def holds_back(self) -> bool:
        """Whether so many answers in a row were lost that no new call is to be begun before a lost one is through."""
        return self._missed >= BREAKER

    def answered(self) -> None:
        """A call got an answer to the request itself, whatever it says."""
        self._losses = self._missed = 0
