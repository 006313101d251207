"""What manages memory, out of the way of a load: the cyclic garbage collector, and Arrow's own pool."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_COLLECT_EVERY = 200_000


@contextmanager
def plain_memory() -> Iterator[None]:
    """Has Arrow take memory from the C library: its own pool is no faster here, and keeps 20 MB more of it."""
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


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
