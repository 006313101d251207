"""Cutting requests into calls by count and by encoded bytes. Pure: knows nothing of HTTP or Prefect."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


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
