"""What crosses the rows of an extract, once all are read: repeats, shared values, rows of one key, and the numbers.

Nothing is sent. What this leaves is a `Prepared`: the book of rows, and the requests by number.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from pipelines.prepare.gathering import Gathering, torn
from pipelines.prepare.grouping import settle_repeats
from pipelines.prepare.portion import Portion
from pipelines.prepare.row_book import Book, ParametersOfCalls
from pipelines.prepare.spans import Places, in_order
from schemas.states import PENDING
from schemas.texts import without_middle

MOST_OF_A_KEY = 500
"""Characters of a key by which the journal names a request."""


@dataclass(frozen=True)
class Requests:
    """Requests that can be sent, by number from 0, in the order of their first rows.

    Attributes:
        entries: encoded requests, each with the separator that follows it in a call.
        entry_of: number of each request's entry.
        first_row: ordinal of each request's first row.
        keys: the key of every row, b"" where it has none.
        wides: what rows say of the calls they go in.
    """

    entries: EntryFile
    entry_of: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]
    keys: EntryFile
    wides: ParametersOfCalls

    def __len__(self) -> int:
        return len(self.entry_of)

    def sizes_of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Encoded bytes of some requests, separator included."""
        ends, entries = self.entries.ends, self.entry_of[numbers]
        sizes: npt.NDArray[np.int64] = ends[entries + 1] - ends[entries]
        return sizes

    def key(self, request: int) -> str:
        """The key of one request."""
        return self.keys.read(int(self.first_row[request])).decode()

    def key_named(self, request: int) -> str:
        """The same, bounded, as the journal has it."""
        return without_middle(self.key(request), MOST_OF_A_KEY)


@dataclass(frozen=True)
class Prepared(Requests):
    """The requests of a load, and the book of its rows.

    Attributes:
        remarks: what was noticed that is no row's fault.
        rows_read: the records of the extract but its trailers, as its reader counts them, apart from the book.
        digest: fingerprint of the sizes and places of all requests, whoever made them.
    """

    book: Book
    rows_read: int
    digest: str
    remarks: tuple[str, ...] = ()

    def name(self, request: int) -> tuple[str, str]:
        """The key of one request, bounded, and its first row as a person finds it."""
        return self.key_named(request), self.book.where(int(self.first_row[request]))

    def digests(self) -> tuple[str, str]:
        """Fingerprints of which requests the numbers stand for, by sizes and places, and of their keys alone."""
        keys = hashlib.sha256(self.first_row.data)
        keys.update(self.keys.digest())
        return self.digest, keys.hexdigest()

    def close(self) -> None:
        """Removes the scratch files."""
        self.entries.close()
        self.keys.close()
        self.book.notes.close()


def finished(portion: Portion, rows_read: int) -> Prepared:
    """Settles repeats and what crosses portions, gathers what is left of rows of one key, and numbers the requests.

    Args:
        portion: all rows of the extract.
        rows_read: see `Prepared`.
    """
    if portion.gathering is not None:
        return _gathered(portion, portion.gathering, rows_read)
    book, key_of = portion.book, portion.keys.reader()
    settle_repeats(book, portion.by_key.groups(key_of), _made(portion), portion.rules.duplicates)
    portion.shared.refuse(book, portion.binding, key_of)
    rows = np.flatnonzero(np.frombuffer(book.states, np.uint8) == PENDING)
    book.assign(rows, np.arange(len(rows)))
    return _prepared(portion, rows, rows, portion.entries.ends, rows_read)


def _made(portion: Portion) -> Callable[[int], bytes]:
    """What tells what a row makes: its request, and what it says of the whole call; b"" where it was refused."""
    entry_of, number = portion.entries.reader(), portion.wides.number
    return lambda ordinal: b"%b%d" % (entry, number(ordinal)) if (entry := entry_of(ordinal)) else b""


def _gathered(portion: Portion, gathering: Gathering, rows_read: int) -> Prepared:
    """Makes one request of the rows of each key, of those that no portion could make one of."""
    book, key_of = portion.book, portion.keys.reader()
    portion.shared.refuse(book, portion.binding, key_of)
    hashed = portion.by_key.hashed()
    again = hashed.some(torn(hashed, book))
    book.assign(again.ordinals, np.full(len(again.ordinals), -1))
    for made in gathering.clear(again):
        portion.add(made)
    rest = hashed.some(np.flatnonzero(book.requests[hashed.firsts] < 0))
    for made in gathering.settle(rest, key_of):
        portion.add(made)
    portion.entries.finish()
    gathering.parts.close()
    entry_of, first_row = _numbered(book, len(portion.entries))
    ends = np.concatenate(([0], np.cumsum(np.diff(portion.entries.ends)[entry_of])))
    return _prepared(portion, entry_of, first_row, ends, rows_read)


def _numbered(book: Book, entries: int) -> tuple[Places, Places]:
    """Numbers the requests in the order of their first rows; gives the entry and the first row of each.

    Args:
        book: says for each row which entry it is in; that becomes the number of its request.
        entries: how many there are; those of requests that fell have no rows.
    """
    rows = np.flatnonzero(book.requests >= 0)
    entry_of_row = book.requests[rows]
    first = np.full(entries, -1, np.int64)
    first[entry_of_row[::-1]] = rows[::-1]
    there = np.flatnonzero(first >= 0)
    entry_of = there[in_order(first[there])]
    number = np.empty(entries, np.int64)
    number[entry_of] = np.arange(len(entry_of))
    book.assign(rows, number[entry_of_row])
    return entry_of, first[entry_of]


def _prepared(portion: Portion, entry_of: Places, first_row: Places, ends: Places, rows_read: int) -> Prepared:
    """What was prepared; it is told from others by where the entries of its requests end, were they all in order."""
    places = entry_of if portion.gathering is None else np.arange(len(entry_of))
    digest = hashlib.sha256(ends.data)
    digest.update(places.data)
    remarks = portion.noticed.remarks()
    return Prepared(
        *(portion.entries, entry_of, first_row, portion.keys, portion.wides),
        *(portion.book, rows_read, digest.hexdigest(), remarks),
    )
