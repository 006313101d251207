"""Inputs that are no text: Parquet of several writers, data frames, folders, containers, damaged files."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from field_inputs import Input, executions, investors, orders, placements
from field_texts import FILLS, ORDERS, PLACED, RECORDS

TEN = "2024-03-01T10:00:00.0000000+00:00"
_NUMBERS = [Decimal("12.345"), Decimal("1234.500")]
_SEPARATED = {"column": "n", "decimal": ",", "thousands": "."}


def _old(table: pa.Table) -> Callable[[Path], Path]:
    """Writes a table as Spark and Impala wrote times for years."""

    def write(folder: Path) -> Path:
        pq.write_table(table, folder / "old.parquet", use_deprecated_int96_timestamps=True)
        return folder / "old.parquet"

    return write


def _naive(*texts: str) -> pa.Array:
    return pa.array([datetime.fromisoformat(text) for text in texts], pa.timestamp("us"))


INSTANTS = (
    Input(
        "instants",
        "Spark: the end of time in INT96",
        FILLS,
        _old(pa.table({"id": ["E1"], "t": _naive("9999-12-31T23:59:59.999999")})),
        executions(created_date={"column": "t", "timezone": "UTC"}),
        ({"createdDate": "9999-12-31T23:59:59.9999990+00:00"},),
    ),
    Input(
        "instants",
        "a frame of objects beyond nanoseconds",
        RECORDS,
        pd.DataFrame(
            {
                "id": ["A1", "A2"],
                "s": np.array([datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)], dtype=object),
            }
        ),
        investors(since="s"),
        ({"City@": "9999-12-31T00:00:00.0000000+00:00"}, {"City@": "0001-01-01T00:00:00.0000000+00:00"}),
    ),
    Input(
        "instants",
        "milliseconds of no calendar",
        RECORDS,
        pa.table({"id": ["A1", "A2"], "s": pa.array([2**61, 0], pa.timestamp("ms", "UTC"))}),
        investors(since="s"),
        ({"City@": "1970-01-01T00:00:00.0000000+00:00"},),
        {"OutOfRange": 1},
    ),
    Input(
        "instants",
        "nanoseconds, which LUSID cuts",
        FILLS,
        pa.table(
            {"id": ["E1", "E2"], "t": pa.array([1709287200000000001, 1709287200000000100], pa.timestamp("ns", "UTC"))}
        ),
        executions(created_date="t"),
        ({"createdDate": TEN}, {"createdDate": "2024-03-01T10:00:00.0000001+00:00"}),
        said=("in 1 of the rows the time is finer",),
    ),
    Input(
        "instants",
        "numpy's nanoseconds among objects",
        RECORDS,
        pd.DataFrame({"id": ["A1"], "s": np.array([np.datetime64("2024-03-01T10:00:00.123456700")], dtype=object)}),
        investors(since={"column": "s", "timezone": "UTC"}),
        ({"City@": "2024-03-01T10:00:00.1234567+00:00"},),
    ),
)

TYPED = (
    Input(
        "typed numbers",
        "decimals of an order",
        ORDERS,
        pa.table({"id": ["O1", "O2"], "n": pa.array(_NUMBERS, pa.decimal128(12, 3))}),
        orders(quantity=_SEPARATED),
        ({"orders.0.quantity": "12.345"}, {"orders.0.quantity": "1234.5"}),
    ),
    Input(
        "typed numbers",
        "a dictionary of decimals",
        FILLS,
        pa.table({"id": ["E1", "E2"], "n": pa.array(_NUMBERS, pa.decimal128(12, 3)).dictionary_encode()}),
        executions(quantity=_SEPARATED),
        ({"quantity": "12.345"}, {"quantity": "1234.5"}),
    ),
    Input(
        "typed numbers",
        "nullable floats, small and large",
        RECORDS,
        pd.DataFrame({"id": ["A1", "A2", "A3"], "n": pd.array([1e-7, None, 1e21], dtype="Float64")}),
        investors(worth=_SEPARATED),
        ({"Worth": Decimal("0.0000001")}, {"Worth": None}, {"Worth": Decimal(10**21)}),
    ),
    Input(
        "typed numbers",
        "text beside typed numbers of the same mapping",
        RECORDS,
        pa.table({"id": ["A1"], "n": ["1.234,5"]}),
        investors(worth=_SEPARATED),
        ({"Worth": "1234.5"},),
    ),
    Input(
        "typed numbers",
        "joined with a sign",
        FILLS,
        pa.table({"id": ["E1"], "s": ["-"], "n": pa.array([Decimal("12.345")])}),
        executions(quantity={"join": ["s", "n"], "separator": "", "decimal": ",", "thousands": "."}),
        whole="of its `join` holds numbers",
    ),
    Input(
        "typed numbers",
        "a null word that a joined number could be",
        RECORDS,
        pa.table({"id": ["A1"], "s": ["a"], "n": [0]}),
        {"null": ["0"], **investors(note={"join": ["s", "n"]})},
        whole="its `null` word 0 is a value",
    ),
    Input(
        "typed numbers",
        "codes that are numbers",
        RECORDS,
        pa.table({"id": pa.array([Decimal("7")], pa.decimal128(38, 10)), "k": pa.array([2], pa.int8())}),
        investors(note={"column": "k", "values": {"2": "two"}}),
        ({"Id": "7", "description": "two"},),
    ),
    Input(
        "typed numbers",
        "an identifier that is a float",
        RECORDS,
        pa.table({"id": [1.0, None]}),
        investors(),
        whole="floating point",
    ),
    Input(
        "typed numbers",
        "integers wider than 64 bits",
        RECORDS,
        pd.DataFrame({"id": ["A1"], "n": np.array([10**20], dtype=object)}),
        investors(worth="n"),
        whole="column 'n' cannot be read",
    ),
)

DATES = (
    Input(
        "dates as timestamps",
        "midnights of Spark without a zone",
        FILLS,
        pa.table({"id": ["E1"], "t": _naive("2024-07-01")}),
        executions(created_date={"column": "t", "timezone": "America/New_York"}),
        whole="declare `midnight: date` or `midnight: local`",
    ),
    Input(
        "dates as timestamps",
        "a frame's midnights, local",
        RECORDS,
        pd.DataFrame({"id": ["A1"], "s": pd.to_datetime(["2024-07-01"])}),
        investors(since={"column": "s", "timezone": "Asia/Tokyo", "midnight": "local"}),
        ({"City@": "2024-06-30T15:00:00.0000000+00:00"},),
    ),
    Input(
        "dates as timestamps",
        "dates of a frame of objects",
        FILLS,
        pd.DataFrame({"id": ["E1"], "t": [date(2024, 7, 1)]}),
        executions(created_date={"column": "t", "timezone": "Asia/Tokyo"}),
        ({"createdDate": "2024-07-01T00:00:00.0000000+00:00"},),
    ),
)


def _frame(**columns: Any) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"id": [f"A{n}" for n in range(count)], **columns})


FRAMES = (
    Input(
        "frames",
        "naive and aware times in one column",
        RECORDS,
        _frame(s=np.array([datetime(2024, 3, 1, 10), datetime(2024, 3, 1, 10, tzinfo=UTC)], dtype=object)),  # noqa: DTZ001
        investors(since={"column": "s", "timezone": "UTC"}),
        whole="times with a zone and times without",
    ),
    Input(
        "frames",
        "UUIDs",
        PLACED,
        _frame(b=[UUID(int=5)]),
        placements(counterparty="b"),
        ({"counterparty": "00000000-0000-0000-0000-000000000005"},),
    ),
    Input(
        "frames",
        "nan that became text, in a code and a text",
        ORDERS,
        pd.DataFrame({"id": ["nan", "O2"], "t": ["x", "nan"]}),
        orders(**{"labels:Order/D/T": "t"}),
        ({"orders.0.T": ["nan"]},),
        {"NullWord": 1},
        said=("is a word that databases",),
    ),
    Input(
        "frames",
        "categories, nullable integers, missing in four ways",
        RECORDS,
        _frame(
            c=pd.Categorical(["b", None, "a", "b"]),
            n=pd.array([2**62 + 1, None, 3, 4], dtype="Int64"),
            d=np.array([None, float("nan"), pd.NA, pd.NaT], dtype=object),
        ),
        investors(city="c", worth="n", note="d"),
        (
            {"City": "b", "Worth": 2**62 + 1, "description": None},
            {"City": None, "Worth": None},
            {"City": "a"},
            {"City": "b"},
        ),
    ),
    Input(
        "frames",
        "an index of names that keep their zeros",
        RECORDS,
        pd.DataFrame({"note": ["x"]}, index=pd.Index(["007"], name="id")),
        investors(note="note"),
        ({"Id": "007", "description": "x"},),
    ),
    Input(
        "frames",
        "instants of several zones",
        RECORDS,
        _frame(
            s=np.array(
                [pd.Timestamp("2024-07-01", tz="Asia/Tokyo"), pd.Timestamp("2024-07-01", tz="UTC")], dtype=object
            )
        ),
        investors(since="s"),
        ({"City@": "2024-06-30T15:00:00.0000000+00:00"}, {"City@": "2024-07-01T00:00:00.0000000+00:00"}),
    ),
    Input(
        "frames",
        "values of several types",
        FILLS,
        _frame(q=np.array([1, 2.5], dtype=object)),
        executions(quantity="q"),
        whole="values of several types (float, int)",
    ),
)


def _tree(files: dict[str, str]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name, text in files.items():
            path = folder / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder / "tree"

    return write


FOLDERS = (
    Input(
        "folders",
        "Spark: columns in the names of folders, one empty",
        RECORDS,
        _tree({"c=C%C3%B4te/p.csv": "id\nA1\n", "c=__HIVE_DEFAULT_PARTITION__/p.csv": "id\nA2\n", "_SUCCESS": ""}),
        investors(city="c"),
        ({"City": "Côte"}, {"City": None}),
    ),
    Input(
        "folders",
        "DuckDB: two levels, of dates and numbers",
        ORDERS,
        _tree({"d=2024-03-01/q=12.5/data_0.csv": "id\nO1\n"}),
        orders(quantity="q"),
        ({"orders.0.quantity": 12.5},),
    ),
    Input(
        "folders",
        "Delta",
        FILLS,
        _tree({"_delta_log/0.json": "{}", "part-0.parquet": ""}),
        executions(),
        whole="Delta table",
    ),
    Input(
        "folders",
        "Iceberg",
        PLACED,
        _tree({"metadata/v1.metadata.json": "{}", "data/p.parquet": ""}),
        placements(counterparty="b"),
        whole="Iceberg table",
    ),
)


def _bytes(name: str, octets: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(octets)
        return folder / name

    return write


def _zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.csv.zip", "w") as archive:
        archive.writestr("inner.csv", "id,q\nO1,1\n")
    return folder / "a.csv.zip"


CONTAINERS = (
    Input(
        "containers",
        "bzip2",
        PLACED,
        _bytes("a.csv.bz2", bz2.compress(b"id,b\nP1,x\n")),
        placements(counterparty="b"),
        ({"counterparty": "x"},),
    ),
    Input(
        "containers",
        "xz",
        FILLS,
        _bytes("a.csv.xz", lzma.compress(b"id,q\nE1,2\n")),
        executions(quantity="q"),
        ({"quantity": 2},),
    ),
    Input("containers", "zip of one file", ORDERS, _zipped, orders(quantity="q"), ({"orders.0.quantity": 1},)),
    Input(
        "containers",
        "gzip behind gzip",
        RECORDS,
        _bytes("a.csv.gz", gzip.compress(b"id,note\nA1,x\n") + gzip.compress(b"A2,y\n")),
        investors(note="note"),
        ({"description": "x"}, {"description": "y"}),
    ),
    Input(
        "containers",
        "an Excel workbook named .csv",
        RECORDS,
        _bytes("a.csv", b"PK\x03\x04" + b"\0" * 40 + b"xl/workbook.xml"),
        investors(),
        whole="a.csv",
    ),
)


def _parquet(folder: Path, **options: Any) -> bytes:
    pq.write_table(
        pa.table({"id": [f"A{n}" for n in range(999)]}),
        folder / "a.parquet",
        compression="none",
        use_dictionary=False,
        **options,
    )
    return (folder / "a.parquet").read_bytes()


def _flipped(folder: Path) -> Path:
    octets = bytearray(_parquet(folder, write_page_checksum=True))
    octets[octets.index(b"A500") + 1] ^= 1
    (folder / "a.parquet").write_bytes(octets)
    return folder / "a.parquet"


def _cut(folder: Path) -> Path:
    (folder / "a.parquet").write_bytes(_parquet(folder)[:-20])
    return folder / "a.parquet"


def _misnamed(folder: Path) -> Path:
    (folder / "a.parquet").write_bytes(b"id,note\nA1,x\n")
    return folder / "a.parquet"


DAMAGED = (
    Input("damaged", "a page whose checksum is wrong", RECORDS, _flipped, investors(), whole="is damaged"),
    Input(
        "damaged",
        "a file cut short",
        PLACED,
        _cut,
        placements(counterparty="id"),
        whole="is not a Parquet file, or is cut short",
    ),
    Input("damaged", "a CSV named .parquet", FILLS, _misnamed, executions(), whole="is not a Parquet file"),
    Input(
        "damaged",
        "gzip cut short",
        RECORDS,
        _bytes("a.csv.gz", gzip.compress(b"id,note\n" + b"A1,x\n" * 999)[:-9]),
        investors(note="note"),
        whole="a.csv.gz",
    ),
)

FILES = (*INSTANTS, *TYPED, *DATES, *FRAMES, *FOLDERS, *CONTAINERS, *DAMAGED)
