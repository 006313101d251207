"""The two files a person acts on: outcomes.parquet (every key) and failures.csv (every row to correct).

Both hold personal data; both stand under a temporary name until they are whole (`RunFolder.whole`).
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.states import State

OUTCOME_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("rows", pa.list_(pa.int64())),
        ("state", pa.dictionary(pa.int8(), pa.string())),
        ("code", pa.string()),
        ("message", pa.string()),
        ("request", pa.int64()),
        ("lusid_id", pa.string()),
        ("request_id", pa.string()),
    ]
)
"""One line for each request, and one for each row that went into none (copies, keyless rows).

`rows` are `_row` numbers in `source`; a request whose rows stand in several files has a line for each.
`request` is the number of the call that settled it, as in journal.jsonl.
"""

FAILURE_COLUMNS = ("_key", "_state", "_code", "_message", "_request_id", "_source", "_row")
"""What stands before the original columns in failures.csv; ignored when it is loaded again."""

SURPLUS_COLUMN = "_surplus"
"""Cells a row had beyond the header, where any had."""

OWN_COLUMNS = frozenset({*FAILURE_COLUMNS, SURPLUS_COLUMN})


def is_failure_report(header: Sequence[str]) -> bool:
    """Whether these are the columns of a failures.csv of ours."""
    return tuple(header[: len(FAILURE_COLUMNS)]) == FAILURE_COLUMNS


class OutcomeFile:
    """outcomes.parquet, written in row groups; a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, OUTCOME_SCHEMA, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Adds lines, given by column."""
        arrays = [pa.array(columns[f.name], f.type) for f in OUTCOME_SCHEMA]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=OUTCOME_SCHEMA))


def outcome_rows(outcomes: pq.ParquetFile, *members: str, left_out: Collection[State] = ()) -> Iterator[pa.Table]:
    """An open outcomes.parquet by the row, piece by piece.

    Args:
        members: columns that are wanted beside `source`, `row` and `state`.
        left_out: states whose rows are not wanted.

    Yields:
        `source`, `row`, `state` as text, and what else is wanted, a line for each row.
    """
    unwanted = pa.array([state.value for state in left_out], pa.string())
    for batch in outcomes.iter_batches(columns=["source", "rows", "state", *members]):
        kept = batch.filter(pc.invert(pc.is_in(batch["state"].cast("string"), value_set=unwanted)))
        lines = pc.list_parent_indices(kept["rows"])
        columns = {
            "source": kept["source"].take(lines),
            "row": pc.list_flatten(kept["rows"]),
            "state": kept["state"].cast("string").take(lines),
        }
        yield pa.table({**columns, **{name: kept[name].take(lines) for name in members}})


def accepted_keys(path: Path) -> Counter[str]:
    """The keys that LUSID accepted, by an outcomes.parquet, each with the number of its rows."""
    lines = pq.read_table(path, columns=["key", "rows", "state"])
    accepted = lines.filter(pc.equal(lines["state"].cast("string"), State.ACCEPTED.value))
    found: Counter[str] = Counter()
    for key, rows in zip(accepted["key"].to_pylist(), pc.list_value_length(accepted["rows"]).to_pylist(), strict=True):
        found[key] += rows
    return found


def write_failures(path: Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Writes failures.csv; gives the number of rows in it.

    Args:
        path: where to.
        header: the original columns.
        lines: FAILURE_COLUMNS, then the original cells as they were read, then surplus cells.
    """
    count = 0
    width = len(FAILURE_COLUMNS) + len(header)
    with path.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow([*FAILURE_COLUMNS, *header, SURPLUS_COLUMN])
        for line in lines:
            surplus = ",".join(line[width:])
            writer = quoting if "\r" in "".join(line) else plain  # csv takes a bare CR for no line end
            writer.writerow([*line[:width], surplus])
            count += 1
    return count
