"""Rows of one key, found wherever they stand, by hashes of their keys."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.prepare.spans import Places, joined
from schemas.rows.whole.arrays import text_array
from schemas.rows.whole.columns import Texts
from schemas.rows.whole.hashes import hashes

_AT_ONCE = 4096
"""Keys whose requests are made together; of fewer, the calls of Arrow cost more than their work."""


class Hashed(NamedTuple):
    """Rows by the hashes of their keys; rows of one hash mostly have one key.

    Attributes:
        ordinals: of the rows, those of one hash behind each other and ascending; shape (rows,), int64.
        starts: where those of each hash begin, and where the last one's end; shape (hashes + 1,), int64.
    """

    ordinals: Places
    starts: Places

    @property
    def firsts(self) -> Places:
        """The first row of each hash."""
        return self.ordinals[self.starts[:-1]]

    @property
    def counts(self) -> Places:
        """How many rows each hash has."""
        return np.diff(self.starts)

    def some(self, places: Places) -> "Hashed":
        """The rows of some hashes, in this order."""
        rows, ends = joined(self.starts[places], self.counts[places])
        return Hashed(self.ordinals[rows], ends)

    def rows(self, place: int) -> list[int]:
        """The rows of one hash."""
        found: list[int] = self.ordinals[self.starts[place] : self.starts[place + 1]].tolist()
        return found

    def in_order(self) -> Iterator["Hashed"]:
        """The same, by some thousand hashes, in order of their first rows."""
        order = np.argsort(self.firsts, kind="stable")
        for first in range(0, len(order), _AT_ONCE):
            yield self.some(order[first : first + _AT_ONCE])


class KeyIndex:
    """Finds rows of one key across a whole extract, in 16 bytes a row: hashes of keys, and their rows.

    Rows are compared by a hash of their key; rows whose hashes meet are then compared by the key itself, so a collision
    costs a look and never a verdict.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._ordinals = array("q")

    def extend(self, start: int, keys: Sequence[str]) -> None:
        """Notes the keys of the rows from `start` (0-based over the whole extract) on; an empty one is none."""
        texts = keys if isinstance(keys, Texts) else Texts(text_array([key.encode() for key in keys]))
        self.note(np.flatnonzero(texts.filled) + start, hashes(texts)[texts.filled])

    def note(self, ordinals: Places, found: npt.NDArray[np.int64]) -> None:
        """Notes rows, ascending and behind those before, and the hash of the key of each."""
        self._hashes.frombytes(found.tobytes())
        self._ordinals.frombytes(ordinals.tobytes())

    def sort(self) -> None:
        """Sorts the rows by their hashes: to sort several such indices as one takes hardly any time."""
        hashes, ordinals = self._sorted()
        self._hashes, self._ordinals = array("q", hashes.tobytes()), array("q", ordinals.tobytes())

    def adopt(self, start: int, other: "KeyIndex") -> None:
        """Takes over the index of a portion whose first row is row `start`."""
        self._hashes.frombytes(np.frombuffer(other._hashes, np.uint8).data)
        self._ordinals.frombytes((np.frombuffer(other._ordinals, np.int64) + start).tobytes())

    def hashed(self) -> Hashed:
        """All rows, by their hashes."""
        hashes, ordinals = self._sorted()
        return Hashed(ordinals, _starts(hashes))

    def repeated(self, key_of: Callable[[int], Hashable], requests: npt.NDArray[np.int32]) -> Places:
        """Ordinals, ascending, of the rows whose hash rows of another key have, too.

        Args:
            key_of: reads a row's key.
            requests: of each row; rows of one have one key. -1 where a row has none.
        """
        found, hashed = array("q"), self._met()
        if len(hashed.ordinals):
            of_row, starts = requests[hashed.ordinals], hashed.starts[:-1]
            least, most = np.minimum.reduceat(of_row, starts), np.maximum.reduceat(of_row, starts)
            hashed = hashed.some(np.flatnonzero((least < most) | (least < 0)))
        for place in np.argsort(hashed.firsts, kind="stable").tolist():  # keys near each other are read together
            rows = hashed.rows(place)
            if len(set(map(key_of, rows))) > 1:
                found.extend(rows)
        return np.sort(np.array(found, np.int64))

    def groups(self, key_of: Callable[[int], Hashable]) -> Iterator[list[int]]:
        """Ordinals of the rows of each key that several rows have, in order of their first row.

        Args:
            key_of: reads the key of a row again, to tell a collision from a repeat.
        """
        hashed, waiting = self._met(), list[list[int]]()  # keys whose hash an earlier row's key has wait for their turn
        for place in np.argsort(hashed.firsts, kind="stable").tolist():
            rows = hashed.rows(place)
            while waiting and waiting[0] < rows:
                yield heappop(waiting)
            for same in same_key(rows, key_of):
                if len(same) > 1:
                    heappush(waiting, same)
        while waiting:
            yield heappop(waiting)

    def _sorted(self) -> tuple[Places, Places]:
        """Hashes, ascending, and the rows that have them, those of one hash in the order in which they were noted."""
        hashes, ordinals = np.frombuffer(self._hashes, np.int64), np.frombuffer(self._ordinals, np.int64)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], ordinals[order]

    def _met(self) -> Hashed:
        """The rows whose hash other rows have, too."""
        hashes, ordinals = self._sorted()
        same = hashes[1:] == hashes[:-1]
        repeated = np.zeros(len(hashes), np.bool_)
        repeated[1:] |= same
        repeated[:-1] |= same
        return Hashed(ordinals[repeated], _starts(hashes[repeated]))


def _starts(ordered: npt.NDArray[np.int64]) -> Places:
    if not len(ordered):
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate(([0], changes, [len(ordered)]))


def same_key(rows: list[int], key_of: Callable[[int], Hashable]) -> Iterable[list[int]]:
    """Rows of one hash by their keys."""
    by_key: dict[Hashable, list[int]] = {}
    for row in rows:
        by_key.setdefault(key_of(row), []).append(row)
    return by_key.values()
