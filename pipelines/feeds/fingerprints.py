"""Fingerprints of the requests of a load: hashes of keys and requests, and of what is not effective-dated in them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from pipelines.feeds.place import Hasher, Hashes
from pipelines.prepare.reading import Prepared

CANONICAL: Final = 1
"""Of the form in which requests are compared: a request's entry in a call, key and body, as it is encoded. Raised when
bulkload encodes the same rows otherwise; then all is sent once, and counts as no change."""

NEVER: Final = np.iinfo(np.int64).max
"""In place of a first effective date where there is none; the last one is then its negative."""

_AT_ONCE = 1 << 9
_DATED = b'"effectiveFrom":'
_KEYED = b'{"key":"'
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

Moments = npt.NDArray[np.int64]
"""Microseconds since 1970, UTC."""


@dataclass(frozen=True)
class Fingerprints:
    """Of each request by its number.

    Attributes:
        keys, requests: hashes.
        undated: the hash of a request without its effective-dated properties and identifiers.
        first_from, last_from: the first and the last effective date of these.
        loose: hashes of the keys that have rows, and no request.
    """

    keys: Hashes
    requests: Hashes
    undated: Hashes
    first_from: Moments
    last_from: Moments
    loose: Hashes

    def __len__(self) -> int:
        return len(self.keys)


def fingerprints(prepared: Prepared, hasher: Hasher) -> Fingerprints:
    """The fingerprints of a load's requests, as if nothing in them were effective-dated (`parted` looks)."""
    keys = hasher.all(_texts(prepared.keys, prepared.first_row))
    requests = hasher.all(_texts(prepared.entries, prepared.entry_of, less=1))
    never = np.full(len(prepared), NEVER, np.int64)
    return Fingerprints(keys, requests, requests, never, -never, _loose(prepared, hasher, keys))


def parted(prints: Fingerprints, prepared: Prepared, hasher: Hasher, numbers: npt.NDArray[np.int64]) -> Fingerprints:
    """The same, where some requests are looked through for what is effective-dated: it costs as much as all the rest.

    Args:
        prints: of all requests.
        prepared: the requests.
        hasher: makes hashes.
        numbers: of those to look through.
    """
    if not len(numbers):
        return prints
    undated, first, last = prints.undated.copy(), prints.first_from.copy(), prints.last_from.copy()
    entry_of = prepared.entries.reader()
    for number, entry in zip(numbers.tolist(), prepared.entry_of[numbers].tolist(), strict=True):
        text = entry_of(entry)[:-1]
        if _DATED in text:
            rest, first[number], last[number] = _parted(text)
            undated[number] = hasher(rest)
    return replace(prints, undated=undated, first_from=first, last_from=last)


def _texts(file: EntryFile, numbers: npt.NDArray[np.int64], less: int = 0) -> Iterator[memoryview]:
    """Some entries of a file, each without so many bytes at its end; a few hundred in memory at a time."""
    for first in range(0, len(numbers), _AT_ONCE):
        for read, starts, stops in file.stretches(numbers[first : first + _AT_ONCE]):
            text = memoryview(read)
            for start, stop in zip(starts.tolist(), (stops - less).tolist(), strict=True):
                yield text[start:stop]


def _loose(prepared: Prepared, hasher: Hasher, keys: Hashes) -> Hashes:
    rows = np.flatnonzero(prepared.book.requests < 0)
    found = hasher.all(key for key in _texts(prepared.keys, rows) if key)
    return found[~np.isin(found, keys)] if len(found) else found


def _parted(text: bytes) -> tuple[bytes, int, int]:
    """A request without its effective-dated entries, and the first and last date of these.

    Quotes inside JSON strings are escaped, so that what looks like the beginning of an entry is one.
    """
    kept, moments, at = [], [], 0
    place = text.find(_DATED)
    while place >= 0:
        start = text.rfind(_KEYED, 0, place)
        name = text.index(b'"', start + len(_KEYED)) - start - len(_KEYED)
        begin, end = start - name - len(b'"":'), text.index(b"}", place) + 1
        if begin > at and text[begin - 1 : begin] == b",":
            begin -= 1
        elif text[end : end + 1] == b",":
            end += 1
        since = place + len(_DATED) + 1
        moments.append(text[since : text.index(b'"', since)])
        kept.append(text[at:begin])
        at = end
        place = text.find(_DATED, end)
    kept.append(text[at:])
    return b"".join(kept), _moment(min(moments)), _moment(max(moments))


@lru_cache(maxsize=4096)
def _moment(text: bytes) -> int:
    """Microseconds since 1970 of a time as it is written on the wire, always in UTC and as long."""
    since = datetime.fromisoformat(text.decode()) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
