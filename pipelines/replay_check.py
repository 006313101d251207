"""What a corrected failures.csv may hold: rows that its run did not get in, and all the rows of a request or none.

Owns the comparison of the file with the run's outcomes.parquet, which is read piece by piece.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder import RunFolder
from pipelines.operation import Operation
from schemas.errors import ConfigError
from schemas.states import GOOD

_NAMED = 3
_ROW_BITS = 40
"""A row in its file is below this power of two; what stands above is the file."""

_Places = npt.NDArray[np.int64]


def check_belong(rows: pd.DataFrame, path: Path, folder: RunFolder, operation: Operation) -> None:
    """Compares a corrected file with the run that it comes from.

    Args:
        rows: what the file says of each of its rows (`pipelines.replayed.failure_rows`).
        path: the file, for messages.
        folder: the run.
        operation: what the run loaded.

    Raises:
        ConfigError: the run is not finished; a row is not among its failures; or a request lacks rows that it had.
    """
    codes, names = pd.factorize(rows["_source"])
    given = _places(codes, rows["_row"].to_numpy())
    wanted = np.unique(given[given >= 0])
    met = np.zeros(len(wanted), bool)
    keys: set[str] = set()
    for piece in _failures(folder, names):
        found = np.isin(piece.places, wanted)
        met[np.searchsorted(wanted, piece.places[found])] = True
        if operation.grouped:
            keys.update(filter(None, piece.keys.filter(pa.array(found)).to_pylist()))
    strangers = np.flatnonzero(~np.isin(given, wanted[met]))
    if len(strangers):
        told = _few([f"row {i + 1}" for i in strangers[: _NAMED + 1].tolist()])
        raise ConfigError(f"{path}: {told}: not among the failures of {folder.run_id}; load it as an extract instead")
    if operation.grouped:
        _check_whole(folder, names, wanted, keys, (path, operation.entity))


def _check_whole(folder: RunFolder, names: pd.Index, wanted: _Places, keys: set[str], told: tuple[Path, str]) -> None:
    """A request goes whole or not at all: without some of its rows it would say something else."""
    of_keys, lacking = pa.array(sorted(keys), pa.string()), []
    for piece in _failures(folder, names):
        missing = pc.is_in(piece.keys, value_set=of_keys).to_numpy(zero_copy_only=False) & ~np.isin(
            piece.places, wanted
        )
        first = np.flatnonzero(missing)[: _NAMED + 1].tolist()
        lacking += [f"{piece.sources[i]} row {piece.numbers[i]} of {piece.keys[i]}" for i in first]
    if lacking:
        path, entity = told
        raise ConfigError(
            f"{path} lacks {_few(lacking)}: all rows of one {entity} are sent or none; put back what was taken out, or "
            "load the file with `bulkload load` if that was meant"
        )


class _Piece(NamedTuple):
    """Rows that a run did not get in."""

    places: _Places
    sources: pa.Array
    numbers: pa.Array
    keys: pa.Array


def _failures(folder: RunFolder, names: pd.Index) -> Iterator[_Piece]:
    """The rows that a run did not get in; `names` numbers the files."""
    good = pa.array([state.value for state in GOOD])
    try:
        outcomes = pq.ParquetFile(folder.outcomes)
    except OSError:
        raise ConfigError(f"{folder.path} has no outcomes.parquet: finish it first, with `bulkload resume`") from None
    with outcomes:
        for batch in outcomes.iter_batches(columns=["key", "source", "rows", "state"]):
            failed = batch.filter(pc.invert(pc.is_in(batch["state"].cast("string"), value_set=good)))
            lines = pc.list_parent_indices(failed["rows"])
            numbers, sources = pc.list_flatten(failed["rows"]), failed["source"].take(lines)
            codes = names.get_indexer(sources.to_pandas())
            yield _Piece(_places(codes, numbers.to_numpy()), sources, numbers, failed["key"].take(lines))


def _places(files: npt.NDArray[np.intp], rows: npt.NDArray[np.int64]) -> _Places:
    """A number for each row of each file; negative where one is unknown."""
    return np.where((files < 0) | (rows < 0), -1, (files.astype(np.int64) << _ROW_BITS) | rows)


def _few(texts: list[str]) -> str:
    return ", ".join(texts[:_NAMED]) + (" and more" if len(texts) > _NAMED else "")
