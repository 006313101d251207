"""Rows of one key: copies collapsed, contradictions refused, and the rows of one request brought together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import orjson

from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.row_book import Book
from schemas.requests.members import disagreements, shared_columns
from schemas.rows.columns import Columns, Row
from schemas.states import Duplicates, State

_NAMED = 5
"""Rows that a message names before it counts the rest."""


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
                others = _named(book, (o for o in rows if o != ordinal), len(rows) - 1)
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


def _named(book: Book, rows: Iterator[int], count: int) -> str:
    """`row 3 has`, or `row 3, row 5 and 2 more have`; looks at few of the rows, however many there are."""
    names = [book.where(o) for o in islice(rows, _NAMED)]
    if count > len(names):
        names.append(f"{count - len(names)} more")
    return f"{names[0]} has" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} have"


def alone_value(cells: Iterable[str]) -> str:
    """What the `alone` columns of a row hold, as one text."""
    return "/".join(cells)


class Gathering:
    """Rows of one key become one request, wherever in the extract they stand.

    A request is sent whole or not at all: when one of its rows is at fault, or two contradict each
    other, the others are refused with it and name the culprit, for a request without that row would
    say something else (an account with one holder less).
    """

    def __init__(self, book: Book, parts: EntryFile, columns: Columns, operation: Operation) -> None:
        """Gathers `parts`: the encoded valid row of each ordinal, b"" where it was refused."""
        self._book, self._parts, self._operation = book, parts, operation
        self._shared = shared_columns(columns, operation.members)

    def refuse_shared(self, index: KeyIndex, key_of: Callable[[int], str]) -> None:
        """Refuses rows whose `alone` columns (an order's id) stand in more than one request.

        Args:
            index: what those columns hold, by row.
            key_of: the key of a row.
        """
        alone = self._operation.alone

        def value_of(ordinal: int) -> str:
            row: Row = orjson.loads(self._parts.read(ordinal))
            return alone_value(row[c] for c in alone)

        for rows in index.groups(value_of, singles=False):
            waiting = [o for o in rows if self._book.is_open(o)]
            self._refuse_if_apart(waiting, [key_of(o) for o in waiting])

    def _refuse_if_apart(self, rows: Sequence[int], keys: Sequence[str]) -> None:
        """Refuses rows that should be in one request and have keys of several; each names some of the others."""
        own: dict[str, list[int]] = {}
        for ordinal, key in zip(rows, keys, strict=True):
            own.setdefault(key, []).append(ordinal)
        for key, ordinals in own.items() if len(own) > 1 else ():
            elsewhere = (o for o, other in zip(rows, keys, strict=True) if other != key)
            others = _named(self._book, elsewhere, len(rows) - len(ordinals))
            message = f"{others} the same {' and '.join(self._operation.alone)} in another request"
            for ordinal in ordinals:
                self._book.settle(ordinal, State.INVALID, "SharedMember", message)

    def gather(
        self,
        groups: Iterable[Sequence[int]],
        encode: Callable[[Sequence[int], Sequence[Row]], bytes],
    ) -> Iterator[tuple[int, bytes]]:
        """Yields (ordinal of its first row, encoded request) for each group that stands.

        Args:
            groups: ordinals of the rows of one key, in reading order.
            encode: makes the request; b"" when it settled the rows itself.
        """
        request = 0
        for ordinals in groups:
            first_of = self._distinct(ordinals)
            kept, rows = list(first_of.values()), [orjson.loads(part) for part in first_of]
            if len(kept) > 1:
                self._compare(kept, rows)
            if self._withheld(ordinals):
                continue
            entry = encode(kept, rows)
            if not entry:
                self._withheld(ordinals)
                continue
            for ordinal in kept:
                self._book.assign(ordinal, request)
            if len(kept) < len(ordinals):
                self._settle_copies(ordinals, first_of)
            request += 1
            yield kept[0], entry

    def _distinct(self, ordinals: Sequence[int]) -> dict[bytes, int]:
        """The different rows of a group that were read whole, each with the ordinal that has it first."""
        first_of: dict[bytes, int] = {}
        for ordinal in ordinals:
            if part := self._parts.read(ordinal):
                first_of.setdefault(part, ordinal)
        return first_of

    def _settle_copies(self, ordinals: Sequence[int], first_of: Mapping[bytes, int]) -> None:
        for ordinal in ordinals:
            first = first_of[self._parts.read(ordinal)]
            if first != ordinal:
                _copy(self._book, ordinal, first)

    def _compare(self, kept: Sequence[int], rows: Sequence[Row]) -> None:
        """Refuses the rows that contradict each other, with all they differ in."""
        told: dict[int, list[str]] = {}
        for clash in disagreements(rows, self._shared, self._operation.members):
            pair = (kept[clash.first], kept[clash.second])
            for ordinal, other in (pair, pair[::-1]):
                faults = told.setdefault(ordinal, [])
                if len(faults) < _NAMED:
                    faults.append(f"{clash.column} {clash.message}: {self._book.where(other)}")
        for ordinal, faults in told.items():
            if self._book.is_open(ordinal):
                self._book.settle(ordinal, State.INVALID, "Disagreement", "; ".join(faults))

    def _withheld(self, ordinals: Sequence[int]) -> bool:
        """Whether a row of a group is settled; the others then become what its state says, and name it.

        Others are those that are open, and those in a good state unless all are: none may be missing when the request
        is corrected and loaded again.
        """
        settled = {o: state for o in ordinals if (state := self._book.state(o))}
        good = {o for o, state in settled.items() if state.traits.good}
        if not settled or len(good) == len(ordinals):
            return bool(settled)
        worst = min(settled, key=lambda o: (o in good, not settled[o].traits.correctable))
        message = f"{self._book.where(worst)} of the same {self._operation.entity} is {settled[worst]}"
        for ordinal in ordinals:
            if ordinal not in settled or ordinal in good:
                self._book.settle(ordinal, State[settled[worst].traits.siblings], "SameRequest", message)
        return True
