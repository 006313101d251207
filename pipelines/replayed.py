"""The run whose failures are loaded again: what state each row had there decides how careful to be with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.prepare import Prepared
from schemas.errors import ConfigError
from schemas.states import State

_MEMBERS = ("_key", "_state", "_source", "_row")
_PIECE = 100_000


@dataclass(frozen=True)
class Replayed:
    """The run that an extract of failures comes from.

    Attributes:
        states: the state each row of the extract had there, in reading order.
    """

    run_id: str
    states: Sequence[str]

    def requests(self, prepared: Prepared, state: State) -> set[int]:
        """Numbers of the requests that a row of this state went into."""
        rows = np.flatnonzero(np.array([s == state for s in self.states], bool))
        found = prepared.book.requests[rows]
        return set(found[found >= 0].tolist())


def failure_rows(path: Path) -> pd.DataFrame:
    """What a failures.csv says of each of its rows, in 24 bytes a row.

    Returns:
        `_state` and `_source` as text, `_row` as a number, -1 where it is none.

    Raises:
        ConfigError: it is none, or holds no rows.
    """
    try:
        found = pd.read_csv(path, nrows=0).columns
        if not set(_MEMBERS).issubset(found):
            raise ConfigError(f"{path} is not the failures.csv of a run: it lacks {', '.join(_MEMBERS)}")
        kept = [name for name in _MEMBERS if name != "_key"]
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
    texts = {name: rows[name].astype("category").astype(object) for name in ("_state", "_source")}
    return pd.DataFrame({**texts, "_row": numbers})
