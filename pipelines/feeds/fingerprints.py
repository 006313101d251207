"""Fingerprints of the requests of a load: hashes of keys and requests, and of what is not effective-dated in them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.feeds.place import HASH, Hasher, Hashes
from pipelines.prepare.reading import Prepared

CANONICAL: Final = 1
"""Of the form in which requests are compared: a request's entry in a call, key and body, as it is encoded. Raised when
bulkload encodes the same rows otherwise; then all is sent once, and counts as no change."""

NEVER: Final = np.iinfo(np.int64).max
"""In place of a first effective date where there is none; the last one is then its negative."""

_DATED = b'"effectiveFrom":'
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

Moments = npt.NDArray[np.int64]
"""Microseconds since 1970, UTC."""


@dataclass(frozen=True)
class Fingerprints:
    """Of each request by its number.

    Attributes:
        keys, requests: hashes.
        undated: the hash of a request without its effective-dated properties.
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
    """The fingerprints of a load's requests."""
    key_of, entry_of = prepared.keys.reader(), prepared.entries.reader()
    keys = hasher.all(map(key_of, prepared.first_row.tolist()))
    hashes, undated = bytearray(), bytearray()
    first, last = np.full(len(prepared), NEVER, np.int64), np.full(len(prepared), -NEVER, np.int64)
    for number, entry in enumerate(map(entry_of, prepared.entry_of.tolist())):
        text = entry[:-1]
        own = hasher(text)
        hashes += own
        if _DATED in text:
            rest, moments = _parted(text)
            undated += hasher(rest) if moments else own
            first[number], last[number] = min(moments, default=NEVER), max(moments, default=-NEVER)
        else:
            undated += own
    requests = np.frombuffer(bytes(hashes), HASH)
    return Fingerprints(
        keys, requests, np.frombuffer(bytes(undated), HASH), first, last, _loose(prepared, hasher, keys)
    )


def _loose(prepared: Prepared, hasher: Hasher, keys: Hashes) -> Hashes:
    rows = np.flatnonzero(prepared.book.requests < 0).tolist()
    key_of = prepared.keys.reader()
    found = hasher.all(key for key in map(key_of, rows) if key)
    return found[~np.isin(found, keys)] if len(found) else found


def _parted(text: bytes) -> tuple[bytes, list[int]]:
    """A request without its effective-dated properties, numbers as they are written, and the dates of these."""
    entry = json.loads(b"{%b}" % text, parse_float=str, parse_int=str)
    (body,) = entry.values()
    moments = list(_dates(body.get("properties", {})))
    kept = {key: each for key, each in body.get("properties", {}).items() if "effectiveFrom" not in each}
    rest = {key: {**request, "properties": kept} for key, request in entry.items()}
    return json.dumps(rest, separators=(",", ":")).encode(), moments


def _dates(properties: dict[str, Any]) -> Iterator[int]:
    for each in properties.values():
        if "effectiveFrom" in each:
            since = datetime.fromisoformat(each["effectiveFrom"]) - _EPOCH
            yield (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
