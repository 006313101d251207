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
    """What a failures.csv says of each of its rows, as text.

    Raises:
        ConfigError: it is none, or holds no rows.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=lambda name: name in _MEMBERS)
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read as the failures.csv of a run") from None
    if sorted(rows.columns) != sorted(_MEMBERS):
        raise ConfigError(f"{path} is not the failures.csv of a run: it lacks {', '.join(_MEMBERS)}")
    if rows.empty:
        raise ConfigError(f"{path} holds no rows: there is nothing to replay")
    return rows
