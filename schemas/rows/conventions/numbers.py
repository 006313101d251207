"""How decimals are written: the conventions that a mapping declares, none of which is ever guessed."""

import re
import unicodedata
from collections.abc import Callable, Collection
from typing import Literal

from schemas.rows.cells import decimal, refuse

Negative = Literal["trailing", "parentheses"]
"""How a negative number may be written, besides with a `-` before it: `50.00-`; `(50.00)`."""
STRIP = "strip"
"""In place of currency signs: any of them."""

_CODE = re.compile(r"[A-Z]{3}")


def decimal_reader(
    point: str = ".", thousands: str | None = None, negative: Collection[Negative] = (), signs: Collection[str] = ()
) -> Callable[[object], str]:
    """What reads a cell as a decimal; it raises ValueError for a cell that is no number.

    Args:
        point: the decimal separator.
        thousands: the separator between thousands.
        negative: how negative numbers may be written.
        signs: currency signs or codes that may stand before or behind a number, where `STRIP` stands for any.
    """
    whole = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+" if thousands else r"\d+"
    shape = re.compile(rf"([+-]?)((?:{whole})(?:{re.escape(point)}\d+)?)", re.ASCII)

    def read(cell: object) -> str:
        if not isinstance(cell, str) or not cell.strip():
            return decimal(cell)
        text, is_negative = _without_negative(cell.strip(), negative, signs)
        match = shape.fullmatch(text)
        if match is None or (is_negative and match[1]):
            raise refuse("NotDecimal", "is not a number in the form that the mapping declares")
        digits = match[2].replace(thousands, "") if thousands else match[2]
        return decimal(("-" if is_negative else match[1]) + digits.replace(point, "."))

    return read


def _without_negative(text: str, negative: Collection[Negative], signs: Collection[str]) -> tuple[str, bool]:
    """A number without its currency, and without what says that it is negative behind or around it."""
    is_negative = False
    for _ in range(2):  # the currency may stand inside what says that it is negative, or outside
        bare = _without_currency(text, signs)
        text, signs = bare, () if bare != text else signs
        if "parentheses" in negative and text[:1] == "(" and text[-1:] == ")" and not is_negative:
            text, is_negative = text[1:-1].strip(), True
        elif "trailing" in negative and text[-1:] == "-" and not is_negative:
            text, is_negative = text[:-1].strip(), True
    return text, is_negative


def _without_currency(text: str, signs: Collection[str]) -> str:
    """A number without the currency before or behind it; a leading sign stays."""
    if not signs:
        return text
    sign, rest = (text[0], text[1:].lstrip()) if text[:1] in {"+", "-"} else ("", text)
    for size in range(min(4, len(rest) - 1), 0, -1):
        if _is_currency(rest[:size], signs):
            return sign + rest[size:].strip()
        if _is_currency(rest[-size:], signs):
            return sign + rest[:-size].strip()
    return text


def _is_currency(text: str, signs: Collection[str]) -> bool:
    if STRIP in signs:
        return bool(_CODE.fullmatch(text)) or (len(text) == 1 and unicodedata.category(text) == "Sc")
    return text in signs
