"""What a spreadsheet makes of a cell by itself: whether a text may be another one that was only opened and saved.

Excel and its like take what looks like a number or a date for one, keep 15 digits, write it in the notation of their
country, and save what their code page lacks as `?`. Knows no file and no column.
"""

import re
import unicodedata
from decimal import Context, Decimal, InvalidOperation

from connectors.extracts.saved_report import ONE_BYTE

_DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number."""

_MOST_CHARACTERS = 32_767
_DATE = re.compile(r"\d{1,4}([-/. ])\d{1,2}\1\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?(?: ?[AP]M)?)?", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?")
_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*|\d*)(?:\.\d*)?(?:E[+-]?\d+)?", re.IGNORECASE)
_ERRORS = frozenset({"#NAME?", "#VALUE!", "#REF!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!"})
_FORMULA = ("=", "+", "-", "@")


def is_made_by_spreadsheet(was: str, now: str) -> bool:
    """Whether a spreadsheet may have made one text of the other without anybody's doing."""
    if was == now:
        return False
    return (
        _same_letters(was, now)
        or _same_number(was, now)
        or _same_date(was, now)
        or (was.startswith(_FORMULA) and now in _ERRORS)
        or (was.lower() in ("true", "false") and now.lower() == was.lower())
    )


def _same_letters(was: str, now: str) -> bool:
    """Line ends, white space around, a length that is cut, and letters that a code page lacks."""
    plain = was.replace("\r\n", "\n").replace("\r", "\n")
    text = now.replace("\r\n", "\n").replace("\r", "\n")
    if text in (plain, plain.strip(), plain[:_MOST_CHARACTERS]):
        return True
    if unicodedata.normalize("NFC", plain) == unicodedata.normalize("NFC", text):
        return True
    if text == plain.encode("ascii", "replace").decode():
        return True
    return any(text == plain.encode(page, "replace").decode(page) for page in ONE_BYTE)


def _same_number(was: str, now: str) -> bool:
    """Zeros in front and behind, a sign, separators, an exponent, and what is beyond 15 digits."""
    first, second = _number(was), _number(now)
    if first is None or second is None:
        return False
    if first == second:
        return True
    if "E" in now.upper():  # as it is shown: rounded to the digits that stand there
        digits = len(second.as_tuple().digits)
        return Context(prec=digits).plus(first) == second
    return Context(prec=_DIGITS, rounding="ROUND_DOWN").plus(first) == second


def _number(text: str) -> Decimal | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text) or not any(map(str.isdigit, text)):
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _same_date(was: str, now: str) -> bool:
    """A date, with a time or without, in the notation of a country."""
    whole = _ISO.fullmatch(was.strip())
    if whole is None or not _DATE.fullmatch(now.strip()):
        return False
    year, month, day, *clock = whole.groups()
    there = [int(each) for each in re.findall(r"\d+", now)]
    wanted = sorted([int(month), int(day)])
    if not any(sorted(there[:3]) == sorted([each, *wanted]) for each in (int(year), int(year) % 100)):
        return False
    hours, minutes, seconds = (int(each or 0) for each in clock)
    if now.strip().upper().endswith("PM") and there[3] < 12:
        there[3] += 12
    told = [*there[3:], 0, 0, 0][:3]
    return told == [hours, minutes, seconds] or told == [hours, minutes, 0] or (not there[3:] and hours == 0 == minutes)
