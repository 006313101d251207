"""The second half of a load: requests go out in batches, some at once, until each is settled or the run stops."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.chunks import cut
from pipelines.deliver import Delivery
from pipelines.ledger import Ledger
from pipelines.prepare import Prepared
from schemas.errors import FatalError

Batch = npt.NDArray[np.int64]
"""Numbers of the requests that go out in one first call, ascending."""


@dataclass(frozen=True)
class Pace:
    """How much goes out at once.

    Attributes:
        batch_size: requests in one call, at most.
        max_bytes: bytes in one call, at most.
        concurrency: calls in flight.
    """

    batch_size: int = 1000
    max_bytes: int = 8 << 20
    concurrency: int = 4


def batches(prepared: Prepared, ledger: Ledger, pace: Pace) -> list[Batch]:
    """The requests that are not settled yet, in calls."""
    waiting = ledger.open_requests()
    sizes = prepared.sizes[waiting]
    return [waiting[first:end] for first, end in cut(sizes, pace.batch_size, pace.max_bytes)]


def send(
    work: Iterable[Batch], delivery: Delivery, concurrency: int, progress: Callable[[Batch], None] = lambda _: None
) -> None:
    """Delivers batches, `concurrency` at once; returns when each is settled or the run has stopped.

    Args:
        progress: told of each batch as it ends, from this thread.
    """
    waiting: set[Future[Batch]] = set()
    with ThreadPoolExecutor(concurrency, "send") as pool:
        for batch in work:
            if delivery.error is not None:
                break
            waiting.add(pool.submit(_deliver, delivery, batch))
            if len(waiting) >= 2 * concurrency:
                waiting = _collect(waiting, progress)
        while waiting:
            waiting = _collect(waiting, progress)


def _deliver(delivery: Delivery, batch: Batch) -> Batch:
    if delivery.error is None:
        try:
            delivery.deliver(batch.tolist())
        except FatalError as error:
            delivery.stop(error)
    return batch


def _collect(waiting: set[Future[Batch]], progress: Callable[[Batch], None]) -> set[Future[Batch]]:
    done, still = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        progress(future.result())
    return still
