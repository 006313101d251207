"""verify.parquet: what LUSID holds of each key that a run had accepted, as `bulkload verify` read it back.

It holds personal data, and is written under a temporary name first (`folder.atomic_write`).
"""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

VERIFIED_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("rows", pa.list_(pa.int64())),
        ("result", pa.dictionary(pa.int8(), pa.string())),
        ("member", pa.string()),
        ("expected", pa.string()),
        ("found", pa.string()),
    ]
)
"""One line for each key that agrees, and one for each member in which a key differs."""


class VerifiedLine(NamedTuple):
    """One line.

    Attributes:
        rows: `_row` numbers in `source`.
        member: the member that differs; None where the key agrees.
        expected: what the request sent.
        found: what LUSID holds; None where it holds nothing.
    """

    key: str
    source: str
    rows: list[int]
    result: str
    member: str | None = None
    expected: str | None = None
    found: str | None = None


class VerifiedFile:
    """verify.parquet, written in row groups; a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, VERIFIED_SCHEMA, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def write(self, lines: Iterable[VerifiedLine]) -> None:
        """Adds lines."""
        columns: list[tuple[Any, ...]] = list(zip(*lines, strict=True))
        if columns:
            arrays = [pa.array(values, each.type) for values, each in zip(columns, VERIFIED_SCHEMA, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=VERIFIED_SCHEMA))
