"""Finding rows of one key across a whole extract, in 8 bytes a row.

Rows are compared by a hash of their key; rows whose hashes meet are then compared by the key itself, so a
collision costs a look and never a verdict.
"""

from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import compress, count

import numpy as np
import numpy.typing as npt


class KeyIndex:
    """Hashes of keys, one for each row that has a key, in reading order."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._ordinals = array("q")

    def extend(self, start: int, keys: Sequence[str]) -> None:
        """Notes the keys of the rows from `start` (0-based over the whole extract) on; an empty one is none."""
        self._hashes.extend(map(hash, filter(None, keys)))
        self._ordinals.extend(compress(count(start), keys))

    def groups(self, key_of: Callable[[int], Hashable], *, singles: bool) -> Iterator[list[int]]:
        """Ordinals of the rows of one key, in order of their first row.

        Args:
            key_of: reads the key of a row again, to tell a collision from a repeat.
            singles: also yield keys that only one row has.
        """
        hashes = np.frombuffer(self._hashes, np.int64)
        ordinals = np.frombuffer(self._ordinals, np.int64)
        order = np.argsort(hashes, kind="stable")
        if not singles:
            order = order[_repeated(hashes[order])]
        starts = _starts(hashes[order])
        ordered = ordinals[order]
        firsts = ordered[starts[:-1]]
        waiting: list[list[int]] = []  # keys whose hash an earlier row's key has, until it is their turn
        for group in np.argsort(firsts, kind="stable").tolist():
            rows: list[int] = ordered[starts[group] : starts[group + 1]].tolist()
            while waiting and waiting[0] < rows:
                yield heappop(waiting)
            if len(rows) == 1:
                yield rows
            else:
                for same in _same_key(rows, key_of, singles=singles):
                    heappush(waiting, same)
        while waiting:
            yield heappop(waiting)


def _repeated(ordered: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of the ordered values stand there more than once."""
    same = ordered[1:] == ordered[:-1]
    repeated = np.zeros(len(ordered), bool)
    repeated[1:] |= same
    repeated[:-1] |= same
    return repeated


def _starts(ordered: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(ordered):
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate(([0], changes, [len(ordered)]))


def _same_key(rows: list[int], key_of: Callable[[int], Hashable], *, singles: bool) -> Iterator[list[int]]:
    by_key: dict[Hashable, list[int]] = {}
    for row in rows:
        by_key.setdefault(key_of(row), []).append(row)
    return (g for g in by_key.values() if singles or len(g) > 1)
