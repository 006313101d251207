"""Rows, files and prepared extracts for tests: functions with defaults, so that a test says only what it is about."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from connectors.extracts.batches import RowBatch
from connectors.extracts.csv.file import CsvFile
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.stream import encoding_of
from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.source_files import find_sources
from pipelines.operations.operation import BodyShape
from pipelines.operations.table import operation_named
from pipelines.prepare.reading import Prepared, Rules, Workers, prepare
from schemas.dialects import Dialect
from schemas.expectations import Expectations
from schemas.rows.binding import Binding
from schemas.rows.columns import Cell
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.states import Duplicates, State

Row = dict[str, str]

IR_ID = "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"
PERSON = "investor:Person/HrSystem1/InternalId"
COUNTRY = "property:InvestorRecord/Details/Country"
IA_ID = "identifier:InvestmentAccount/ExternalIdentifier/ExternalIAId"
HOLDER = "holder:InvestorRecord/ExternalIdentifier/ExternalIRId"
FIGI = "instrument:Instrument/default/Figi"

MAPPINGS = {"investors": "investor-records", "accounts": "investment-accounts", "orders": "orders"}
"""Names of the sample's files and of the operations that load them."""


def investor(serial: int = 1, changes: Mapping[str, str] | None = None) -> Row:
    """A row of investor-records without fault."""
    row = {
        IR_ID: f"IR_{serial:04d}",
        "display_name": f"Investor {serial}",
        "investor_type": "Person",
        PERSON: f"P{serial:04d}",
        COUNTRY: "Norway",
    }
    return row | dict(changes or {})


def account(serial: int = 1, holder: int = 1, changes: Mapping[str, str] | None = None) -> Row:
    """A row of investment-accounts without fault: one holder, one portfolio."""
    row = {
        IA_ID: f"IA_{serial:04d}",
        "display_name": f"Account {serial}",
        "account_type": "JointPersonal",
        "holder_key": f"Holder{holder}",
        HOLDER: f"IR_{holder:04d}",
        "portfolio_key": "Portfolio1",
        "portfolio_scope": "Funds",
        "portfolio_code": f"PF{serial:04d}",
    }
    return row | dict(changes or {})


def order(block: int = 1, serial: int = 1, changes: Mapping[str, str] | None = None) -> Row:
    """A row of orders without fault."""
    row = {
        "block_scope": "MyScope",
        "block_code": f"B{block:04d}",
        "order_scope": "MyScope",
        "order_code": f"O{serial:04d}",
        FIGI: "BBG000000001",
        "quantity": "100",
        "side": "Buy",
    }
    return row | dict(changes or {})


def rows_for(operation: str, count: int) -> list[Row]:
    """Rows of investor-records or orders without fault, each of which is a request."""
    return [investor(n) if operation == "investor-records" else order(n, n) for n in range(count)]


def write_csv(
    path: Path, rows: Sequence[Row], *, columns: Sequence[str] = (), encoding: str = "utf-8", delimiter: str = ","
) -> Path:
    """Rows as a CSV file, with the first one's columns or in the order given."""
    header = list(columns or rows[0])
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, header, delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[Row]:
    """The rows of a UTF-8 CSV file; every row must have the header's cells and no more."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def rows_of(batch: RowBatch) -> list[list[Cell]]:
    """The records of a batch, one by one."""
    return [batch.row(i) for i in range(len(batch))]


@dataclass(frozen=True)
class Preparation:
    """A prepared extract, and what tests ask of it."""

    prepared: Prepared
    body: BodyShape

    @property
    def states(self) -> list[State | None]:
        """Every row's state; None for the rows that are in a request."""
        return [self.prepared.book.state(o) for o in range(len(self.prepared.book))]

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Every row's (code, message)."""
        return [self.prepared.book.note(o) for o in range(len(self.prepared.book))]

    @property
    def requests(self) -> list[int]:
        """Every row's request; -1 for rows that are in none."""
        return [int(n) for n in self.prepared.book.requests]

    @property
    def keys(self) -> list[str]:
        """The key of every request, in order."""
        return [self.prepared.key(i) for i in range(len(self.prepared))]

    @property
    def entries(self) -> list[bytes]:
        """Every request as it stands in a call, in order."""
        return [self.prepared.entries.read(int(place)) for place in self.prepared.entry_of]

    @property
    def wires(self) -> list[Any]:
        """Every request, parsed, in order."""
        if self.body is BodyShape.REQUESTS:
            return [orjson.loads(entry.removesuffix(b",")) for entry in self.entries]
        return [value for e in self.entries for value in orjson.loads(b"{%b}" % e.removesuffix(b",")).values()]


@contextmanager
def csv_extract(paths: Sequence[Path], *, block: int, max_rows: int) -> Iterator[Extract]:
    """CSV files as an extract that is read in pieces of these sizes."""
    sources = find_sources(paths)
    rules = CsvFormat(encoding_of("utf-8"), block=block, max_rows=max_rows)
    with Extract(sources, [CsvFile(source, i, rules) for i, source in enumerate(sources)]) as extract:
        yield extract


@contextmanager
def prepare_extract(
    operation: str, extract: Extract, folder: Path, *, mapping: ColumnMapping | None = None, **rules: Any
) -> Iterator[Preparation]:
    """Prepares an extract; `rules` are fields of `pipelines.prepare.reading.Rules`."""
    declared = operation_named(operation)
    dialect = rules.pop("dialect", Dialect.V2_1)
    binding = Binding(extract.columns, declared.shape, dialect, declared.key, mapping, extract.kinds)
    rules.setdefault("expect", Expectations(min_rows=0))  # what becomes of rows is asked, not whether there are any
    rules["duplicates"] = Duplicates(rules.get("duplicates", Duplicates.REFUSE))
    folder.mkdir(exist_ok=True)
    workers = Workers(1, mapping=mapping)  # see portions.py
    prepared = prepare(extract, binding, Rules(declared, dialect, **rules), folder, workers=workers)
    try:
        yield Preparation(prepared, declared.body)
    finally:
        prepared.close()


@contextmanager
def prepare_files(operation: str, folder: Path, paths: Sequence[Path], **rules: Any) -> Iterator[Preparation]:
    """Prepares files as one extract."""
    with open_extract(paths) as extract, prepare_extract(operation, extract, folder / "scratch", **rules) as found:
        yield found


@contextmanager
def prepare_rows(operation: str, folder: Path, *files: Sequence[Row], **rules: Any) -> Iterator[Preparation]:
    """Prepares rows: each sequence of them is one CSV file, `a.csv`, `b.csv`, ..."""
    paths = [write_csv(folder / f"{chr(ord('a') + i)}.csv", rows) for i, rows in enumerate(files)]
    with prepare_files(operation, folder, paths, **rules) as found:
        yield found
