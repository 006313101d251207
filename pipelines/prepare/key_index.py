"""Rows of one key, found wherever they stand, by hashes of their keys."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.prepare.spans import Places, in_order, joined
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
        begins = self.starts[places]
        rows, ends = joined(begins, self.starts[places + 1] - begins)
        return Hashed(self.ordinals[rows], ends)

    def rows(self, place: int) -> list[int]:
        """The rows of one hash."""
        found: list[int] = self.ordinals[self.starts[place] : self.starts[place + 1]].tolist()
        return found

    def in_order(self) -> Iterator["Hashed"]:
        """The same, by some thousand hashes, in order of their first rows."""
        order = in_order(self.firsts)
        for first in range(0, len(order), _AT_ONCE):
            yield self.some(order[first : first + _AT_ONCE])


class KeyIndex:
    """Finds rows of one key across a whole extract, in 8 bytes a row, or 16 where some rows have no key.

    Rows are compared by a hash of their key; rows whose hashes meet are then compared by the key itself, so a collision
    costs a look and never a verdict. To sort, the number of a hash takes the place of its last bits: numbers alone are
    sorted several times as fast as numbers with what belongs to each.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._ordinals: array[int] | None = None  # none as long as they are 0, 1, 2 and so on

    def extend(self, start: int, keys: Sequence[str]) -> None:
        """Notes the keys of the rows from `start` (0-based over the whole extract) on; an empty one is none."""
        texts = keys if isinstance(keys, Texts) else Texts(text_array([key.encode() for key in keys]))
        self.note(np.flatnonzero(texts.filled) + start, hashes(texts)[texts.filled])

    def note(self, ordinals: Places, found: npt.NDArray[np.int64]) -> None:
        """Notes rows, ascending and behind those before, and the hash of the key of each."""
        count, first = len(self._hashes), int(ordinals[0]) if len(ordinals) else 0
        is_next = len(ordinals) == 0 or (first == count and ordinals[-1] - first == len(ordinals) - 1)
        if self._ordinals is None and not is_next:
            self._ordinals = array("q", np.arange(count).tobytes())
        if self._ordinals is not None:
            self._ordinals.frombytes(ordinals.tobytes())
        self._hashes.frombytes(found.tobytes())

    def adopt(self, start: int, other: "KeyIndex") -> None:
        """Takes over the index of a portion whose first row is row `start`."""
        found = np.frombuffer(other._hashes, np.int64)
        if self._ordinals is None and other._ordinals is None and start == len(self._hashes):
            self._hashes.frombytes(found.view(np.uint8).data)
        else:
            self.note(other._rows_at(np.arange(len(found))) + start, found)

    def hashed(self) -> Hashed:
        """All rows, by what of their hashes they were sorted by."""
        places, same = self._sorted()
        return Hashed(self._rows_at(places), _starts(same))

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
        for place in in_order(hashed.firsts).tolist():  # keys near each other are read together
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
        for place in in_order(hashed.firsts).tolist():
            rows = hashed.rows(place)
            while waiting and waiting[0] < rows:
                yield heappop(waiting)
            for same in same_key(rows, key_of):
                if len(same) > 1:
                    heappush(waiting, same)
        while waiting:
            yield heappop(waiting)

    def _rows_at(self, places: Places) -> Places:
        """The rows that were noted first, second and so on."""
        return places if self._ordinals is None else np.frombuffer(self._ordinals, np.int64)[places]

    def _sorted(self) -> tuple[Places, npt.NDArray[np.bool_]]:
        """The places of all hashes by their first bits, those alike in order; and which has those of the one before."""
        count = len(self._hashes)
        bits = np.uint64(count.bit_length())
        last = (np.uint64(1) << bits) - np.uint64(1)
        found = np.frombuffer(self._hashes, np.uint64) & ~last
        found |= np.arange(count, dtype=np.uint64)
        found.sort()
        same = np.zeros(count, np.bool_)
        np.less_equal(found[1:] ^ found[:-1], last, out=same[1:])
        found &= last
        places: Places = found.view(np.int64)
        return places, same

    def _met(self) -> Hashed:
        """The rows whose hash other rows have, too."""
        places, same = self._sorted()
        places = places[_with_others(same)]
        hashes = np.frombuffer(self._hashes, np.int64)[places]
        order = np.argsort(hashes, kind="stable")  # nearly in order as they are
        places, hashes = places[order], hashes[order]
        same = np.zeros(len(hashes), np.bool_)
        np.equal(hashes[1:], hashes[:-1], out=same[1:])
        met = _with_others(same)
        return Hashed(self._rows_at(places[met]), _starts(same[met]))


def _with_others(same: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which items are the same as the one before or the one behind.

    Args:
        same: which are the same as the one before.
    """
    found = same.copy()
    found[:-1] |= same[1:]
    return found


def _starts(same: npt.NDArray[np.bool_]) -> Places:
    """Where items begin that are not the same as the one before, and where all end."""
    return np.append(np.flatnonzero(~same), len(same))


def same_key(rows: list[int], key_of: Callable[[int], Hashable]) -> Iterable[list[int]]:
    """Rows of one hash by their keys."""
    by_key: dict[Hashable, list[int]] = {}
    for row in rows:
        by_key.setdefault(key_of(row), []).append(row)
    return by_key.values()
