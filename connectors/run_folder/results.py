"""The two files that people act on: outcomes.parquet (every key) and failures.csv (every row to correct).

Both hold personal data. Both are written under a temporary name first (`folder.atomic_write`).
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.arrays import array_of
from schemas.states import State

OUTCOME_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("rows", pa.list_(pa.int64())),
        ("places", pa.list_(pa.string())),
        ("state", pa.dictionary(pa.int8(), pa.string())),
        ("code", pa.string()),
        ("message", pa.string()),
        ("request", pa.int64()),
        ("lusid_id", pa.string()),
        ("request_id", pa.string()),
        ("change", pa.dictionary(pa.int8(), pa.string())),
    ]
)
"""One line for each request, and one for each row that went into no request (copies, rows without a key).

`rows` are `_row` numbers in `source`, `places` where they stand there if they are not in. A request with rows in
several files has a line for each file. `request` is the number of the call that settled it, as in journal.jsonl.
"""

_REPEATING = ("source", "state", "code", "message", "request_id", "change")
"""Its columns in which a value stands in many lines."""

FAILURE_COLUMNS = ("_key", "_state", "_code", "_message", "_request_id", "_source", "_row", "_place")
"""The columns before the original ones in failures.csv; they are ignored when it is loaded again."""

_KNOWN_BY = FAILURE_COLUMNS[:-1]
"""Those that reports of all versions begin with."""

SURPLUS_COLUMN = "_surplus"
"""Cells that a row had beyond the header, joined by commas."""

TYPED_COLUMN = "_typed"
"""Which columns held numbers or times that had a type, as a JSON object: a mapping's rules for text are not for them.
The same in every row; only failures of Parquet files and data frames have it."""

OWN_COLUMNS = frozenset({*FAILURE_COLUMNS, SURPLUS_COLUMN, TYPED_COLUMN})


def is_failure_report(header: Sequence[str]) -> bool:
    """Whether this is the header of one of our failures.csv files."""
    return tuple(header[: len(_KNOWN_BY)]) == _KNOWN_BY


class LineFile:
    """A Parquet file that is written in row groups, each while the next one is made; a context manager."""

    def __init__(self, path: Path, schema: pa.Schema, repeating: Sequence[str] | None = None) -> None:
        """Begins a file.

        Args:
            path: where.
            schema: its columns.
            repeating: columns in which values repeat, by default all of them: a dictionary of the others costs more
                than it saves.
        """
        self._schema = schema
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", use_dictionary=True if repeating is None else [*repeating]
        )
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lines")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._end_writing()
        finally:
            self._pool.shutdown()
            self._writer.close()

    def write(self, columns: Mapping[str, Sequence[Any] | pa.Array]) -> None:
        """Adds lines, given as columns of the schema, some of them as Arrow has them.

        Raises:
            OSError: those before cannot be written; of the last ones it is raised at the end.
        """
        given = [(columns[field.name], field.type) for field in self._schema]
        arrays = [column if isinstance(column, pa.Array) else array_of(column, kind) for column, kind in given]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        self._end_writing()
        self._writing = self._pool.submit(self._writer.write_batch, batch)

    def note(self, name: bytes, content: bytes) -> None:
        """Adds to the file's metadata; before it is closed."""
        self._end_writing()
        self._writer.add_key_value_metadata({name: content})

    def _end_writing(self) -> None:
        """Waits until all lines so far are written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()


class OutcomeFile(LineFile):
    """outcomes.parquet, given as columns of OUTCOME_SCHEMA."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, OUTCOME_SCHEMA, _REPEATING)


def accepted_keys(path: Path) -> Counter[str]:
    """The keys that LUSID accepted according to an outcomes.parquet, each with the number of its rows."""
    lines = pq.read_table(path, columns=["key", "rows", "state"])
    accepted = lines.filter(pc.equal(lines["state"].cast("string"), State.ACCEPTED.value))
    found: Counter[str] = Counter()
    for key, rows in zip(accepted["key"].to_pylist(), pc.list_value_length(accepted["rows"]).to_pylist(), strict=True):
        found[key] += rows
    return found


def write_keys(path: Path, keys: Iterable[str]) -> None:
    """Writes a file of keys, one a line, under the header `_key`."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["_key"], *([key] for key in keys)])


def write_failures(path: Path, header: Sequence[str], lines: Iterable[Sequence[str]], typed: str = "") -> int:
    """Writes failures.csv and returns the number of its rows.

    Args:
        path: where to write it.
        header: the original columns.
        lines: the cells of FAILURE_COLUMNS, then the original cells as they were read, then surplus cells.
        typed: what stands in TYPED_COLUMN; without it there is no such column.
    """
    count = 0
    width = len(FAILURE_COLUMNS) + len(header)
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells spreadsheets that it is UTF-8
        plain = csv.writer(file, lineterminator="\n")
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        more = [typed] if typed else []
        plain.writerow([*FAILURE_COLUMNS, *header, SURPLUS_COLUMN, *([TYPED_COLUMN] if typed else [])])
        for line in lines:
            surplus = ",".join(line[width:])
            writer = quoting if "\r" in "".join(line) else plain  # csv does not quote a bare CR by itself
            writer.writerow([*line[:width], surplus, *more])
            count += 1
    return count


def failure_lines(path: Path) -> Iterator[list[str]]:
    """The lines of a failures.csv, the header first; raises OSError."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file)
