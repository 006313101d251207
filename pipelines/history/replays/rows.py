"""The rows that a replay takes from an earlier run, with the state and key that each had there.

The state decides whether a row must be read back before it is sent. The replay keeps these rows in its own folder, so
that later changes to the file do not matter.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.folder import RunFolder, atomic_write
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.states import State

if TYPE_CHECKING:
    import pandas as pd

_MEMBERS = ["_key", "_state", "_source", "_row"]
_PIECE = 100_000


@dataclass(frozen=True)
class ReplayRows:
    """The rows that a replay takes from an earlier run.

    Attributes:
        run: the earlier run.
        rows: `source`, `row`, `state` and `key` that each row of the replay had there, in reading order.
    """

    run: RunFolder
    rows: pa.Table

    @classmethod
    def read(cls, run: RunFolder, taken: Path) -> "ReplayRows":
        """Reads what `write` wrote; raises OSError or ValueError when it cannot be read."""
        return cls(run, pq.read_table(taken))

    def write(self, folder: RunFolder) -> None:
        """Writes the rows into the replay's folder; raises RunFolderError when they cannot be written."""
        with atomic_write(folder.taken) as part:
            pq.write_table(self.rows, part)

    def requests(self, prepared: Prepared, state: State) -> set[int]:
        """The numbers of the requests that contain a row of this state."""
        found = prepared.book.requests[pc.equal(self.rows["state"], state.value).to_numpy()]
        return set(found[found >= 0].tolist())


def failure_rows(path: Path) -> pa.Table:
    """The rows that a failures.csv names; their states and keys come from the run itself.

    Returns:
        `ordinal`, counted from 0, `source` and `row` of each line, -1 for a row that is no number; 20 bytes a line.

    Raises:
        ConfigError: the file is no failures.csv, or has no rows.
    """
    import pandas as pd  # it takes longer to import than a small load

    try:
        found = pd.read_csv(path, nrows=0).columns
        if not set(_MEMBERS).issubset(found):
            raise ConfigError(f"{path} is not the failures.csv of a run: it lacks {', '.join(_MEMBERS)}")
        with pd.read_csv(path, dtype=str, keep_default_na=False, usecols=_MEMBERS[2:], chunksize=_PIECE) as reader:
            pieces = [_places(piece) for piece in reader]
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read as the failures.csv of a run") from None
    if not any(map(len, pieces)):
        raise ConfigError(f"{path} has no rows: there is nothing to replay")
    return pa.concat_tables(pieces)


def _places(rows: "pd.DataFrame") -> pa.Table:
    import pandas as pd

    numbers = pd.to_numeric(rows["_row"], errors="coerce").fillna(-1).astype("int64")
    sources = pa.array(rows["_source"]).dictionary_encode()
    return pa.table({"ordinal": rows.index.to_numpy(), "source": sources, "row": numbers.to_numpy()})
