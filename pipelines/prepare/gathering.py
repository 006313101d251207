"""Rows of one key become one request: as many at once as can be, the others one by one.

What nothing speaks against is made where the rows are prepared, of the rows of a portion. The rest is settled when all
rows are known, and so are requests whose rows stand in several portions: a reason names rows, and what a key is sent
with depends on all of its rows.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates
from pipelines.prepare.encoding.parts import key_in, read_parts
from pipelines.prepare.grouping import MOST_NAMED, refuse_large, settle_copy
from pipelines.prepare.key_index import Hashed, same_key
from pipelines.prepare.row_book import Book
from pipelines.prepare.spans import Places
from schemas.rows.whole.arrays import taken, text_array
from schemas.rows.whole.columns import Texts
from schemas.states import PENDING, State

_NO_ENTRIES = Texts(text_array([]))
_WITHIN_ROW = "differs between items of one row that have the same key"
"""What is said of a row that contradicts itself, where it has several items of a list."""


class Made(NamedTuple):
    """Requests that stand.

    Attributes:
        rows: the ordinals of their rows, copies left out, those of each request behind each other.
        counts: how many rows each has.
        entries: what is sent.
    """

    rows: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    entries: Texts


class Gathering:
    """Rows of one key become one request, wherever in the extract they stand.

    A request is sent whole or not at all: when one of its rows is at fault, or two contradict each
    other, the others are refused with it and name the culprit, for a request without that row would
    say something else (an account with one holder less).

    Attributes:
        templates: what rows make.
        parts: of each row by ordinal, b"" where it was refused; see `GatheredTemplates`.
    """

    def __init__(
        self, book: Book, parts: EntryFile, templates: GatheredTemplates, operation: Operation, limit: int
    ) -> None:
        """Gets ready to gather.

        Args:
            book: of the rows.
            parts: see above; nothing is read of them before they are written.
            templates: see above.
            operation: of the requests.
            limit: bytes of an entry, at most.
        """
        self._book, self.templates, self._operation, self._limit = book, templates, operation, limit
        self.parts, self._part_of = parts, parts.reader()

    def clear(self, hashed: Hashed) -> Iterator[Made]:
        """Yields the requests that nothing speaks against, as far as these rows tell; settles no row."""
        for some in hashed.in_order():
            entries, odd = self._at_once(some)
            if len(entries):
                made = some if len(entries) == len(odd) else some.some(np.flatnonzero(~odd))
                yield Made(made.ordinals, made.counts, entries)
            for place in np.flatnonzero(odd).tolist():
                rows = some.rows(place)
                if entry := self._clear(rows):
                    yield _made(rows, entry)

    def settle(self, hashed: Hashed, key_of: Callable[[int], Hashable]) -> Iterator[Made]:
        """Yields the requests that stand, and settles all rows that are in none.

        Args:
            hashed: all rows of their keys.
            key_of: reads the key of a row.
        """
        for some in hashed.in_order():
            for place in range(len(some.counts)):
                for ordinals in same_key(some.rows(place), key_of):
                    if found := self._gathered(ordinals):
                        yield _made(*found)

    def _at_once(self, hashed: Hashed) -> tuple[Texts, npt.NDArray[np.bool_]]:
        """The entries of the keys that need no look at them alone, and which keys need one."""
        ordinals, starts = hashed
        if self.templates.together is None:
            return _NO_ENTRIES, np.ones(len(starts) - 1, np.bool_)
        ends = self.parts.ends
        settled = np.frombuffer(self._book.states, np.uint8)[ordinals] != PENDING
        odd = np.logical_or.reduceat(settled | (ends[ordinals] == ends[ordinals + 1]), starts[:-1])
        if odd.all():
            return _NO_ENTRIES, odd
        counts = np.diff(starts)
        parts = read_parts(self.parts, ordinals[np.repeat(~odd, counts)], self.templates.together.width)
        entries, unclear = self.templates.together.entries(parts, np.concatenate(([0], np.cumsum(counts[~odd]))))
        unclear |= entries.lengths > self._limit
        odd[~odd] = unclear
        return Texts(taken(entries.array, np.flatnonzero(~unclear))) if unclear.any() else entries, odd

    def _clear(self, ordinals: Sequence[int]) -> bytes:
        """The entry of rows of one hash that nothing speaks against; b"" where something does."""
        if self._is_settled(ordinals):
            return b""
        parts = {self._part_of(ordinal) for ordinal in ordinals}
        if len(parts) < len(ordinals) or b"" in parts or len({*map(key_in, parts)}) > 1:
            return b""
        entry = self.templates.entry([self._part_of(ordinal) for ordinal in ordinals])
        return entry if entry and len(entry) <= self._limit else b""

    def _gathered(self, ordinals: Sequence[int]) -> tuple[list[int], bytes] | None:
        """(ordinals of its rows, copies left out; entry) of the request of one key; None where it does not stand."""
        parts = [self._part_of(ordinal) for ordinal in ordinals]
        first_of: dict[bytes, int] = {}
        for part, ordinal in zip(parts, ordinals, strict=True):
            first_of.setdefault(part, ordinal)
        first_of.pop(b"", None)
        entry = self._entry(first_of, ordinals) if first_of else b""
        if self._withheld(ordinals):
            return None
        assert entry, "the rows of a key make no request, and none of them is refused"  # noqa: S101
        if len(first_of) < len(ordinals):
            for part, ordinal in zip(parts, ordinals, strict=True):
                if first_of[part] != ordinal:
                    settle_copy(self._book, ordinal, first_of[part])
        return list(first_of.values()), entry

    def _entry(self, first_of: Mapping[bytes, int], ordinals: Sequence[int]) -> bytes | None:
        """The entry of different rows of one key; refuses those that contradict each other or make too large a one."""
        entry = self.templates.entry(first_of)
        if entry is None:
            self._compare(first_of)
        elif len(entry) > self._limit and not self._is_settled(ordinals):
            refuse_large(self._book, first_of.values(), len(entry), self._limit)
        return entry

    def _compare(self, first_of: Mapping[bytes, int]) -> None:
        """Refuses the rows that contradict each other, with all they differ in."""
        kept, told = list(first_of.values()), dict[int, list[str]]()
        for clash in self.templates.disagreements(first_of):
            pair = (kept[clash.first], kept[clash.second])
            message = clash.message if clash.first != clash.second else _WITHIN_ROW
            for ordinal, other in dict.fromkeys((pair, pair[::-1])):
                faults = told.setdefault(ordinal, [])
                if len(faults) < MOST_NAMED:
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


def torn(hashed: Hashed, book: Book) -> Places:
    """Which hashes have rows in requests that fall: they lack rows of theirs, or one of their rows was settled since.

    Args:
        hashed: all rows.
        book: says in which request, made of the rows of one portion, each is.
    """
    starts = hashed.starts[:-1]
    if not len(starts):
        return starts
    requests = book.requests[hashed.ordinals]
    settled = np.frombuffer(book.states, np.uint8)[hashed.ordinals] != PENDING
    least, most = np.minimum.reduceat(requests, starts), np.maximum.reduceat(requests, starts)
    return np.flatnonzero((most >= 0) & ((least < most) | np.logical_or.reduceat(settled, starts)))


def _made(rows: Sequence[int], entry: bytes) -> Made:
    return Made(np.array(rows, np.int64), np.array([len(rows)]), Texts(text_array([entry])))
