"""verify.parquet: what LUSID holds of each key that a run had accepted, as `bulkload verify` read it back.

It holds personal data, and is written under a temporary name first (`folder.atomic_write`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from connectors.run_folder.results import LineFile

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


class VerifiedFile(LineFile):
    """verify.parquet."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, VERIFIED_SCHEMA)

    def add(self, lines: Iterable[VerifiedLine]) -> None:
        """Adds lines."""
        if columns := list(zip(*lines, strict=True)):
            self.write(dict(zip(VERIFIED_SCHEMA.names, columns, strict=True)))
