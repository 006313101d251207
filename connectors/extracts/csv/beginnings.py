"""Files that are no CSV, known by their first bytes and named for what they are.

Owns what other files begin with, and what to do about each. Must not know how CSV is read.
"""

import codecs
import re
from contextlib import closing

from connectors.extracts.csv.stream import ByteStream, Encoding, encoding_of
from connectors.extracts.source_files import Source
from schemas.errors import ExtractError

_FOREIGN = {
    b"PAR1": "is a Parquet file: let its name end in .parquet",
    b"\x1f\x8b": "is compressed with gzip: let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: let its name end in .zst",
    b"BZh": "is compressed with bzip2: let its name end in .bz2",
    b"\xfd7zXZ\0": "is compressed with xz: let its name end in .xz",
    b"PK\x03\x04": "is a zip archive or an Excel workbook: let an archive's name end in .zip, export a workbook as CSV",
    b"PK\x05\x06": "is an empty zip archive",
    b"7z\xbc\xaf\x27\x1c": "is a 7-Zip archive: unpack it",
    b"Rar!\x1a\x07": "is a RAR archive: unpack it",
    b"\x04\x22\x4d\x18": "is compressed with LZ4: decompress it",
    b"\xff\x06\0\0sNaPpY": "is compressed with Snappy: decompress it",
    b"\x1f\x9d": "is compressed with compress: decompress it",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: export it as CSV",
    b"ARROW1": "is an Arrow file: export it as Parquet or CSV",
    b"FEA1": "is a Feather file: export it as Parquet or CSV",
    b"ORC": "is an ORC file: export it as Parquet or CSV",
    b"Obj\x01": "is an Avro file: export it as Parquet or CSV",
    b"SQLite format 3\0": "is a SQLite database: export the table as CSV",
    b"%PDF-": "is a PDF: export it as CSV",
    b"{\\rtf": "is a text of a word processor: export it as CSV",
    b'{"': "is JSON: export it as CSV or Parquet",
    b"[{": "is JSON: export it as CSV or Parquet",
    b"<!DOCTYPE": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<!doctype": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<html": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<?xml": "is XML: export it as CSV or Parquet",
    b"-----BEGIN PGP": "is encrypted or signed with PGP: decrypt it first",
}
_LETTERS = frozenset([b"PAR1", b"BZh", b"ARROW1", b"FEA1", b"ORC"])
"""Beginnings that a header may have as well: `ORCID,name`."""
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f]")
_TAR = slice(257, 262)
_MESSAGE = re.compile(rb"(?:ORA|SP2|TNS|PLS)-\d{4,5}:|Msg \d+, Level \d+|ERROR(?: \d{4} \([0-9A-Z]{5}\))?:|psql: ")
"""What command-line programs of databases write where an export was to be."""
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)


def beginning_of(source: Source, size: int = _TAR.stop) -> bytes:
    """The first bytes of a file, decompressed: by default as many as tell what it is."""
    with closing(ByteStream(source, encoding_of("latin-1"))) as stream:
        return stream.view(size)[0][:size]


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a file's byte order mark names, if it has one."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def check_beginning(name: str, head: bytes, encoding: Encoding) -> None:
    """Checks that a file begins as text of its encoding may.

    Args:
        name: the file's, for messages.
        head: its first bytes.
        encoding: what it is read as.

    Raises:
        ExtractError: the file is of another kind, or its byte order mark names another encoding.
    """
    for magic, advice in _FOREIGN.items():
        if head.startswith(magic) and (magic not in _LETTERS or _NO_TEXT.search(head)):
            raise ExtractError(f"{name}: {advice}")
    if head[_TAR] == b"ustar":
        raise ExtractError(f"{name}: is a tar archive: unpack it")
    if _MESSAGE.match(head.removeprefix(codecs.BOM_UTF8)):
        raise ExtractError(f"{name}: begins with an error message of a database: export it anew")
    mark = marked_encoding(head)
    if mark and not encoding.codec.startswith(mark):
        raise ExtractError(
            f"{name}: the file begins with the byte order mark of {mark}, "
            f"but is read as {encoding.declared}: pass the encoding {mark}"
        )
