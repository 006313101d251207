"""The second half of a load: requests go out in batches, some at once, until each is settled or the run stops."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.deliver.chunks import cut
from pipelines.deliver.concurrency import Pressure
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.ledger import Ledger
from pipelines.prepare.reading import Prepared
from schemas.errors import FatalError

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


def batches(prepared: Prepared, ledger: Ledger, portion: Portion) -> list[Batch]:
    """The requests that are not settled yet, in calls."""
    sizes = prepared.sizes
    return [
        waiting[first:end]
        for waiting in prepared.wides.parted(ledger.open_requests(), prepared.first_row)
        for first, end in cut(sizes[waiting], portion.batch_size, portion.max_bytes)
    ]


def send_batches(
    work: Iterable[Batch], delivery: Delivery, pressure: Pressure, progress: Callable[[Batch], None] = lambda _: None
) -> None:
    """Delivers batches, some at once; returns when each is settled or the run has stopped.

    Args:
        pressure: how many at once; it learns from each.
        progress: told of each batch as it ends, from this thread.
    """
    waiting: set[Future[Batch]] = set()
    with ThreadPoolExecutor(pressure.most, "send") as pool:
        for batch in work:
            while len(waiting) >= int(pressure.width):
                waiting = _collect(waiting, pressure, progress)
            if delivery.brake.error is not None:
                break
            waiting.add(pool.submit(_deliver, delivery, batch))
        while waiting:
            waiting = _collect(waiting, pressure, progress)


def _deliver(delivery: Delivery, batch: Batch) -> Batch:
    if delivery.brake.error is None:
        try:
            delivery.deliver(batch.tolist())
        except FatalError as error:
            delivery.brake.stop(error)
    return batch


def _collect(waiting: set[Future[Batch]], pressure: Pressure, progress: Callable[[Batch], None]) -> set[Future[Batch]]:
    done, still = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        batch = future.result()
        pressure.settled()
        progress(batch)
    return still
