"""The second half of a load: requests go out in batches, some at once, until each is settled or the run stops."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from connectors.processes import on_one_core
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.limits import Brake, Pressure
from pipelines.deliver.parts import Part
from pipelines.prepare.reading import Requests
from schemas.errors import FatalError

_SHOW_EVERY = 0.02
"""Seconds between two looks at how far it is."""

_AT_ONCE = 1 << 16
"""Requests that are cut into calls together: for ten million at once it took 140 MB."""

Batch = npt.NDArray[np.int64]
"""Numbers of the requests that go out in one first call, ascending."""


@dataclass(frozen=True)
class Portion:
    """How much goes out in one call.

    Attributes:
        batch_size: requests in one call, at most.
        max_bytes: bytes in one call, at most.
    """

    batch_size: int
    max_bytes: int


class Deliverer(Protocol):
    """Delivers batches, as `Delivery` does."""

    @property
    def brake(self) -> Brake:
        """Stops the run."""

    def deliver(self, part: Part) -> None:
        """See `Delivery`."""

    def left(self, part: Part) -> Part:
        """See `Delivery`."""

    def is_due(self, part: Part) -> bool:
        """See `Delivery`."""

    def sync(self) -> None:
        """See `Delivery`."""


def batches(prepared: Requests, ledger: Ledger, portion: Portion) -> list[Batch]:
    """The requests that are not settled yet, in calls."""
    return in_calls(prepared, ledger.open_requests(), portion)


def in_calls(prepared: Requests, numbers: npt.NDArray[np.int64], portion: Portion) -> list[Batch]:
    """Requests, ascending, in calls."""
    found: list[Batch] = []
    for waiting in prepared.wides.parted(numbers, prepared.first_row):
        first = 0
        while first < len(waiting):
            some = waiting[first : first + max(_AT_ONCE, portion.batch_size)]
            calls = [*cut(prepared.sizes_of(some), portion.batch_size, portion.max_bytes)]
            if first + len(some) < len(waiting) and len(calls) > 1:
                calls.pop()  # more may go in it
            found += [some[begin:end] for begin, end in calls]
            first += calls[-1][1]
    return found


def cut(sizes: npt.NDArray[np.int64], max_items: int, max_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, end) over consecutive requests, in order, none empty, none over a limit.

    Args:
        sizes: encoded bytes of each request, separator included; each at most `max_bytes`.
        max_items: requests in one call.
        max_bytes: bytes in one call, envelope not counted.
    """
    ends = np.cumsum(sizes)
    first = sent = 0
    while first < len(sizes):
        by_bytes = int(np.searchsorted(ends, sent + max_bytes, side="right"))
        end = max(first + 1, min(first + max_items, by_bytes))
        yield first, end
        first, sent = end, int(ends[end - 1])


def send_batches(
    work: Iterable[Batch],
    delivery: Deliverer,
    pressure: Pressure,
    settled: Callable[[Batch], None],
    show: Callable[[], None] = lambda: None,
) -> None:
    """Delivers batches, some at once; returns when each is settled or the run has stopped.

    What was lost of a batch is put aside and delivered again once LUSID shows it if it has it; meanwhile others go.

    Args:
        pressure: how many at once; it learns from each.
        settled: told of what of a batch is settled as it ends, from the thread that sent it, one at a time.
        show: called now and then while batches are sent, from this thread.
    """
    turns = _Turns(_Queue(work, delivery), delivery, pressure, settled)
    with ThreadPoolExecutor(pressure.most, "send") as pool:
        with on_one_core():
            senders = [pool.submit(turns.send) for _ in range(pressure.most)]
        try:
            while wait(senders, _SHOW_EVERY).not_done:
                show()
        finally:
            turns.end()
    for sender in senders:
        sender.result()


class _Turns:
    """Which of the senders begins the next batch, and when; each takes its own, for to wake another one takes longer.

    A sender waits, or ends, when what it settled is on disk.
    """

    def __init__(
        self, queue: "_Queue", delivery: Deliverer, pressure: Pressure, settled: Callable[[Batch], None]
    ) -> None:
        """Begins nothing yet.

        Args:
            queue: the batches.
            delivery: delivers them.
            pressure, settled: see `send_batches`.
        """
        self._queue, self._delivery, self._pressure, self._settled = queue, delivery, pressure, settled
        self._under_way, self._is_over = 0, False
        self._changed = threading.Condition()

    def send(self) -> None:
        """Delivers batches, one after the other, until there are no more or the run stops."""
        try:
            batch = self._next()
            while batch is not None:
                _deliver(self._delivery, batch)
                batch = self._next(batch)
            self._delivery.sync()
        finally:
            self.end()

    def end(self) -> None:
        """Lets no further batch begin."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _next(self, ended: Batch | None = None) -> Batch | None:
        """Takes in that a batch has ended; gives the next, waited for until it may begin, or None at the end."""
        with self._changed:
            if ended is not None:
                self._under_way -= 1
                left = self._queue.put_aside(ended)
                self._pressure.settled()
                self._settled(left)
            while not self._is_over and self._delivery.brake.error is None:
                if self._under_way < int(self._pressure.width):
                    batch = self._queue.next(idle=not self._under_way)
                    if batch is not None:
                        self._under_way += 1
                        self._changed.notify()  # there may be room for another one
                        return batch
                    if not self._under_way:
                        break
                self._delivery.sync()
                self._changed.wait()
        return None


class _Queue:
    """Batches to deliver: new ones, and what was lost of those before."""

    def __init__(self, work: Iterable[Batch], delivery: Deliverer) -> None:
        self._new, self._delivery = iter(work), delivery
        self._lost: deque[Batch] = deque()

    def put_aside(self, batch: Batch) -> Batch:
        """Keeps what was lost of a batch for later; gives what is settled of it."""
        left = np.array(self._delivery.left(batch.tolist()), np.int64)
        if not len(left):
            return batch
        self._lost.append(left)
        return np.setdiff1d(batch, left, assume_unique=True)

    def next(self, *, idle: bool) -> Batch | None:
        """The next batch, if one is to be begun now; `idle` says that none is under way.

        While answers are lost in a row, no new ones are begun.
        """
        brake = self._delivery.brake
        if self._lost and (brake.holds_back or self._delivery.is_due(self._lost[0].tolist())):
            return self._lost.popleft()
        new = next(self._new, None) if idle or not brake.holds_back else None
        return new if new is not None or not self._lost else self._lost.popleft()


def _deliver(delivery: Deliverer, batch: Batch) -> None:
    if delivery.brake.error is None:
        try:
            delivery.deliver(batch.tolist())
        except FatalError as error:
            delivery.brake.stop(error)
