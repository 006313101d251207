"""The second half of a load: requests go out in batches, some at once, until each is settled or the run stops."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.chunks import cut
from pipelines.deliver import Delivery
from pipelines.ledger import Ledger
from pipelines.prepare import Prepared
from pipelines.pressure import Pressure
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

    batch_size: int = 1000
    max_bytes: int = 8 << 20


def batches(prepared: Prepared, ledger: Ledger, portion: Portion) -> list[Batch]:
    """The requests that are not settled yet, in calls."""
    sizes = prepared.sizes
    return [
        waiting[first:end]
        for waiting in prepared.wides.parted(ledger.open_requests(), prepared.first_row)
        for first, end in cut(sizes[waiting], portion.batch_size, portion.max_bytes)
    ]


def send(
    work: Iterable[Batch], delivery: Delivery, pressure: Pressure, progress: Callable[[Batch], None] = lambda _: None
) -> None:
    """Delivers batches, some at once; returns when each is settled or the run has stopped.

    Args:
        pressure: how many at once; it learns from each.
        progress: told of each batch as it ends, from this thread.
    """
    waiting: set[Future[_Sent]] = set()
    with ThreadPoolExecutor(pressure.most, "send") as pool:
        for batch in work:
            while len(waiting) >= int(pressure.width):
                waiting = _collect(waiting, pressure, progress)
            if delivery.brake.error is not None:
                break
            waiting.add(pool.submit(_deliver, delivery, batch))
        while waiting:
            waiting = _collect(waiting, pressure, progress)


class _Sent(NamedTuple):
    batch: Batch
    seconds: float


def _deliver(delivery: Delivery, batch: Batch) -> _Sent:
    began = time.monotonic()
    if delivery.brake.error is None:
        try:
            delivery.deliver(batch.tolist())
        except FatalError as error:
            delivery.brake.stop(error)
    return _Sent(batch, time.monotonic() - began)


def _collect(waiting: set[Future[_Sent]], pressure: Pressure, progress: Callable[[Batch], None]) -> set[Future[_Sent]]:
    done, still = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        sent = future.result()
        pressure.settled(len(sent.batch), sent.seconds)
        progress(sent.batch)
    return still
