"""The columns of outcomes.parquet that tell of rows and not of calls, for a whole batch at once."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.run_folder.arrays import array_of
from pipelines.prepare.reading import Prepared
from pipelines.prepare.row_book import ReadBatch
from schemas.rows.whole.arrays import taken
from schemas.states import STATES

ALONE = ("key", "source", "rows", "state")


def rows_alone(
    prepared: Prepared, batch: ReadBatch, ordinals: npt.NDArray[np.int64], states: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    """Key, source, number and state of rows of a batch, each of them a line of its own.

    Args:
        batch: where they were read.
        ordinals: the rows, ascending.
        states: the state code of each.
    """
    count = len(ordinals)
    source = prepared.book.extract.sources[batch.source].name
    numbers = pa.py_buffer(ordinals + (batch.first_row - batch.start))
    rows = pa.Array.from_buffers(pa.int64(), count, [None, numbers])
    ends = pa.py_buffer(np.arange(count + 1, dtype=np.int32))
    return {
        "key": _keys(prepared, batch, ordinals),
        "source": array_of([source] * count, pa.string()),
        "rows": pa.Array.from_buffers(pa.list_(pa.int64()), count, [None, ends], children=[rows]),
        "state": _states(states),
    }


def _keys(prepared: Prepared, batch: ReadBatch, ordinals: npt.NDArray[np.int64]) -> Any:
    """The key of each row, null where it has none."""
    octets = prepared.keys.read(batch.start, batch.count)
    ends = prepared.keys.ends[batch.start : batch.start + batch.count + 1]
    starts = pa.py_buffer((ends - ends[0]).astype(np.int32))
    there = np.diff(ends) > 0
    validity = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    keys = pa.Array.from_buffers(pa.string(), batch.count, [validity, starts, pa.py_buffer(octets)])
    return keys if len(ordinals) == batch.count else taken(keys, ordinals - batch.start)


def _states(states: npt.NDArray[np.uint8]) -> Any:
    """The words of state codes."""
    found, places = np.unique(states, return_inverse=True)
    words = array_of([STATES[code].value for code in found.tolist()], pa.string())
    codes = pa.py_buffer(places.astype(np.int8))
    return pa.DictionaryArray.from_arrays(pa.Array.from_buffers(pa.int8(), len(states), [None, codes]), words)
