"""Control characters: no text of an extract has them, but where it was read or converted in the wrong encoding.

Owns which characters these are, how they are found at once in much text, and the encoding that explains them. Must not
know files, columns or formats.
"""

import re

import numpy as np

CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""C0 but tab and line ends, DEL, and C1. NUL has a fault of its own."""

_HIGH = re.compile(r"[\x80-\x9f]")
_HIGH_UTF_8 = re.compile(rb"\xc2[\x80-\x9f]")
_SPACE = 0x20
_ALLOWED = (0x09, 0x0A, 0x0D)
_DELETE = b"\x7f"


def has_control(octets: bytes, encoding: str = "utf-8") -> bool:
    """Whether text, as bytes of UTF-8 or of a one-byte encoding, holds a control character."""
    found = np.frombuffer(octets, np.uint8)
    low = np.count_nonzero(found < _SPACE)  # four such passes cost less than one search for the characters
    if low > sum(np.count_nonzero(found == mark) for mark in _ALLOWED) or _DELETE in octets:
        return True
    if encoding == "utf-8":
        return b"\xc2" in octets and _HIGH_UTF_8.search(octets) is not None
    return not octets.isascii() and _HIGH.search(octets.decode(encoding, "replace")) is not None


def likely_encoding(text: str, read_as: str) -> str:
    """The encoding in which a text that was read with control characters has none; empty if none is known."""
    if not _HIGH.search(text):
        return ""
    for name in ("utf-8", "cp1252"):
        try:
            found = text.encode("latin-1" if read_as == "utf-8" else read_as).decode(name)
        except UnicodeError:
            continue
        if not CONTROL.search(found):
            return name
    return ""
