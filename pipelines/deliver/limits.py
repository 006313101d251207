"""What limits sending: what stops a run, the failure budget, how many calls are in flight, and how large they are.

The senders of a run share these. How many calls LUSID takes at once is learnt by additive increase and multiplicative
decrease, as TCP does it: every batch that went well widens the way by a part of a call; a setback (429, 503, a lost
connection, a lost answer) or an answer much slower than the best halves it. How large they may be is learnt from the
calls that LUSID finds too large, and tried anew later.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.deliver.ledger import Ledger
from pipelines.deliver.parts import Part
from pipelines.options import Progress
from pipelines.prepare.reading import Prepared
from schemas.errors import FatalError, LimitError, RetryableError, StoppedError
from schemas.option_types.budget import FailureBudget
from schemas.states import COUNTED

BREAKER = 3
"""Calls that came to nothing, in a row and each for as long as it is tried, that stop the run."""

SLOW = 4.0
"""Times the best call's seconds a request, from which on an answer counts as slow."""

COMPARABLE = 0.5
"""Share of the largest call's requests that a call must have to be compared: of a small one the fixed cost is most."""

DRIFT = 1.01
"""By how much the best and the largest are forgotten with each answer: one that was quick by luck must not make all
others slow, nor one that was too large for LUSID all others too small to count."""

_FLOOR_SECONDS = 0.001
"""Below this a request is never slow: loopback noise is no pressure."""

FIRST_TRIAL = 8
"""Calls of the size that was learnt that must go well before twice as many requests are tried; each time that this
turns out to be too many, twice as many calls."""


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
        self._heard: deque[Heard] = deque(maxlen=2 * BREAKER)
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
        self._heard.append(error)
        with self._lock:
            self._losses += 1
            losses = self._losses
        if losses >= BREAKER:
            self.stop(StoppedError(f"{losses} calls in a row came to nothing, so the run stops: {error.message}"))

    def missed(self) -> None:
        """An answer was lost, and LUSID does not show what was sent: it may yet, or the call goes again."""
        self._heard.append(Missed())
        with self._lock:
            self._missed += 1

    @property
    def holds_back(self) -> bool:
        """Whether so many answers in a row were lost that no new call is to be begun before a lost one is through."""
        return self._missed >= BREAKER

    def answered(self) -> None:
        """A call got an answer to the request itself, whatever it says."""
        self._heard.append(None)
        self._losses = self._missed = 0

    def take(self) -> list["Heard"]:
        """The last of what it was told, since this was asked before, for the brake of another process."""
        return [self._heard.popleft() for _ in range(len(self._heard))]

    def told(self, heard: Iterable["Heard"]) -> None:
        """Takes in what the brake of another process was told."""
        for each in heard:
            if each is None:
                self.answered()
            elif isinstance(each, Missed):
                self.missed()
            else:
                self.lost(each)


class Missed(NamedTuple):
    """That an answer was lost."""


Heard = RetryableError | Missed | None
"""What a brake is told: a call that came to nothing, a lost answer, an answer."""


class Watch:
    """The budget while rows are validated: the first moment it is surely spent is said, and reading goes on.

    A share is of all rows, so it is not known before the last.
    """

    def __init__(self, budget: FailureBudget | None, progress: Progress) -> None:
        self._budget, self._progress = budget, progress

    def reading(self, rows: int, refused: int) -> None:
        """Passes on how many rows were read, and says so when too many of them were refused."""
        self._progress.reading(rows)
        budget = self._budget
        if budget is None or budget.percent or refused <= budget.amount:
            return
        self._budget = None
        self._progress.note(
            f"{refused:,} of the first {rows:,} rows cannot be sent, more than --max-failures {budget} allows: nothing "
            "will be sent; the rest is read all the same, so that failures.csv lists every row to correct"
        )


class Spending:
    """What of the budget is spent: rows refused in validation, then rows of requests that failed."""

    def __init__(self, budget: FailureBudget, prepared: Prepared, ledger: Ledger) -> None:
        self._budget, self._ledger = budget, ledger
        self._rows = prepared.rows_read
        in_request = prepared.book.requests[prepared.book.requests >= 0]
        self._rows_of = np.bincount(in_request, minlength=len(prepared))
        self._failed = sum(n for state, n in prepared.book.counts().items() if state.traits.counted)

    def add(self, batch: npt.NDArray[np.int64]) -> None:
        """Counts the rows of a batch's requests that were settled otherwise than accepted."""
        states = np.frombuffer(self._ledger.states, np.uint8)[batch]  # a view: the run's states are not copied
        self._failed += int(self._rows_of[batch][np.isin(states, COUNTED)].sum())

    def over(self) -> LimitError | None:
        """The error that stops the run once the budget is spent."""
        return self._budget.exceeded(self._failed, self._rows)


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
