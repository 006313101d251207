"""The rows of a run that a later one takes up: what state and key each had there decides how careful to be with it.

They are kept in the later run's folder, so that nothing a person may have changed since is asked.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.atomic_files import atomic_write
from connectors.run_folder.folder import RunFolder
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.states import State

_MEMBERS = ["_key", "_state", "_source", "_row"]
_PIECE = 100_000


@dataclass(frozen=True)
class ReplayRows:
    """The rows that an extract of failures takes up.

    Attributes:
        run: the run they come from.
        rows: `source`, `row`, `state` and `key` that each row of the extract had there, in reading order.
    """

    run: RunFolder
    rows: pa.Table

    @classmethod
    def read(cls, run: RunFolder, taken: Path) -> "ReplayRows":
        """What `write` kept; raises OSError or ValueError when it cannot be read."""
        return cls(run, pq.read_table(taken))

    def write(self, folder: RunFolder) -> None:
        """Keeps the rows in the folder of the run that takes them up; raises RunFolderError when they do not fit."""
        with atomic_write(folder.taken) as part:
            pq.write_table(self.rows, part)

    def requests(self, prepared: Prepared, state: State) -> set[int]:
        """Numbers of the requests that a row of this state went into."""
        found = prepared.book.requests[pc.equal(self.rows["state"], state.value).to_numpy()]
        return set(found[found >= 0].tolist())


def failure_rows(path: Path) -> pa.Table:
    """Which rows a failures.csv names; their states and keys are asked of the run itself.

    Returns:
        `ordinal`, counted from 0, `source` and `row` of each, -1 where that is no number; 20 bytes a row.

    Raises:
        ConfigError: it is none, or holds no rows.
    """
    try:
        found = pd.read_csv(path, nrows=0).columns
        if not set(_MEMBERS).issubset(found):
            raise ConfigError(f"{path} is not the failures.csv of a run: it lacks {', '.join(_MEMBERS)}")
        with pd.read_csv(path, dtype=str, keep_default_na=False, usecols=_MEMBERS[2:], chunksize=_PIECE) as reader:
            pieces = [_places(piece) for piece in reader]
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read as the failures.csv of a run") from None
    if not any(map(len, pieces)):
        raise ConfigError(f"{path} holds no rows: there is nothing to replay")
    return pa.concat_tables(pieces)


def _places(rows: pd.DataFrame) -> pa.Table:
    numbers = pd.to_numeric(rows["_row"], errors="coerce").fillna(-1).astype("int64")
    sources = pa.array(rows["_source"]).dictionary_encode()
    return pa.table({"ordinal": rows.index.to_numpy(), "source": sources, "row": numbers.to_numpy()})
