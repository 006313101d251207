"""The columns of outcomes.parquet that tell of rows and not of calls, for many rows at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.run_folder.arrays import array_of
from pipelines.prepare.reading import Prepared
from pipelines.prepare.spans import Places, RowsOf
from schemas.rows.whole.arrays import taken
from schemas.states import STATES


class Lines(NamedTuple):
    """What becomes a line each: a row outside all requests, or the rows of a request that are in one file.

    Attributes:
        heads: of each line the place, among the heads it was made of, of that whose request it is.
        rows: the ordinals of the lines' rows.
        starts: where those of each line begin, and where the last one's end.
        sources: the index of each line's file.
        numbers: the number in its file of each of `rows`.
    """

    heads: Places
    rows: Places
    starts: Places
    sources: Places
    numbers: Places

    def __len__(self) -> int:
        return len(self.heads)

    def ordinals(self, line: int) -> list[int]:
        """The rows of one line."""
        found: list[int] = self.rows[self.starts[line] : self.starts[line + 1]].tolist()
        return found


class RowColumns:
    """Makes the columns that tell of rows."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared, self._rows_of = prepared, RowsOf(prepared.book.requests, len(prepared))
        batches = prepared.book.batches
        self._starts = np.array([batch.start for batch in batches], np.int64)
        self._sources = np.array([batch.source for batch in batches], np.int64)
        self._shift = np.array([batch.first_row - batch.start for batch in batches], np.int64)
        self._names = array_of([source.name for source in prepared.book.extract.sources], pa.string())

    def lines(self, heads: Places, requests: npt.NDArray[np.int32]) -> Lines:
        """The lines of some heads: of each, one for every file that its rows are in.

        Args:
            heads: the first rows of requests, and rows outside all requests; ascending.
            requests: the request of each, -1 where it has none.
        """
        rows, ends = self._rows_of.of(heads, requests)
        batch = np.searchsorted(self._starts, rows, side="right") - 1
        sources = self._sources[batch]
        first = np.zeros(len(rows), np.bool_)
        first[ends[:-1]] = True
        begins = first.copy()
        begins[1:] |= sources[1:] != sources[:-1]
        starts = np.flatnonzero(begins)
        head = np.cumsum(first)[starts] - 1
        return Lines(head, rows, np.append(starts, len(rows)), sources[starts], rows + self._shift[batch])

    def of(self, rows: range, heads: Places, lines: Lines, states: npt.NDArray[np.uint8]) -> dict[str, Any]:
        """Key, source, rows and state of lines.

        Args:
            rows: the ordinals that the heads are among.
            heads: those that the lines were made of.
            lines: the lines.
            states: the state code of each line.
        """
        numbers = pa.Array.from_buffers(pa.int64(), len(lines.numbers), [None, pa.py_buffer(lines.numbers)])
        ends = pa.py_buffer(lines.starts.astype(np.int32))
        return {
            "key": _keys(self._prepared, rows, heads[lines.heads]),
            "source": taken(self._names, lines.sources),
            "rows": pa.Array.from_buffers(pa.list_(pa.int64()), len(lines), [None, ends], children=[numbers]),
            "state": _states(states),
        }

    def places(self, lines: Lines, wanted: npt.NDArray[np.bool_]) -> Sequence[list[str] | None]:
        """Where the rows of the wanted lines are found in their files; None where that is not known of all of them."""
        found: list[list[str] | None] = [None] * len(lines)
        for line in np.flatnonzero(wanted).tolist():
            told = [place for o in lines.ordinals(line) if (place := self._prepared.book.found_at(o))]
            found[line] = told if len(told) == lines.starts[line + 1] - lines.starts[line] else None
        return found


def _keys(prepared: Prepared, rows: range, ordinals: Places) -> Any:
    """The key of some of the rows, null where one has none."""
    octets = prepared.keys.read(rows.start, len(rows))
    ends = prepared.keys.ends[rows.start : rows.stop + 1]
    starts = pa.py_buffer((ends - ends[0]).astype(np.int32))
    there = np.diff(ends) > 0
    validity = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
    keys = pa.Array.from_buffers(pa.string(), len(rows), [validity, starts, pa.py_buffer(octets)])
    is_whole = len(ordinals) == len(rows) and (np.diff(ordinals) == 1).all()
    return keys if is_whole else taken(keys, ordinals - rows.start)


def _states(states: npt.NDArray[np.uint8]) -> Any:
    """The words of state codes."""
    found, places = np.unique(states, return_inverse=True)
    words = array_of([STATES[code].value for code in found.tolist()], pa.string())
    codes = pa.py_buffer(places.astype(np.int8))
    return pa.DictionaryArray.from_arrays(pa.Array.from_buffers(pa.int8(), len(states), [None, codes]), words)
