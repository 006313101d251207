"""Where a process that reads rows takes memory from, and when it gives memory back to the system.

Must not know what the memory is for.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc's mallopt calls the free memory that is kept, and the size of what is taken apart from the rest."""
_KEPT, _APART = 64 << 20, 32 << 20
"""Bytes of these. glibc arrives at them by itself where a process frees something large early enough. Where it does
not, the same pages are given back and taken again with every batch, 120,000 times for a million rows of orders."""


@contextmanager
def plain_memory() -> Iterator[None]:
    """Has Arrow take memory from the C library, and the C library keep what batch after batch needs.

    Arrow's own pool is no faster here, and keeps 20 MB more of it. How the C library keeps memory stays as it is
    afterwards; where it is not glibc, that is as ever.
    """
    import pyarrow as pa

    library = ctypes.CDLL(None) if os.name == "posix" else None
    if (mallopt := getattr(library, "mallopt", None)) is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _APART)
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
