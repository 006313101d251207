"""Rows of one key: copies collapsed, and contradictions refused."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from pipelines.prepare.row_book import Book
from schemas.states import Duplicates, State

MOST_NAMED = 5
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
