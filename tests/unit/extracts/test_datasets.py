"""Folders that are named for a column, folders of tables, and Parquet files that are damaged or encrypted."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from builders import rows_of

from connectors.extracts.extract import open_extract
from connectors.extracts.partitions import partitions_of
from schemas.errors import ExtractError
from schemas.rows.columns import Cell


def read(*paths: Path, **options: Any) -> tuple[list[str], list[list[Cell]]]:
    """The columns and rows of an extract, after each batch was read again."""
    with open_extract(paths, **options) as extract:
        batches = list(extract.batches())
        assert [extract.reread(batch.position) for batch in batches] == batches
        assert extract.records == sum(map(len, batches))
        return extract.columns, [row for batch in batches for row in rows_of(batch)]


def refused(*paths: Path) -> str:
    with pytest.raises(ExtractError) as caught:
        read(*paths)
    return caught.value.message


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_folders_of_a_dataset_are_columns(tmp_path: Path, form: str) -> None:
    rows = [("A1", "FR", "2024-07-01"), ("A2", "D E/1%", "2024-07-01"), ("A3", None, "2024-07-02"), ("A4", "FR", "x")]
    columns = dict(zip(("id", "country", "day"), map(list, zip(*rows, strict=True)), strict=True))
    root = tmp_path / "investors"
    flavour = ds.partitioning(pa.schema([("country", pa.string()), ("day", pa.string())]), flavor="hive")
    ds.write_dataset(pa.table(columns), root, format=form, partitioning=flavour)
    for path in root.rglob("*/*"):
        (path / "_SUCCESS" if path.is_dir() else path.with_name(".crc")).touch()
    found, cells = read(root)
    assert found == ["id", "country", "day"]
    assert sorted(cells) == [[i, country or "", day] for i, country, day in rows]
    with open_extract([root]) as extract:
        names = [source.name for source in extract.sources]
        paths = [source.path for source in extract.sources]
    assert read(*paths, names=names) == (found, cells), "a run that is resumed has its files by their names"
    assert read(paths[0])[0] == ["id"], "a file by itself is what it is"


def test_a_dataset_is_read_by_any_column_of_it(tmp_path: Path) -> None:
    for country in ("DE", "FR"):
        (tmp_path / f"country={country}").mkdir()
        (tmp_path / f"country={country}" / "a.csv").write_text("id,name\n1,x\n2,y\n")
    with open_extract([tmp_path]) as extract:
        (one, two) = extract.batches(["country"])
    assert [batch.columns[2] for batch in (one, two)] == [["DE"] * 2, ["FR"] * 2]
    assert [batch.lines[1] for batch in (one, two)] == [3, 3]


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["country=FR/a.csv", "b.csv"], "holds b.csv beside folders such as country=FR, whose names are columns"),
        (["country=FR/a.csv", "country=FR/old/b.csv"], "is a folder among those whose names are columns"),
        (["country=FR/a.csv", "country=DE/day=1/a.csv"], "country=FR/a.csv lacks 'day', compared with"),
        (["name=FR/a.csv"], "column 'name' is in the file and in the name of its folder"),
        (["k=1/k=2/a.csv"], "its folders name the column 'k' twice"),
        (["k=1%0A%01/a.csv"], "holds a control character"),
        (["k=1/a.txt"], "holds no extract"),
        (["other/a.csv"], "holds no extract"),
        (["_delta_log/0.json", "a.parquet"], "is the folder of a Delta table"),
        (["_delta_log/0.json", "country=FR/a.parquet"], "is the folder of a Delta table"),
        (["metadata/v1.metadata.json", "data/a.parquet"], "is the folder of an Iceberg table"),
        ([".hoodie/x", "a.parquet"], "is the folder of a Hudi table"),
    ],
)
def test_folders_that_are_no_dataset_are_refused(tmp_path: Path, paths: list[str], told: str) -> None:
    for path in paths:
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / path).write_text("id,name\n1,x\n")
    message = refused(tmp_path / "set")
    assert told in message
    assert "\n" not in message


def test_a_pattern_does_not_pick_files_out_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "a.csv").write_text("id\n1\n")
    assert "is the folder of a Delta table" in refused(tmp_path / "*.csv")
    assert read(tmp_path / "a.csv") == (["id"], [["1"]])


def test_folders_are_columns_below_the_dataset_alone() -> None:
    assert partitions_of("s3://bucket/country=FR/a.csv") == {}
    assert partitions_of("s3://bucket/set//country=FR/x/day=1/a=b.csv") == {"country": "FR", "day": "1"}
    assert partitions_of("/data/run=3/a.csv") == {}


def whole(path: Path, **options: Any) -> bytes:
    """A Parquet file of two row groups of 500 rows, with page checksums."""
    table = pa.table({"id": [f"K{n}" for n in range(1000)], "name": ["x" * (n % 7) for n in range(1000)]})
    written: dict[str, Any] = {"write_page_checksum": True, "compression": "none", "use_dictionary": False, **options}
    pq.write_table(table, path, row_group_size=500, **written)
    return path.read_bytes()


def test_a_page_whose_checksum_is_wrong_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    octets = whole(path)
    at = octets.index(b"K700")
    path.write_bytes(octets[:at] + b"K701" + octets[at + 4 :])
    assert refused(path) == f"{path}: row group 2 is damaged: fetch the file anew"


def test_a_row_group_of_fewer_rows_than_promised_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    octets = whole(path, compression="snappy")
    second = pq.ParquetFile(path).metadata.row_group(1).column(0)
    start, size = second.data_page_offset, second.total_compressed_size
    path.write_bytes(octets[:start] + b"\0" * size + octets[start + size :])
    assert refused(path) == f"{path}: row group 2 is damaged: fetch the file anew"
    number, promised = b"\x16\xe8\x07", b"\x16\xea\x07"  # 500 and 501 as the footer has them
    head, _, tail = octets.rpartition(number)
    path.write_bytes(head + promised + tail)
    told = "it holds 500 rows of the 501 that the file's footer promises: fetch the file anew"
    assert refused(path) == f"{path}: row group 2 is damaged: {told}"


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    octets = whole(path)
    path.write_bytes(octets[: len(octets) // 2])
    assert refused(path) == f"{path}: is not a Parquet file, or is cut short: fetch it anew"


def test_an_encrypted_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    octets = whole(path)
    path.write_bytes(b"PARE" + octets[4:-4] + b"PARE")
    assert refused(path) == f"{path}: is encrypted: decrypt it first, bulkload has no keys for it"
