"""The rows of a run that a later one takes up: what state and key each had there decides how careful to be with it.

They are kept in the later run's folder, so that nothing a person may have changed since is asked.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.atomic_files import atomic_write
from connectors.run_folder.folder import RunFolder
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.states import State

_MEMBERS = ("_key", "_state", "_source", "_row")
_PIECE = 100_000


@dataclass(frozen=True)
class Replayed:
    """The rows that an extract of failures takes up.

    Attributes:
        run: the run they come from.
        rows: `source`, `row`, `state` and `key` that each row of the extract had there, in reading order.
    """

    run: RunFolder
    rows: pa.Table

    @property
    def run_id(self) -> str:
        """The run they come from."""
        return self.run.run_id

    @classmethod
    def read(cls, run: RunFolder, taken: Path) -> "Replayed":
        """What `write` kept; raises OSError or ValueError when it cannot be read."""
        return cls(run, pq.read_table(taken))

    def write(self, folder: RunFolder) -> None:
        """Keeps the rows in the folder of the run that takes them up; raises RunFolderError when they do not fit."""
        with atomic_write(folder.taken) as part:
            pq.write_table(self.rows, part)

    def requests(self, prepared: Prepared, state: State) -> set[int]:
        """Numbers of the requests that a row of this state went into."""
        rows = np.flatnonzero(pc.equal(self.rows["state"], state.value).to_numpy())
        found = prepared.book.requests[rows]
        return set(found[found >= 0].tolist())


def failure_rows(path: Path) -> pd.DataFrame:
    """What a failures.csv says of each of its rows, in 24 bytes a row.

    Returns:
        `_source` as text, `_row` as a number, -1 where it is none. Its state and key are asked of the run itself.

    Raises:
        ConfigError: it is none, or holds no rows.
    """
    try:
        found = pd.read_csv(path, nrows=0).columns
        if not set(_MEMBERS).issubset(found):
            raise ConfigError(f"{path} is not the failures.csv of a run: it lacks {', '.join(_MEMBERS)}")
        kept = ["_source", "_row"]
        with pd.read_csv(path, dtype=str, keep_default_na=False, usecols=kept, chunksize=_PIECE) as reader:
            pieces = [_compact(piece) for piece in reader]
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read as the failures.csv of a run") from None
    rows = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()
    if rows.empty:
        raise ConfigError(f"{path} holds no rows: there is nothing to replay")
    return rows


def _compact(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows with one text for all that are equal."""
    numbers = pd.to_numeric(rows["_row"], errors="coerce").fillna(-1).astype("int64")
    return pd.DataFrame({"_source": rows["_source"].astype("category").astype(object), "_row": numbers})
