"""Extracts: finding files, what files of one extract share, reading again, hashing, noticing change."""

import gzip
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import rows_of

from connectors.extracts import source_files
from connectors.extracts.extract import Extract, Position, open_extract
from connectors.extracts.frame_extract import extract_from_frame
from schemas.errors import ExtractError
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kind
from schemas.rows.reading import ReadingRules


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str = "id,name\n1,x\n") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    octets = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    path.write_bytes(pa.Codec("zstd").compress(octets) if name.endswith(".zst") else octets)
    return path


def write_parquet(name: str, **columns: pa.Array) -> Path:
    pq.write_table(pa.table(columns), name)
    return Path(name)


def rows(extract: Extract) -> list[list[Cell]]:
    with extract:
        return [row for batch in extract.batches() for row in rows_of(batch)]


def names(paths: Sequence[str | Path]) -> list[str]:
    with open_extract(paths) as extract:
        return [source.name for source in extract.sources]


def error(*paths: str | Path, **declared: Any) -> str:
    with pytest.raises(ExtractError) as caught:
        open_extract(paths, declared=ReadingRules(**declared))
    assert "\n" not in caught.value.message
    return caught.value.message


def test_one_file_is_an_extract() -> None:
    write("a.csv", "id,_key\n1,x\n2,y\n")
    with open_extract(["a.csv"]) as extract:
        (source,) = extract.sources
        assert (source.name, source.path, source.size) == ("a.csv", Path("a.csv"), 16)
        assert (extract.columns, extract.kinds) == (["id", "_key"], {})
        (batch,) = extract.batches()
        assert (batch.source, batch.first_row, rows_of(batch)) == (0, 1, [["1", "x"], ["2", "y"]])
        assert (batch.bad, batch.extra) == ({}, {})


def test_several_files_are_one_extract_and_columns_match_by_name() -> None:
    write("a.csv", "id,name\n1,x\n2,y\n")
    write("b.csv.gz", " name,\ufeffid \nz,3\n")
    write("c.csv.zst", "name,id\n")
    with open_extract(["a.csv", Path("b.csv.gz"), "c.csv.zst"]) as extract:
        found = [(batch.source, batch.first_row, rows_of(batch)) for batch in extract.batches()]
    assert found == [(0, 1, [["1", "x"], ["2", "y"]]), (1, 1, [["3", "z"]])]


def test_patterns_and_directories_are_sorted_and_leave_by_products_out() -> None:
    for name in ("b.csv", "a.csv.gz", "c.CSV.zst", ".hidden.csv", "_failures.csv", "notes.txt"):
        write(f"in/{name}")
    Path("in/folder.csv").mkdir()
    assert names(["in"]) == ["a.csv.gz", "b.csv", "c.CSV.zst"]
    assert names(["in/*.csv"]) == ["in/b.csv"]
    assert names(["i?/_*.csv", "in/a.csv.gz"]) == ["in/_failures.csv", "in/a.csv.gz"]
    assert names(["**/[ab].*"]) == ["in/a.csv.gz", "in/b.csv"]


def test_a_file_whose_name_is_a_pattern_is_that_file() -> None:
    write("a[1].csv")
    assert names(["a[1].csv"]) == ["a[1].csv"]


def test_files_of_one_name_in_two_directories_are_told_apart() -> None:
    write("in/a.csv")
    write("out/a.csv")
    write("out/b.csv")
    assert names(["in", "out"]) == ["in/a.csv", "out/a.csv", "b.csv"]


def test_what_cannot_be_found_is_named() -> None:
    write("in/notes.txt")
    assert error() == "no extract was given: name a file, a pattern or a directory"
    assert error("a.csv") == "a.csv: there is no such file"
    assert error("*.csv") == "*.csv: no file matches the pattern"
    assert error("in/notes.txt/a.csv") == "in/notes.txt/a.csv: cannot be read: Not a directory"
    assert error("in") == (
        "in: the directory holds no extract: none of .csv, .csv.gz, .csv.zst, .csv.bz2, .csv.xz, .csv.zip, "
        ".tsv, .tsv.gz, .tsv.zst, .tsv.bz2, .tsv.xz, .tsv.zip, .parquet"
    )
    os.mkfifo("pipe")
    assert error("pipe") == "pipe: is not a regular file: write the extract to a file first"


def test_a_file_or_directory_that_may_not_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write("in/a.csv")

    def refused(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    assert error("in/a.csv") == "in/a.csv: cannot be read: Permission denied"
    monkeypatch.setattr(Path, "iterdir", refused)
    assert error("in") == "in: the directory cannot be read: Permission denied"


def test_a_file_that_is_named_twice_is_refused(here: Path) -> None:
    write("a.csv")
    assert error("a.csv", "*.csv") == (f"{here / 'a.csv'}: the file is part of the extract 2 times: name it once")


def test_csv_and_parquet_do_not_mix() -> None:
    write("a.csv")
    write_parquet("b.parquet", id=pa.array(["1"]))
    assert error(".") == "a.csv is CSV and b.parquet is Parquet: an extract is one or the other"


def test_missing_and_added_columns_are_named() -> None:
    write("a.csv", "id,name\n")
    write("b.csv", "nmae,id\n")
    write("c.csv", "id\n")
    assert error("a.csv", "b.csv") == (
        "b.csv lacks 'name' and adds 'nmae', compared with a.csv: the files of one extract must have the same columns"
    )
    assert error("a.csv", "c.csv").startswith("c.csv lacks 'name', compared with a.csv: ")


def test_a_first_row_that_is_no_header_is_not_told() -> None:
    """An extract in pieces often has its header in the first alone: the others begin with somebody's name."""
    write("a.csv", "name,id\n")
    write("b.csv", "Jane Doe,1\n")
    for first, second in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
        assert error(first, second) == (
            f"{second} has no column of {first}: the files of one extract must have the same columns, "
            "each file in a header of its own"
        )


def test_the_delimiter_is_declared_and_tabs_go_with_tsv() -> None:
    write("a.csv", 'id;name\n1;"x;y"\n2,5;z\n')
    assert rows(open_extract(["a.csv"], declared=ReadingRules(delimiter=";"))) == [["1", "x;y"], ["2,5", "z"]]
    write("a.tsv", "id\tname\n1\tx,y\n")
    assert rows(open_extract(["a.tsv"])) == [["1", "x,y"]]
    write("b.tsv.gz", "id|name\n1|\t\n")
    assert rows(open_extract(["b.tsv.gz"], declared=ReadingRules(delimiter="|"))) == [["1", "\t"]]


def test_a_delimiter_that_the_encoding_lacks_is_refused() -> None:
    write("a.csv")
    assert error("a.csv", delimiter="€", encoding="latin-1") == ("delimiter '€': the encoding latin-1 does not have it")


def test_the_encoding_is_declared() -> None:
    Path("a.csv").write_bytes("id,name\n1,Zoë\n".encode("cp1252"))
    assert rows(open_extract(["a.csv"], declared=ReadingRules(encoding="cp1252"))) == [["1", "Zoë"]]
    assert error("a.csv", encoding="utf-9").startswith("unknown encoding 'utf-9': ")


def test_batches_of_several_files_are_read_again_in_any_order() -> None:
    for name in ("a.csv", "b.csv.gz", "c.csv"):
        write(name, "id,name\n" + "".join(f"{row},{name}\n" for row in range(20_000)))
    with open_extract(["a.csv", "b.csv.gz", "c.csv"]) as extract:
        batches = list(extract.batches())
        assert len(batches) == 9
        for wanted in (batches, batches[::-1]):
            assert [extract.reread(batch.position) for batch in wanted] == wanted
        assert list(extract.batches()) == batches


def test_digests_are_those_of_the_bytes_on_disk() -> None:
    paths = [write("a.csv"), write("b.csv.gz")]
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    with open_extract(paths) as extract:
        list(extract.batches())
        assert extract.digests() == expected
        assert extract.digests() == expected
    with open_extract(paths) as extract:
        assert extract.digests() == expected


def test_closing_does_not_wait_for_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.csv", "id\n" + "x\n" * 5_000_000)
    monkeypatch.setattr(source_files, "_HASH_BLOCK", 1)  # ten million blocks take many seconds
    with open_extract(["a.csv"]) as extract:
        next(iter(extract.batches()))
    assert extract.digests() != [hashlib.sha256(Path("a.csv").read_bytes()).hexdigest()], "it was hashed to its end"


def replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"3,z\n")


def touched(path: Path) -> None:
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("change", [replaced, appended, touched])
def test_a_file_that_changes_under_the_reader_is_noticed_everywhere(change: Callable[[Path], None]) -> None:
    told = "b.csv: the file changed while it was being loaded: run again when whatever writes it has finished"
    write("a.csv")
    path = write("b.csv")
    with open_extract(["a.csv", "b.csv"]) as extract:
        extract.check_unchanged()
        change(path)
        uses: list[Callable[[], object]] = [
            extract.check_unchanged,
            lambda: list(extract.batches()),
            lambda: extract.reread(Position(1, 1, (8, 2))),
            extract.digests,
        ]
        for use in uses:
            with pytest.raises(ExtractError) as caught:
                use()
            assert caught.value.message == told


def test_a_file_that_is_gone_is_named() -> None:
    path = write("a.csv")
    with open_extract([path]) as extract:
        path.unlink()
        with pytest.raises(ExtractError, match=r"^a\.csv: cannot be read any more: No such file"):
            extract.check_unchanged()
        with pytest.raises(ExtractError, match=r"^a\.csv: cannot be read: No such file"):
            list(extract.batches())


def test_a_file_that_shrinks_while_it_is_open_is_named() -> None:
    path = write("a.csv.gz", "id\n" + "x\n" * 30_000)
    with open_extract([path]) as extract:
        list(extract.batches())
        with pytest.raises(ExtractError, match=r"^a\.csv\.gz: the file is shorter than it was$"):
            extract.reread(Position(0, 1, (10**6, 2)))


def test_parquet_files_may_differ_in_width_unit_scale_and_order() -> None:
    write_parquet(
        "a.parquet",
        n=pa.array([1], pa.int32()),
        f=pa.array([0.5], pa.float32()),
        d=pa.array(["1.50"], pa.string()).cast(pa.decimal128(9, 2)),
        s=pa.array(["x"]),
        t=pa.array([0], pa.timestamp("ms", "UTC")),
        o=pa.array([None], pa.null()),
    )
    write_parquet(
        "b.parquet",
        o=pa.array([7], pa.int64()),
        t=pa.array([1], pa.timestamp("ns", "Asia/Tokyo")),
        s=pa.array(["y"]).dictionary_encode(),
        d=pa.array(["2.125"], pa.string()).cast(pa.decimal256(40, 3)),
        f=pa.array([2], pa.float64()),
        n=pa.array([2], pa.uint8()),
    )
    extract = open_extract(["a.parquet", "b.parquet"])
    assert extract.columns == ["n", "f", "d", "s", "t", "o"]
    number, text = Kind.INTEGER, Kind.TEXT
    assert extract.kinds == {"n": number, "f": Kind.FLOAT, "d": Kind.DECIMAL, "s": text, "t": Kind.ZONED, "o": number}
    assert rows(extract) == [
        ["1", "0.5", "1.5", "x", "1970-01-01T00:00:00+00:00", ""],
        ["2", "2", "2.125", "y", "1970-01-01T00:00:00.000000001+00:00", "7"],
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.int64(), pa.string()),
        (pa.float64(), pa.int64()),
        (pa.float64(), pa.decimal128(9, 2)),
        (pa.int64(), pa.decimal128(9, 2)),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.date32(), pa.timestamp("us")),
        (pa.string(), pa.list_(pa.string())),
        (pa.bool_(), pa.string()),
    ],
    ids=str,
)
def test_parquet_files_whose_types_disagree_are_named(one: pa.DataType, other: pa.DataType) -> None:
    write_parquet("0.parquet", x=pa.array([None], pa.null()))
    write_parquet("a.parquet", x=pa.array([None], one))
    write_parquet("b.parquet", x=pa.array([None], other))
    stored = [pq.read_schema(name).field("x").type for name in ("a.parquet", "b.parquet")]
    assert error("0.parquet", "a.parquet", "b.parquet") == (
        f"column 'x' is {stored[0]} in a.parquet but {stored[1]} in b.parquet: write it with one type in all files"
    )


def test_parquet_is_read_again_and_hashed() -> None:
    path = write_parquet("a.parquet", id=pa.array(["1", "2"]), tags=pa.array([["a", "b"], None]))
    with open_extract([path]) as extract:
        batches = list(extract.batches())
        assert [extract.reread(batch.position) for batch in batches] == batches
        assert rows_of(batches[0]) == [["1", ["a", "b"]], ["2", ""]]
        assert extract.digests() == [hashlib.sha256(path.read_bytes()).hexdigest()]


def test_the_kind_of_a_list_is_that_of_its_items() -> None:
    write_parquet("a.parquet", x=pa.array([[0.5]]), y=pa.array([1]))
    with open_extract(["a.parquet"]) as extract:
        assert extract.kinds == {"x": Kind.FLOAT, "y": Kind.INTEGER}


def test_a_frame_is_an_extract() -> None:
    frame = pd.DataFrame({"id": ["001", None], "n": [1, 2]})
    extract = extract_from_frame(frame, Path("frame.parquet"))
    assert ([source.name for source in extract.sources], extract.columns) == (["frame.parquet"], ["id", "n"])
    assert rows(extract) == [["001", "1"], ["", "2"]]


def test_files_of_very_many_columns_are_compared_at_once_and_briefly() -> None:
    columns = [f"c{i}" for i in range(40_000)]
    write("a.csv", ",".join(["id", *columns]))
    write("b.csv", ",".join(["id", *(f"{name}x" for name in columns)]))
    write("twice.csv", ",".join(columns * 2))
    write("one.csv", ",".join(["a"] * 80_000))
    begun = time.process_time()

    assert error("a.csv", "b.csv").startswith("b.csv lacks 'c0', 'c1', ")
    assert "'c19', 39,980 more and adds 'c0x', " in error("a.csv", "b.csv")
    assert "; at 20 and 40020; 39,980 more: rename or remove one" in error("twice.csv")
    assert error("one.csv").endswith(
        "at 1 and " + " and ".join(map(str, range(2, 21))) + " and 79,980 more: rename or remove one"
    )
    assert time.process_time() - begun < 10  # where each column meets every other it takes minutes
