"""Compressed files and archives of one file are read; other kinds of files are named for what they are."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from builders import rows_of

from connectors.extracts.extract import Extract, open_extract
from schemas.errors import ExtractError
from schemas.rows.reading import ReadingRules

ROWS = [[str(row), "x\ny"] for row in range(5_000)]
BODY = b"a,b\n" + b"".join(b'%d,"x\ny"\n' % row for row in range(5_000))


def zipped(*members: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", packed) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return octets.getvalue()


def tarred(content: bytes) -> bytes:
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return octets.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": lambda octets: bytes(pa.Codec("zstd").compress(octets)),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(name: str, octets: bytes, **declared: Any) -> Extract:
    Path(name).write_bytes(octets)
    return open_extract([name], declared=ReadingRules(**declared))


def rows(name: str, octets: bytes, **declared: Any) -> list[list[Any]]:
    with opened(name, octets, **declared) as extract:
        batches = list(extract.batches())
        assert [extract.reread(batch.position) for batch in batches[::-1]] == batches[::-1]
        return [row for batch in batches for row in rows_of(batch)]


def refusal(name: str, octets: bytes) -> str:
    with pytest.raises(ExtractError) as caught, opened(name, octets) as extract:
        list(extract.batches())
    assert "\n" not in caught.value.message
    return caught.value.message.removeprefix(f"{name}: ")


@pytest.mark.parametrize("suffix", PACKED)
def test_compressed_files_are_read_stream_behind_stream(suffix: str) -> None:
    pack = PACKED[suffix]
    assert rows(f"x.csv{suffix}", pack(BODY[:20_000]) + pack(BODY[20_000:])) == ROWS


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_encodings_and_containers_do_not_meet(suffix: str, encoding: str) -> None:
    assert rows(f"x.CSV{suffix}", PACKED[suffix]("a,b\n1,é\n".encode(encoding)), encoding=encoding) == [["1", "é"]]


def test_xz_may_be_padded() -> None:
    assert rows("x.csv.xz", lzma.compress(b"a,b\n1,2\n") + b"\0" * 8 + lzma.compress(b"3,4\n") + b"\0" * 4) == [
        ["1", "2"],
        ["3", "4"],
    ]


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["x.csv.zip", "x.zip"])
def test_an_archive_of_one_file_is_that_file(name: str, packed: int) -> None:
    assert rows(name, zipped(("in/x.csv", BODY), packed=packed)) == ROWS
    assert rows(name, zipped(("in/", b""), ("in/x.csv", BODY), ("__MACOSX/in/._x.csv", b"1"), packed=packed)) == ROWS


def test_a_folder_takes_them_all() -> None:
    for suffix, pack in PACKED.items():
        Path(f"{suffix[1:]}.csv{suffix}").write_bytes(pack(b"a\n1\n"))
    Path("zip.tsv.zip").write_bytes(zipped(("x.tsv", b"a\n1\n")))
    Path("other.zip").write_bytes(zipped(("x.tsv", b"a\n1\n")))
    with open_extract(["."]) as extract:
        assert [source.name for source in extract.sources] == [
            "bz2.csv.bz2", "gz.csv.gz", "xz.csv.xz", "zip.tsv.zip", "zst.csv.zst",
        ]  # fmt: skip
        assert [row for batch in extract.batches() for row in rows_of(batch)] == [["1"]] * 5


@pytest.mark.parametrize("suffix", [*PACKED, ".zip"])
def test_damaged_containers_are_named(suffix: str) -> None:
    body = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row * 7919 % 1000) for row in range(5_000))
    octets = zipped(("x.csv", body)) if suffix == ".zip" else PACKED[suffix](body)
    spoilt = octets[: len(octets) // 2] + bytes(8) + octets[len(octets) // 2 + 8 :]
    damaged = [octets[: len(octets) // 2], octets[:-1], octets[:3], b"not compressed"]
    damaged += [spoilt] if suffix != ".zst" else []  # its checksum is optional, and Arrow writes none
    damaged += [octets + b"garbage"] if suffix != ".zip" else []
    for each in damaged:
        assert refusal(f"x.csv{suffix}", each).startswith("the file is damaged or cut short, after ")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([], "is an archive of 0 files, not of one: unpack it"),
        ([("a.csv", b"a\n"), ("b.csv", b"a\n")], "is an archive of 2 files, not of one: unpack it"),
        ([("[Content_Types].xml", b""), ("xl/workbook.xml", b"")], "is an Excel workbook: export it as CSV"),
        ([("a.parquet", b"PAR1\x15\x04")], "is a Parquet file: let its name end in .parquet"),
        ([("a.csv", b"")], "the file is empty: it has no header"),
    ],
)
def test_an_archive_of_anything_else_is_refused(members: list[tuple[str, bytes]], told: str) -> None:
    assert refusal("x.zip", zipped(*members)) == told


def test_an_encrypted_archive_is_refused() -> None:
    octets = bytearray(zipped(("x.csv", b"a\n1\n")))
    octets[6] |= 1
    octets[octets.index(b"PK\x01\x02") + 8] |= 1
    assert refusal("x.zip", bytes(octets)) == "is an encrypted archive: decrypt it first"


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (bz2.compress(b"a\n"), "is compressed with bzip2: let its name end in .bz2"),
        (lzma.compress(b"a\n"), "is compressed with xz: let its name end in .xz"),
        (tarred(b"a\n1\n"), "is a tar archive: unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7-Zip archive: unpack it"),
        (b"Rar!\x1a\x07\x01\0", "is a RAR archive: unpack it"),
        (b"ORC\x08\x03", "is an ORC file: export it as Parquet or CSV"),
        (b"Obj\x01\x04", "is an Avro file: export it as Parquet or CSV"),
        (b"SQLite format 3\0", "is a SQLite database: export the table as CSV"),
        (b"%PDF-1.7\n", "is a PDF: export it as CSV"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA1\n", "is encrypted or signed with PGP: decrypt it first"),
        (b"ORA-01555: snapshot too old\n", "begins with an error message of a database: export it anew"),
        (b"Msg 208, Level 16, State 1\n", "begins with an error message of a database: export it anew"),
        (b'ERROR:  relation "x" does not exist\n', "begins with an error message of a database: export it anew"),
        (b"ERROR 1045 (28000): Access denied\n", "begins with an error message of a database: export it anew"),
    ],
)
def test_other_files_are_named_for_what_they_are(octets: bytes, told: str) -> None:
    assert refusal("x.csv", octets) == told


@pytest.mark.parametrize("suffix", PACKED)
def test_what_is_in_a_container_is_named_for_what_it_is(suffix: str) -> None:
    assert refusal(f"x.csv{suffix}", PACKED[suffix](tarred(b"a\n1\n"))) == "is a tar archive: unpack it"
    assert refusal(f"x{suffix}", PACKED[suffix](b"%PDF-1.7\n")) == "is a PDF: export it as CSV"
