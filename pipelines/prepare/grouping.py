"""Rows of one key, wherever they stand: copies collapsed, contradictions refused, the rows of one request gathered."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import compress, count, islice

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.row_book import Book
from pipelines.prepare.templates import GatheredTemplates
from schemas.states import PENDING, Duplicates, State

_NAMED = 5
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
        self._hashes.extend(map(hash, filter(None, keys)))
        self._ordinals.extend(compress(count(start), keys))

    def repeated(self) -> npt.NDArray[np.int64]:
        """Ordinals, ascending, of the rows whose hash other rows have, too."""
        hashes = np.frombuffer(self._hashes, np.int64)
        ordered = np.sort(hashes)
        more = ordered[1:][ordered[1:] == ordered[:-1]]
        if not len(more):
            return np.zeros(0, np.int64)
        return np.frombuffer(self._ordinals, np.int64)[np.isin(hashes, more)]

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
                _copy(book, ordinal, rows[0])
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
            _copy(book, ordinal, chosen)
        else:
            message = f"{book.where(chosen)} of the same key stands (--duplicates {policy})"
            book.settle(ordinal, State.DUPLICATE, "Superseded", message)


def _copy(book: Book, ordinal: int, original: int) -> None:
    book.settle(ordinal, State.DUPLICATE, "Copy", f"is an exact copy of {book.where(original)}")


def named_rows(book: Book, rows: Iterator[int], count: int) -> str:
    """`row 3 has`, or `row 3, row 5 and 2 more have`; looks at few of the rows, however many there are."""
    names = [book.where(o) for o in islice(rows, _NAMED)]
    if count > len(names):
        names.append(f"{count - len(names)} more")
    return f"{names[0]} has" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} have"


def refuse_large(book: Book, ordinals: Iterable[int], size: int, limit: int) -> None:
    """Refuses the rows of a request that is larger than a call may be."""
    message = f"makes a request of {size} bytes, more than the {limit} of one call"
    for ordinal in ordinals:
        book.settle(ordinal, State.INVALID, "TooLarge", message)


_WITHIN_ROW = "differs between items of one row that have the same key"
"""What is said of a row that contradicts itself, where it has several items of a list."""


class Gathering:
    """Rows of one key become one request, wherever in the extract they stand.

    A request is sent whole or not at all: when one of its rows is at fault, or two contradict each
    other, the others are refused with it and name the culprit, for a request without that row would
    say something else (an account with one holder less).
    """

    def __init__(
        self, book: Book, parts: EntryFile, templates: GatheredTemplates, operation: Operation, limit: int
    ) -> None:
        """Gets ready to gather.

        Args:
            parts: of each row by ordinal, b"" where it was refused; see `GatheredTemplates`.
            limit: bytes of an entry, at most.
        """
        self._book, self._templates, self._operation, self._limit = book, templates, operation, limit
        self._part_of = parts.reader()

    def gather(self, groups: Iterable[Sequence[int]]) -> Iterator[tuple[list[int], bytes]]:
        """Yields (ordinals of its rows, copies left out; entry) of each request that stands.

        Args:
            groups: ordinals of the rows of one key, in reading order.
        """
        for ordinals in groups:
            parts = [self._part_of(ordinal) for ordinal in ordinals]
            first_of: dict[bytes, int] = {}
            for part, ordinal in zip(parts, ordinals, strict=True):
                first_of.setdefault(part, ordinal)
            first_of.pop(b"", None)
            entry = self._entry(first_of, ordinals) if first_of else b""
            if self._withheld(ordinals):
                continue
            assert entry, "the rows of a key make no request, and none of them is refused"  # noqa: S101
            if len(first_of) < len(ordinals):
                for part, ordinal in zip(parts, ordinals, strict=True):
                    if first_of[part] != ordinal:
                        _copy(self._book, ordinal, first_of[part])
            yield list(first_of.values()), entry

    def _entry(self, first_of: Mapping[bytes, int], ordinals: Sequence[int]) -> bytes | None:
        """The entry of different rows of one key; refuses those that contradict each other or make too large a one."""
        entry = self._templates.entry(first_of)
        if entry is None:
            self._compare(first_of)
        elif len(entry) > self._limit and not self._is_settled(ordinals):
            refuse_large(self._book, first_of.values(), len(entry), self._limit)
        return entry

    def _compare(self, first_of: Mapping[bytes, int]) -> None:
        """Refuses the rows that contradict each other, with all they differ in."""
        kept, told = list(first_of.values()), dict[int, list[str]]()
        for clash in self._templates.disagreements(first_of):
            pair = (kept[clash.first], kept[clash.second])
            message = clash.message if clash.first != clash.second else _WITHIN_ROW
            for ordinal, other in dict.fromkeys((pair, pair[::-1])):
                faults = told.setdefault(ordinal, [])
                if len(faults) < _NAMED:
                    faults.append(f"{clash.column} {message}: {self._book.where(other)}")
        for ordinal, faults in told.items():
            if self._book.is_open(ordinal):
                self._book.settle(ordinal, State.INVALID, "Disagreement", "; ".join(faults))

    def _withheld(self, ordinals: Sequence[int]) -> bool:
        """Whether a row of a group is settled; the others then become what its state says, and name it.

        Others are those that are open, and those in a good state unless all are: none may be missing when the request
        is corrected and loaded again.
        """
        if not self._is_settled(ordinals):
            return False
        settled = {o: state for o in ordinals if (state := self._book.state(o))}
        good = {o for o, state in settled.items() if state.traits.good}
        if len(good) == len(ordinals):
            return True
        worst = min(settled, key=lambda o: (o in good, not settled[o].traits.correctable))
        message = f"{self._book.where(worst)} of the same {self._operation.entity} is {settled[worst]}"
        for ordinal in ordinals:
            if ordinal not in settled or ordinal in good:
                self._book.settle(ordinal, State[settled[worst].traits.siblings], "SameRequest", message)
        return True

    def _is_settled(self, ordinals: Sequence[int]) -> bool:
        """Whether a row of a group is settled."""
        states = self._book.states
        return any(states[ordinal] != PENDING for ordinal in ordinals)
