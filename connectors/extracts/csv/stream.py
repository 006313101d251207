"""The bytes of a CSV file, made alike: decompressed, ASCII-compatible, LF-terminated, without the lines at its end.

Owns encodings and seeking. Must not know what a record or a cell is.

Records are cut from bytes, which needs an encoding whose line ends, quotes and delimiters are the ASCII bytes and
occur inside no other character. UTF-8 and the one-byte code pages are such; anything else (UTF-16, Shift-JIS, ...) is
decoded and encoded again as UTF-8 while it is read. In old-Mac files, whose lines end in CR, CR and LF change places.
"""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from connectors.extracts.csv.containers import DAMAGE, inside
from connectors.extracts.csv.footer import FooterCutter
from connectors.extracts.source_files import Source
from schemas.errors import ExtractError

SWAP_LINE_ENDS = bytes.maketrans(b"\r\n", b"\n\r")
"""CR and LF change places, in bytes; for text `str.translate` wants `SWAP_LINE_ENDS_TEXT`."""
SWAP_LINE_ENDS_TEXT = {0x0D: 0x0A, 0x0A: 0x0D}

_SKIP = 1 << 20


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


class ByteStream:
    """A window that moves forward over a file's bytes.

    Attributes:
        offset: where the window begins, in bytes of the decompressed, transcoded file.
    """

    def __init__(
        self, source: Source, encoding: Encoding, *, swap_line_ends: bool = False, footer_lines: int = 0
    ) -> None:
        """Opens nothing yet.

        Args:
            source: the file.
            encoding: of its bytes.
            swap_line_ends: whether its lines end in CR.
            footer_lines: lines at its end that are left out.
        """
        self._source = source
        self._encoding = encoding
        self._swap = swap_line_ends
        self._footer_lines = footer_lines
        self._seekable = not source.compression and not encoding.transcoded
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
            ExtractError: the file cannot be read, is in another encoding, or its compressed data are damaged.
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
            self._read = self._through(handle)
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
        try:
            self._read = self._through(handle)
        except DAMAGE as error:
            raise self._damaged() from error
        return handle

    def _through(self, handle: BinaryIO) -> Callable[[int], bytes]:
        """What reads a file's bytes from where its handle stands, made alike."""
        read = inside(self._source, handle).read
        if self._encoding.transcoded:
            read = _transcoder(read, self._encoding.codec)
        if self._swap:
            read = _swapper(read)
        return FooterCutter(read, self._footer_lines, self._source.name) if self._footer_lines else read

    def _fetch(self, size: int) -> bytes:
        try:
            return self._read(size)
        except UnicodeError as error:  # of codecs that need a byte order mark; all else is U+FFFD
            raise ExtractError(
                f"{self._source.name}: the file cannot be read as {self._encoding.declared}, which begins with a byte "
                "order mark: pass the encoding the file has, such as utf-8 or utf-16-le"
            ) from error
        except DAMAGE as error:
            raise self._damaged() from error

    def _damaged(self) -> ExtractError:
        damage = "is damaged or cut short" if self._source.compression else "cannot be read"
        read = self.offset + len(self._window)
        return ExtractError(f"{self._source.name}: the file {damage}, after {read} bytes of text: fetch it anew")


def _swapper(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Reads with CR and LF in each other's place."""
    return lambda size: read(size).translate(SWAP_LINE_ENDS)


def _transcoder(read: Callable[[int], bytes], codec: str) -> Callable[[int], bytes]:
    """Reads through a decoder; what it cannot decode becomes U+FFFD, which refuses its row later."""
    decoder = codecs.getincrementaldecoder(codec)("replace")

    def transcoded(size: int) -> bytes:
        while block := read(size):
            if text := decoder.decode(block):
                return text.encode("utf-8", "surrogatepass")
        return decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")

    return transcoded
