"""The cyclic garbage collector, out of the way of a load."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_COLLECT_EVERY = 200_000


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keeps the cyclic garbage collector from scanning rows, which would cost more than the load itself."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
