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
from schemas.rows.whole.arrays import array_of_bytes
from schemas.rows.whole.columns import Texts
from schemas.rows.whole.hashes import hashes
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
    wanted = np.sort(np.concatenate([found[loose[_span(batch)]] for batch, found in _hashes(prepared, batches)]))
    heads = np.zeros(len(loose), bool)
    heads[prepared.first_row] = True
    for batch, found in _hashes(prepared, prepared.book.batches):
        span = _span(batch)
        taken = loose[span] | (heads[span] & _in_sorted(found, wanted))
        index.note(np.flatnonzero(taken) + batch.start, found[taken])
    return index


def _in_sorted(given: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> _Mask:
    """Which hashes are among the sorted ones; numpy's `isin` would look at all of these for every batch."""
    places = np.searchsorted(wanted, given)
    found: _Mask = wanted[np.minimum(places, len(wanted) - 1)] == given
    return found


def _hashes(prepared: Prepared, batches: list[ReadBatch]) -> Iterator[tuple[ReadBatch, npt.NDArray[np.int64]]]:
    """Batches, each with the hashes of the keys of its rows."""
    for batch in batches:
        ends = prepared.keys.ends[batch.start : batch.start + batch.count + 1]
        octets = prepared.keys.read(batch.start, batch.count)
        yield batch, hashes(Texts(array_of_bytes((ends - ends[0]).astype(np.int32), octets)))


def _span(batch: ReadBatch) -> slice:
    return slice(batch.start, batch.start + batch.count)
