"""The keys of a run that are not in, for its page: as many as a browser shows at once, and no cell."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.arrays import array_of
from schemas.states import State, good_in
from schemas.texts import server_text, without_middle

MOST = 2000
"""Keys on a page; failures.csv has all rows."""

_LONGEST = 200
_ROWS_TOLD = 5


@dataclass(frozen=True)
class FailingKey:
    """One key that is not in; a row without a key is one, too.

    Attributes:
        rows: the numbers of its rows, in words.
        first: the number of the first one.
    """

    key: str
    source: str
    rows: str
    first: int
    state: State
    code: str
    message: str


@dataclass(frozen=True)
class FailingKeys:
    """The first of a run's keys that are not in, and whether there are more."""

    keys: tuple[FailingKey, ...]
    more: bool

    @property
    def states(self) -> list[State]:
        """The states that they are in."""
        return [state for state in State if any(each.state is state for each in self.keys)]


def failing_keys(outcomes: Path, *, dry_run: bool) -> FailingKeys | None:
    """The first keys that are not in, in the order of the file; None where the file cannot be read.

    Args:
        outcomes: outcomes.parquet.
        dry_run: a valid row was not sent because none was to be.
    """
    names = ["key", "source", "rows", "state", "code", "message"]
    wanted = array_of([state.value for state in State if state not in good_in(dry_run=dry_run)], pa.string())
    found: list[FailingKey] = []
    try:
        with pq.ParquetFile(outcomes) as file:
            for group in range(file.num_row_groups):
                states = file.read_row_group(group, ["state"])["state"].cast(pa.string())
                is_wanted = pc.is_in(states, value_set=wanted)
                if pc.any(is_wanted).as_py():  # most groups have none, and their texts need not be decoded
                    lines = file.read_row_group(group, names).filter(is_wanted)
                    found += map(_failing_key, lines.slice(0, MOST + 1 - len(found)).to_pylist())
                if len(found) > MOST:
                    break
    except (OSError, pa.ArrowException):
        return None
    return FailingKeys(tuple(found[:MOST]), more=len(found) > MOST)


def _failing_key(line: dict[str, object]) -> FailingKey:
    rows = [*map(int, line["rows"] or ())]  # type: ignore[call-overload]  # a list of numbers
    told = ", ".join(f"{row:,}" for row in rows[:_ROWS_TOLD])
    return FailingKey(
        key=server_text(without_middle(str(line["key"] or ""), _LONGEST), 10 * _LONGEST),
        source=server_text(str(line["source"] or "")),
        rows=f"{told}{f' and {len(rows) - _ROWS_TOLD:,} more' if len(rows) > _ROWS_TOLD else ''}",
        first=min(rows, default=0),
        state=State(str(line["state"])),
        code=server_text(str(line["code"] or ""), _LONGEST),
        message=server_text(str(line["message"] or "")),
    )
