"""Rows of one key, wherever they stand: found, copies collapsed, and contradictions refused."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import compress, islice

import numpy as np
import numpy.typing as npt

from pipelines.prepare.row_book import Book
from schemas.rows.whole.columns import filled
from schemas.states import Duplicates, State

_AT_ONCE = 1024
"""Keys whose requests are made together."""
MOST_NAMED = 5
"""Rows that a message names before it counts the rest."""


class KeyIndex:
    """Finds rows of one key across a whole extract, in 16 bytes a row: hashes of keys, in reading order.

    Rows are compared by a hash of their key; rows whose hashes meet are then compared by the key itself, so a collision
    costs a look and never a verdict.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._ordinals = array("q")

    def extend(self, start: int, keys: Sequence[str]) -> None:
        """Notes the keys of the rows from `start` (0-based over the whole extract) on; an empty one is none."""
        there = filled(keys)
        kept = keys if there.all() else [*compress(keys, there.tolist())]
        self._hashes.frombytes(np.fromiter(map(hash, kept), np.int64, len(kept)).tobytes())
        self._ordinals.frombytes((np.flatnonzero(there) + start).tobytes())

    def adopt(self, start: int, other: "KeyIndex") -> None:
        """Takes over the index of a portion whose first row is row `start`; it must be of the same hashes.

        A text has the same hash in processes that were started with the same PYTHONHASHSEED.
        """
        self._hashes.extend(other._hashes)
        self._ordinals.frombytes((np.frombuffer(other._ordinals, np.int64) + start).tobytes())

    def repeated(self, key_of: Callable[[int], Hashable]) -> npt.NDArray[np.int64]:
        """Ordinals, ascending, of the rows whose hash rows of another key have, too; `key_of` reads a row's key."""
        hashes, ordinals = np.frombuffer(self._hashes, np.int64), np.frombuffer(self._ordinals, np.int64)
        order = np.argsort(hashes, kind="stable")
        order = order[_repeated(hashes[order])]
        starts, ordered = _starts(hashes[order]), ordinals[order]
        found = array("q")
        for group in np.argsort(ordered[starts[:-1]], kind="stable").tolist():  # keys near each other are read together
            rows = ordered[starts[group] : starts[group + 1]].tolist()
            if len(set(map(key_of, rows))) > 1:
                found.extend(rows)
        return np.sort(np.array(found, np.int64))

    def portions(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Rows whose keys have one hash, by some thousand hashes, in order of their first row.

        Yields:
            The ordinals of their rows, those of one hash behind each other and ascending; and where those of each
            begin, and the last one's end.
        """
        hashes, ordinals = np.frombuffer(self._hashes, np.int64), np.frombuffer(self._ordinals, np.int64)
        order = np.argsort(hashes, kind="stable")
        starts = _starts(hashes[order])
        counts, ordered = np.diff(starts), ordinals[order]
        groups = np.argsort(ordered[starts[:-1]], kind="stable")
        for first in range(0, len(groups), _AT_ONCE):
            some = groups[first : first + _AT_ONCE]
            ends = np.concatenate(([0], np.cumsum(counts[some])))
            within = np.arange(ends[-1]) - np.repeat(ends[:-1], counts[some])
            yield ordered[np.repeat(starts[some], counts[some]) + within], ends

    def groups(self, key_of: Callable[[int], Hashable]) -> Iterator[list[int]]:
        """Ordinals of the rows of each key that several rows have, in order of their first row.

        Args:
            key_of: reads the key of a row again, to tell a collision from a repeat.
        """
        hashes = np.frombuffer(self._hashes, np.int64)
        ordinals = np.frombuffer(self._ordinals, np.int64)
        order = np.argsort(hashes, kind="stable")
        order = order[_repeated(hashes[order])]
        starts = _starts(hashes[order])
        ordered = ordinals[order]
        firsts = ordered[starts[:-1]]
        waiting: list[list[int]] = []  # keys whose hash an earlier row's key has, until it is their turn
        for group in np.argsort(firsts, kind="stable").tolist():
            rows: list[int] = ordered[starts[group] : starts[group + 1]].tolist()
            while waiting and waiting[0] < rows:
                yield heappop(waiting)
            for same in same_key(rows, key_of):
                if len(same) > 1:
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


def same_key(rows: list[int], key_of: Callable[[int], Hashable]) -> Iterable[list[int]]:
    """Rows of one hash by their keys."""
    by_key: dict[Hashable, list[int]] = {}
    for row in rows:
        by_key.setdefault(key_of(row), []).append(row)
    return by_key.values()


def settle_repeats(
    book: Book, groups: Iterable[Sequence[int]], made: Callable[[int], bytes], policy: Duplicates
) -> None:
    """Settles rows that share a key, where one row is one request.

    Exact copies (rows that make the same request) collapse into the first. Rows that differ are all refused,
    unless the policy picks one of the valid ones. An invalid row differs from every other.

    Args:
        groups: ordinals of the rows of one key.
        made: what a row makes, its call included; b"" where it was refused.
    """
    for rows in groups:
        if policy is not Duplicates.REFUSE:
            _pick(book, rows, made, policy)
            continue
        first = made(rows[0])
        if first and all(made(o) == first for o in rows[1:]):
            for ordinal in rows[1:]:
                settle_copy(book, ordinal, rows[0])
            continue
        for ordinal in rows:
            if book.is_open(ordinal):
                others = named_rows(book, (o for o in rows if o != ordinal), len(rows) - 1)
                message = f"{others} the same key but other cells: keep one, or pass --duplicates"
                book.settle(ordinal, State.INVALID, "DuplicateKey", message)


def _pick(book: Book, rows: Sequence[int], made: Callable[[int], bytes], policy: Duplicates) -> None:
    """Lets one valid row stand, be it held; an invalid one stays what it is, and takes no good row with it."""
    valid = [o for o in rows if book.is_open(o) or made(o)]
    if not valid:
        return
    chosen = valid[0] if policy is Duplicates.FIRST else valid[-1]
    standing = made(chosen)
    for ordinal in valid:
        if ordinal == chosen:
            continue
        if made(ordinal) == standing:
            settle_copy(book, ordinal, chosen)
        else:
            message = f"{book.where(chosen)} of the same key stands (--duplicates {policy})"
            book.settle(ordinal, State.DUPLICATE, "Superseded", message)


def settle_copy(book: Book, ordinal: int, original: int) -> None:
    """Settles a row as the copy of another."""
    book.settle(ordinal, State.DUPLICATE, "Copy", f"is an exact copy of {book.where(original)}")


def named_rows(book: Book, rows: Iterator[int], count: int) -> str:
    """`row 3 has`, or `row 3, row 5 and 2 more have`; looks at few of the rows, however many there are."""
    names = [book.where(o) for o in islice(rows, MOST_NAMED)]
    if count > len(names):
        names.append(f"{count - len(names)} more")
    return f"{names[0]} has" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} have"


def refuse_large(book: Book, ordinals: Iterable[int], size: int, limit: int) -> None:
    """Refuses the rows of a request that is larger than a call may be."""
    message = f"makes a request of {size} bytes, more than the {limit} of one call"
    for ordinal in ordinals:
        book.settle(ordinal, State.INVALID, "TooLarge", message)
