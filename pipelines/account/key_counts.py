"""Counts each key of an extract once: by one of its rows.

A key that made a request counts by its request, whatever the states of other rows with that key; a key that made none
counts by the first of its rows. Memory: a byte for each row, and 16 for each row outside the requests.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.reading import Prepared
from pipelines.prepare.row_book import ReadBatch
from schemas.states import STATES, code_of

_COPIES = [code_of(state) for state in STATES if state.traits.copy]
_Mask = npt.NDArray[np.bool_]


def rows_that_count(prepared: Prepared, states: npt.NDArray[np.uint8]) -> _Mask:
    """The rows by which keys are counted, one for each key: a mask in reading order; shape (rows,), bool.

    Args:
        prepared: the requests, and the row book they were made from.
        states: the state code of every row, in reading order; shape (rows,), uint8.
    """
    loose = (prepared.book.requests < 0) & ~np.isin(states, _COPIES)
    if loose.any():
        loose &= np.diff(prepared.keys.ends) > 0
    counting = loose.copy()
    counting[prepared.first_row] = True
    if not loose.any():
        return counting
    for rows in _index(prepared, loose).groups(lambda o: prepared.keys.read(o).decode()):
        outside = [o for o in rows if loose[o]]
        counting[outside[1 if len(outside) == len(rows) else 0 :]] = False
    return counting


def _index(prepared: Prepared, loose: _Mask) -> KeyIndex:
    """Indexes the rows outside the requests, and those first rows of requests that may share a key with one of them."""
    index = KeyIndex()
    batches = list(prepared.book.batches_with(loose))
    wanted = np.sort(np.concatenate([_hashes(keys)[loose[_span(b)]] for b, keys in _keys(prepared, batches)]))
    heads = np.zeros(len(loose), bool)
    heads[prepared.first_row] = True
    for batch, keys in _keys(prepared, prepared.book.batches):
        span = _span(batch)
        taken = loose[span] | (heads[span] & _in_sorted(_hashes(keys), wanted))
        index.extend(batch.start, [key if take else "" for key, take in zip(keys, taken.tolist(), strict=True)])
    return index


def _in_sorted(hashes: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> _Mask:
    """Which hashes are among the sorted ones; numpy's `isin` would look at all of these for every batch."""
    places = np.searchsorted(wanted, hashes)
    found: _Mask = wanted[np.minimum(places, len(wanted) - 1)] == hashes
    return found


def _keys(prepared: Prepared, batches: list[ReadBatch]) -> Iterator[tuple[ReadBatch, list[str]]]:
    return ((b, [key.decode() for key in prepared.keys.split(b.start, b.count)]) for b in batches)


def _hashes(keys: list[str]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(hash, keys), np.int64, len(keys))


def _span(batch: ReadBatch) -> slice:
    return slice(batch.start, batch.start + batch.count)
