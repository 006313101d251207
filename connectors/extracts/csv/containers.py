"""The bytes inside a compressed file or an archive of one file.

Owns how each container is opened, and what its damage looks like. Must not know what the bytes are.
"""

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

import pyarrow as pa

from connectors.extracts.source_files import Source
from schemas.errors import ExtractError

DAMAGE = (OSError, EOFError, pa.ArrowException, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""What reading a damaged container raises."""

_ARROWS = {".gz": "gzip", ".zst": "zstd"}
_BLOCK = 1 << 16
_ENCRYPTED = 1
"""The bit of a member's flags that says so."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes; none at the end."""


_Decompressor = bz2.BZ2Decompressor | lzma.LZMADecompressor


class _Streams:
    """Compressed streams one behind the other, as `bzip2` and `xz` write them; what follows them is damage."""

    def __init__(self, handle: Readable, begin: Callable[[], _Decompressor], padding: bytes) -> None:
        self._handle, self._begin, self._padding = handle, begin, padding
        self._stream = begin()

    def read(self, size: int, /) -> bytes:
        while True:
            data = b""
            if self._stream.eof:
                data = self._stream.unused_data.lstrip(self._padding) or self._handle.read(_BLOCK).lstrip(self._padding)
                if not data:
                    return b""
                self._stream = self._begin()
            elif self._stream.needs_input:
                data = self._handle.read(_BLOCK)
                if not data:
                    raise EOFError
            if found := self._stream.decompress(data, size):
                return found


def inside(source: Source, handle: BinaryIO) -> Readable:
    """What a file holds, decompressed.

    Raises:
        ExtractError: it is an archive of several files, or an encrypted one.
        OSError, EOFError, ...: see `DAMAGE`.
    """
    packed = source.compression
    if packed in _ARROWS:
        found: Readable = pa.CompressedInputStream(pa.PythonFile(handle, mode="r"), _ARROWS[packed])
        return found
    if packed == ".bz2":
        return _Streams(handle, bz2.BZ2Decompressor, b"")
    if packed == ".xz":
        return _Streams(handle, _xz, b"\0")
    return _only_member(source, handle) if packed == ".zip" else handle


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ)


def _only_member(source: Source, handle: BinaryIO) -> Readable:
    archive = zipfile.ZipFile(handle)
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise ExtractError(f"{source.name}: is an Excel workbook: export it as CSV")
    if len(members) != 1:
        raise ExtractError(f"{source.name}: is an archive of {len(members)} files, not of one: unpack it")
    if members[0].flag_bits & _ENCRYPTED:
        raise ExtractError(f"{source.name}: is an encrypted archive: decrypt it first")
    try:
        found: Readable = archive.open(members[0])
    except NotImplementedError:
        raise ExtractError(f"{source.name}: is compressed in a way that is not known here: pack it anew") from None
    return found
