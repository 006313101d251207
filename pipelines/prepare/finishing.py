"""What crosses the rows of an extract, once all are read: repeats, shared values, rows of one key, and the numbers.

Nothing is sent. What this leaves is a `Prepared`: the book of rows, and the requests by number.
"""

import hashlib
from array import array
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from pipelines.prepare.encoding.entries import store
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates
from pipelines.prepare.gathering import Gathering
from pipelines.prepare.grouping import settle_repeats
from pipelines.prepare.portion import Portion
from pipelines.prepare.row_book import Book, ParametersOfCalls
from schemas.states import PENDING
from schemas.texts import without_middle

MOST_OF_A_KEY = 500
"""Characters of a key by which the journal names a request."""


@dataclass(frozen=True)
class Prepared:
    """Requests ready to be sent, by number from 0, in the order of their first rows.

    Attributes:
        entries: encoded requests, each with the separator that follows it in a call.
        entry_of: number of each request's entry.
        first_row: ordinal of each request's first row.
        keys: the key of every row, b"" where it has none.
        wides: what rows say of the calls they go in.
        remarks: what was noticed that is no row's fault.
        rows_read: the records of the extract but its trailers, as its reader counts them, apart from the book.
    """

    book: Book
    entries: EntryFile
    entry_of: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]
    keys: EntryFile
    wides: ParametersOfCalls
    rows_read: int
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.entry_of)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Encoded bytes of each request, separator included."""
        sizes: npt.NDArray[np.int64] = np.diff(self.entries.ends)[self.entry_of]
        return sizes

    def key(self, request: int) -> str:
        """The key of one request."""
        return self.keys.read(int(self.first_row[request])).decode()

    def name(self, request: int) -> tuple[str, str]:
        """The key of one request, bounded, and its first row as a person finds it."""
        return without_middle(self.key(request), MOST_OF_A_KEY), self.book.where(int(self.first_row[request]))

    def digests(self) -> tuple[str, str]:
        """Fingerprints of which requests the numbers stand for, by sizes and places, and of their keys alone."""
        requests = hashlib.sha256(self.entries.ends.tobytes() + self.entry_of.tobytes())
        keys = hashlib.sha256(self.first_row.tobytes() + self.keys.digest())
        return requests.hexdigest(), keys.hexdigest()

    def close(self) -> None:
        """Removes the scratch files."""
        self.entries.close()
        self.keys.close()
        self.book.notes.close()


def finished(portion: Portion, folder: Path, rows_read: int) -> Prepared:
    """Settles repeats, gathers rows of one key, and numbers the requests.

    Args:
        portion: all rows of the extract.
        folder: where requests go that are made of several rows.
        rows_read: see `Prepared`.
    """
    portion.keys.finish()
    portion.entries.finish()
    key_of = portion.keys.reader()
    if portion.gathered is not None:
        return _gathered(portion, portion.gathered, key_of, folder, rows_read)
    book, groups = portion.book, portion.by_key.groups(key_of)
    settle_repeats(book, groups, _made(portion), portion.rules.duplicates)
    portion.shared.refuse(book, portion.binding, key_of)
    rows = np.flatnonzero(np.frombuffer(book.states, np.uint8) == PENDING)
    book.assign(rows, np.arange(len(rows)))
    remarks = portion.noticed.remarks()
    return Prepared(book, portion.entries, rows, rows, portion.keys, portion.wides, rows_read, remarks)


def _made(portion: Portion) -> Callable[[int], bytes]:
    """What tells what a row makes: its request, and what it says of the whole call; b"" where it was refused."""
    entry_of, number = portion.entries.reader(), portion.wides.number
    return lambda ordinal: b"%b%d" % (entry, number(ordinal)) if (entry := entry_of(ordinal)) else b""


def _gathered(
    portion: Portion, templates: GatheredTemplates, key_of: Callable[[int], bytes], folder: Path, rows_read: int
) -> Prepared:
    """Makes one request of the rows of each key."""
    book, rules = portion.book, portion.rules
    requests = portion.files.enter_context(closing(EntryFile(folder / "requests.tmp")))
    gathering = Gathering(book, portion.entries, templates, rules.operation, rules.max_bytes)
    portion.shared.refuse(book, portion.binding, key_of)
    firsts = array("q")
    for rows, counts, entries in gathering.gather(portion.by_key, key_of):
        numbers = np.arange(len(firsts), len(firsts) + len(counts))
        book.assign(rows, np.repeat(numbers, counts))
        firsts.frombytes(rows[np.cumsum(counts) - counts].tobytes())
        store(requests, entries)
    portion.entries.close()
    requests.finish()
    numbers, first_row = np.arange(len(firsts), dtype=np.int64), np.array(firsts, np.int64)
    remarks = portion.noticed.remarks()
    return Prepared(book, requests, numbers, first_row, portion.keys, portion.wides, rows_read, remarks)
