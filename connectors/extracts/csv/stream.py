"""The bytes of a CSV file, made alike: decompressed, without byte order mark, ASCII-compatible, LF-terminated.

Owns compression, encodings and seeking. Must not know what a record or a cell is.

Records are cut from bytes, which needs an encoding whose line ends, quotes and delimiters are the ASCII bytes and
occur inside no other character. UTF-8 and the one-byte code pages are such; anything else (UTF-16, Shift-JIS, ...) is
decoded and encoded again as UTF-8 while it is read. In old-Mac files, whose lines end in CR, CR and LF change places.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import pyarrow as pa

from connectors.extracts.source_files import COMPRESSION, Source
from schemas.errors import ExtractError

SWAP_LINE_ENDS = bytes.maketrans(b"\r\n", b"\n\r")
"""CR and LF change places, in bytes; for text `str.translate` wants `SWAP_LINE_ENDS_TEXT`."""
SWAP_LINE_ENDS_TEXT = {0x0D: 0x0A, 0x0A: 0x0D}

_SKIP = 1 << 20

_FOREIGN_BEGINNINGS = {
    b"PAR1": "is a Parquet file: let its name end in .parquet",
    b"\x1f\x8b": "is compressed with gzip: let its name end in .gz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: let its name end in .zst",
    b"PK\x03\x04": "is a zip archive or an Excel workbook: export it as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: export it as CSV",
    b"ARROW1": "is an Arrow file: export it as Parquet or CSV",
    b'{"': "is JSON: export it as CSV or Parquet",
    b"[{": "is JSON: export it as CSV or Parquet",
    b"<!DOCTYPE": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<!doctype": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<html": "is a web page, perhaps of a sign-in: fetch it anew",
    b"<?xml": "is XML: export it as CSV or Parquet",
}
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes become text.

    Attributes:
        declared: the name as the user gave it.
        name: the codec of the bytes that `ByteStream` yields.
        codec: the codec of the file's own bytes.
    """

    declared: str
    name: str
    codec: str

    @property
    def transcoded(self) -> bool:
        """Whether the file's bytes are encoded anew while they are read."""
        return self.name != self.codec


def encoding_of(declared: str) -> Encoding:
    """Looks an encoding up by the name a user gave it.

    Raises:
        ExtractError: there is no such text encoding.
    """
    try:
        codec = codecs.lookup(declared).name
        codec = "utf-8" if codec == "utf-8-sig" else codec
        probe = bytes(range(256)).decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError) as error:
        raise ExtractError(
            f"unknown encoding {declared!r}: name one such as utf-8, cp1252, latin-1 or utf-16"
        ) from error
    ascii_first = probe[:128] == bytes(range(128)).decode("ascii")
    one_byte = len(probe) == 256 and ascii_first
    return Encoding(declared, codec if one_byte else "utf-8", codec)


_AS_IT_IS = Encoding("latin-1", "iso8859-1", "iso8859-1")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ByteStream:
    """A window that moves forward over a file's bytes.

    Attributes:
        offset: where the window begins, in bytes of the decompressed, transcoded file.
    """

    def __init__(self, source: Source, encoding: Encoding, *, swap_line_ends: bool = False) -> None:
        self._source = source
        self._encoding = encoding
        self._swap = swap_line_ends
        self._compression = COMPRESSION.get(source.compression)
        self._seekable = self._compression is None and not encoding.transcoded
        self._handle: BinaryIO | None = None
        self._read: Callable[[int], bytes] = bytes
        self._window = b""
        self.offset = 0

    def view(self, size: int) -> tuple[bytes, bool]:
        """The next bytes, without moving on.

        Args:
            size: how many bytes are wanted.

        Returns:
            Up to `size` bytes, and whether the file ends there because there were fewer. What it answers depends
            on the offset and the size only, never on what was viewed before.

        Raises:
            ExtractError: the file cannot be read, or its compressed data are damaged.
        """
        if self._handle is None:
            self._open()
        while len(self._window) < size and (block := self._fetch(size - len(self._window))):
            self._window = self._window + block if self._window else block
        return self._window[:size], len(self._window) < size

    def advance(self, size: int) -> None:
        """Moves on by bytes that were viewed."""
        self._window = self._window[size:]
        self.offset += size

    def skip_line(self) -> None:
        """Moves on behind the next line feed, or to the end of the file."""
        while True:
            block, ended = self.view(_SKIP)
            found = block.find(b"\n")
            self.advance(found + 1 if found >= 0 else len(block))
            if found >= 0 or ended:
                return

    def seek(self, offset: int) -> None:
        """Moves to an offset; backwards in a compressed or transcoded file means from the start again.

        Raises:
            ExtractError: the file cannot be read, or ends before the offset.
        """
        if offset < self.offset:
            self.close()
        if self._seekable and offset > self.offset + len(self._window):
            handle = self._handle or self._open()
            handle.seek(offset)
            self._window, self.offset = b"", offset
        while self.offset < offset:
            block, ended = self.view(min(_SKIP, offset - self.offset))
            self.advance(len(block))
            if ended:
                raise ExtractError(f"{self._source.name}: the file is shorter than it was")

    def close(self) -> None:
        """Closes the file; the next view starts at its beginning."""
        if self._handle is not None:
            self._handle.close()
        self._handle, self._window, self.offset = None, b"", 0

    def _open(self) -> BinaryIO:
        self._handle = handle = self._source.open()
        raw: _Readable = handle
        if self._compression is not None:
            raw = pa.CompressedInputStream(pa.PythonFile(handle, mode="r"), self._compression)
        self._read = raw.read
        if self._encoding.transcoded:
            self._read = _transcoder(raw.read, self._encoding.codec)
        return handle

    def _fetch(self, size: int) -> bytes:
        try:
            block = self._read(size)
        except (OSError, pa.ArrowException) as error:
            damage = "cannot be read" if self._compression is None else "is damaged or cut short"
            raise ExtractError(
                f"{self._source.name}: the file {damage}, "
                f"after {self.offset + len(self._window)} bytes of text: fetch it anew"
            ) from error
        return block.translate(SWAP_LINE_ENDS) if self._swap else block


def _transcoder(read: Callable[[int], bytes], codec: str) -> Callable[[int], bytes]:
    """Reads through a decoder; what it cannot decode becomes U+FFFD, which refuses its row later."""
    decoder = codecs.getincrementaldecoder(codec)("replace")

    def transcoded(size: int) -> bytes:
        while block := read(size):
            if text := decoder.decode(block):
                return text.encode("utf-8", "surrogatepass")
        return decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")

    return transcoded


def check_beginning(source: Source, encoding: Encoding) -> None:
    """Checks that a file begins as text of its encoding may.

    Raises:
        ExtractError: the file is of another kind, or its byte order mark names another encoding.
    """
    stream = ByteStream(source, _AS_IT_IS)
    head, _ = stream.view(max(map(len, _FOREIGN_BEGINNINGS)))
    stream.close()
    for magic, advice in _FOREIGN_BEGINNINGS.items():
        if head.startswith(magic):
            raise ExtractError(f"{source.name}: {advice}")
    mark = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if mark and not encoding.codec.startswith(mark):
        raise ExtractError(
            f"{source.name}: the file begins with the byte order mark of {mark}, "
            f"but is read as {encoding.declared}: pass the encoding {mark}"
        )
