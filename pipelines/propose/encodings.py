"""Which encoding a CSV file may be in, as far as its bytes tell.

A byte order mark and UTF-8 prove themselves; of one-byte encodings nothing proves one, so that all are named which
would make letters of these bytes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.extracts.csv.beginnings import beginning_of, marked_encoding
from connectors.extracts.source_files import Source

_LOOKED_AT = 1 << 22
"""Bytes at the start of a file."""
_ONE_BYTE = ("cp1252", "iso-8859-15", "cp1250", "cp850")
_LIKELY = frozenset({"Ll", "Lu", "Lo", "Pd", "Pi", "Pf", "Po", "Sc", "So", "Zs"})
"""Kinds of characters that texts are made of, besides those of ASCII."""


@dataclass(frozen=True)
class Encodings:
    """What a file may be in.

    Attributes:
        likely: the encodings, the first of them for reading on.
        certain: whether the first is proved.
        lines: lines with bytes that are no ASCII, where nothing is proved.
    """

    likely: Sequence[str]
    certain: bool
    lines: int = 0


def encodings_of(source: Source) -> Encodings:
    """Looks at the beginning of a CSV file.

    Raises:
        ExtractError: it cannot be read.
    """
    head = beginning_of(source, _LOOKED_AT)
    if mark := marked_encoding(head):
        return Encodings([mark], certain=True)
    if _is_utf8(head):
        return Encodings(["utf-8"], certain=True)
    lines = sum(not line.isascii() for line in head.splitlines())
    likely = [name for name in _ONE_BYTE if _makes_letters(head, name)]
    return Encodings(likely or ["latin-1"], certain=False, lines=lines)


def _is_utf8(head: bytes) -> bool:
    """Whether bytes are UTF-8, the last character cut off or not."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == _LOOKED_AT and error.start > len(head) - 4
    return True


def _makes_letters(head: bytes, encoding: str) -> bool:
    try:
        text = bytes(sorted(set(head))).decode(encoding)
    except UnicodeDecodeError:
        return False
    return all(letter.isascii() or unicodedata.category(letter) in _LIKELY for letter in text)
