"""What became of a run's rows in the runs that replay it, and in those that replay them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import outcome_rows
from pipelines.history.catalog import manifests
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.states import GOOD, State, code_of
from schemas.verdicts import FINISHED

UNFINISHED = 255
"""Stands for the state of a row in the hands of a run that may still send it."""

TAKEN = (*(code_of(state) for state in GOOD), UNFINISHED)
"""What keeps a row from being sent by another run."""

_ROW_BITS = 40
"""A row in its file is below this power of two; what stands above is the file."""

_INVALID = code_of(State.INVALID)

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StatesNow:
    """The last known state of rows.

    Attributes:
        codes: the state's code of each row, or UNFINISHED.
        by: the run that knows, as an index of `runs`.
    """

    codes: npt.NDArray[np.uint8]
    by: npt.NDArray[np.int32]
    runs: list[str] = field(default_factory=list)


class Successors:
    """The runs that replay a run, the oldest first."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        later = [(f, m) for f, m in manifests(run.path.parent) if m.replays == run.run_id and m.begun]
        self._later = sorted(later, key=lambda pair: pair[1].started)

    def states(self, rows: pa.Table) -> StatesNow:
        """The states of rows, by the last run that took each up.

        Args:
            rows: `source`, `row` and `state` of each in the run itself.
        """
        codes = np.array([code_of(state) for state in rows["state"].to_pylist()], np.uint8)
        found = StatesNow(codes, np.zeros(len(rows), np.int32), [self._run.run_id])
        if self._later:
            names = pc.unique(rows["source"])
            places = places_of(rows, names)
            order = np.argsort(places)
            for folder, manifest in self._later:
                with readable(folder.taken):
                    taken = pq.read_table(folder.taken, columns=["source", "row"])
                at = np.searchsorted(places[order], wanted := places_of(taken, names))
                known = np.flatnonzero(np.isin(wanted, places))
                _take_over(found, order[at[known]], _outcome(folder, manifest, len(taken)), known)
        return found


def _take_over(found: StatesNow, rows: npt.NDArray[np.intp], later: StatesNow, known: npt.NDArray[np.intp]) -> None:
    """Notes what a later run says of rows it took up; of those that were invalid there, it learnt nothing.

    A row that is taken stays so: no run after that took it up, whatever a clock that was set back says of their order.
    """
    news = ~np.isin(found.codes[rows], TAKEN) & (later.codes[known] != _INVALID)
    rows, known = rows[news], known[news]
    found.codes[rows] = later.codes[known]
    found.by[rows] = later.by[known] + len(found.runs)
    found.runs.extend(later.runs)


def _outcome(run: RunFolder, manifest: Manifest, count: int) -> StatesNow:
    """What became of the rows a run took up, in reading order."""
    if manifest.verdict not in FINISHED:
        return StatesNow(np.full(count, UNFINISHED, np.uint8), np.zeros(count, np.int32), [run.run_id])
    with readable(run.outcomes), pq.ParquetFile(run.outcomes) as outcomes:
        rows = pa.concat_tables(outcome_rows(outcomes))
    order = np.argsort(rows["row"].to_numpy())
    return Successors(run).states(rows.take(order))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Words what reading a file of a run raises.

    Raises:
        ConfigError: it is gone or damaged.
    """
    try:
        yield
    except (OSError, pa.ArrowException):
        raise ConfigError(
            f"{path} is gone or damaged, so nobody knows which rows are in: load the rows with `bulkload load` instead"
        ) from None


def place_numbers(files: npt.NDArray[np.intp], rows: npt.NDArray[np.int64]) -> Places:
    """A number for each row of each file; negative where one is unknown."""
    return np.where((files < 0) | (rows < 0), -1, (files.astype(np.int64) << _ROW_BITS) | rows)


def places_of(rows: pa.Table, names: pa.Array) -> Places:
    """The numbers of rows, by their `source` and `row`; `names` numbers the files."""
    files = pc.fill_null(pc.index_in(rows["source"], value_set=names), -1).to_numpy()
    return place_numbers(files, rows["row"].to_numpy().astype(np.int64))
