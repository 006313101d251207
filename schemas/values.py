"""The types of single cells. Every cell arrives as text (or a list of texts from Parquet); '' is an absent one.

A decimal becomes the exact text of a JSON number and a time becomes the text LUSID itself writes, so that the
same fact read from CSV, Parquet or a data frame is the same bytes on the wire. Limits: docs/lusid.md.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

CODE_PATTERN = r"^[a-zA-Z0-9\-_]*$"
MANGLED = re.compile(r"^[+-]?\d(\.\d+)?[eE]\+\d+$|^\d+\.0$")
"""What a spreadsheet makes of a long identifier (1.23E+11), or a null-able number column (123.0)."""

_DECIMAL = re.compile(r"^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$")
_TIME = re.compile(
    r"^(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$",
    re.IGNORECASE,
)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_SIGNIFICANT_DIGITS = 28
_TICK_DIGITS = 7


def refuse(code: str, message: str) -> PydanticCustomError:
    """An error of one cell. `message` names the rule, never the cell's value."""
    return PydanticCustomError(code, message.replace("{", "{{").replace("}", "}}"))


def clean_key(text: str) -> str:
    """A key as we compare and send it: outer white space and invisible characters gone, NFC."""
    text = text.strip()
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE)).strip()


def identifier(text: object) -> str:
    """An identifier's value; refuses what a spreadsheet or a float column has mangled."""
    if not isinstance(text, str):
        raise refuse("NotText", "takes one value, not a list")
    text = clean_key(text)
    if not text.isalnum() and MANGLED.match(text):
        raise refuse(
            "MangledIdentifier",
            "looks mangled by a spreadsheet or a number column (digits may be lost): export it as text",
        )
    return text


def decimal(text: object) -> str:
    """The exact JSON number of a decimal: no exponent, no leading `+`, no trailing zeros.

    At most 28 significant digits: what LUSID's decimal type keeps.
    """
    if not isinstance(text, str):
        raise refuse("NotDecimal", "takes one decimal, not a list")
    text = text.strip()
    if not text:
        return ""
    match = _DECIMAL.match(text) if text.isascii() else None
    if match is None or text[-1] == "." or not (match[2] or match[3] or "0" in text):
        raise refuse("NotDecimal", _why_not_decimal(text))
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len((whole + fraction).lstrip("0")) > _SIGNIFICANT_DIGITS:
        raise refuse("TooManyDigits", f"has more than {_SIGNIFICANT_DIGITS} significant digits")
    number = f"{whole or '0'}.{fraction}" if fraction else whole or "0"
    return f"-{number}" if sign == "-" and number != "0" else number


def _why_not_decimal(text: str) -> str:
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return "is not a finite number"
    if re.match(r"^[+-]?\d+(\.\d+)?[eE][+-]?\d+$", text):
        return "is in scientific notation, which may have lost digits: write the number out"
    if "," in text or "(" in text or " " in text:
        return "is not a plain decimal such as 1234.50: declare `decimal` and `thousands` in the mapping"
    return "is not a decimal number such as 1234.50"


def lusid_time(moment: datetime, ticks: str) -> str:
    """A moment as LUSID writes it: UTC, seven decimals, +00:00."""
    text = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()
    return f"{text}.{ticks[:_TICK_DIGITS].ljust(_TICK_DIGITS, '0')}+00:00"


def time(text: Any) -> str:
    """A date or time in ISO 8601; a naive time needs a declared timezone, a date alone is midnight UTC.

    Digits finer than 100 ns are cut: LUSID keeps seven.
    """
    return _time(text, None)


def time_in(zone: tzinfo) -> Callable[[Any], str]:
    """`time`, with naive times taken as local times of `zone`."""

    def in_zone(text: Any) -> str:
        return _time(text, zone)

    return in_zone


def _time(text: Any, zone: tzinfo | None) -> str:
    if not isinstance(text, str):
        raise refuse("NotTime", "takes one time, not a list")
    text = text.strip()
    if not text:
        return ""
    match = _TIME.match(text)
    if match is None:
        raise refuse(
            "NotTime",
            "is not an ISO 8601 date or time such as 2026-11-20 or 2026-11-20T08:15:00Z: "
            "declare `format` in the mapping",
        )
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
        moment = midnight.replace(hour=int(hour or 0), minute=int(minute or 0), second=int(second or 0))
    except ValueError:
        raise refuse("NotTime", "is not a date or time that exists") from None
    return settle_zone(moment.replace(tzinfo=None), fraction or "", offset, zone, dated_only=hour is None)


def settle_zone(moment: datetime, ticks: str, offset: str | None, zone: tzinfo | None, *, dated_only: bool) -> str:
    """A naive moment made UTC by its own offset, by the declared zone, or, a date alone, by neither."""
    if dated_only:
        return lusid_time(moment.replace(tzinfo=UTC), "")
    if offset is not None:
        moment = moment.replace(tzinfo=_offset(offset))
    elif zone is None:
        raise refuse("NaiveTime", "has no offset: declare its `timezone` in the mapping")
    else:
        moment = _local(moment, zone)
    try:
        return lusid_time(moment, ticks)
    except OverflowError:
        raise refuse("NotTime", "is out of range in UTC") from None


def _offset(text: str) -> tzinfo:
    if text in "Zz":
        return UTC
    return datetime.strptime(text, "%z").tzinfo or UTC


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """The one instant a local time names; the clock change makes some name none, some two."""
    early, late = (moment.replace(tzinfo=zone, fold=f) for f in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    back = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if back != moment:
        raise refuse("NoSuchTime", "does not exist in its timezone: the clocks skip it")
    raise refuse("AmbiguousTime", "names two instants: the clocks run it twice; give an offset")


def dated(text_format: str, zone: tzinfo | None) -> Callable[[Any], str]:
    """A reader of times in the mapping's strptime format."""
    has_time = any(mark in text_format for mark in ("%H", "%I", "%c", "%X", "%T", "%R", "%s"))
    has_zone = "%z" in text_format

    def read(text: Any) -> str:
        if not isinstance(text, str):
            raise refuse("NotTime", "takes one time, not a list")
        text = text.strip()
        if not text:
            return ""
        try:
            moment = datetime.strptime(text, text_format)  # noqa: DTZ007  # settle_zone decides
        except ValueError:
            raise refuse("NotTime", f"does not follow the format {text_format}") from None
        ticks = f"{moment.microsecond:06d}"
        if has_zone and moment.tzinfo is not None:
            return lusid_time(moment, ticks)
        return settle_zone(moment, ticks, None, zone, dated_only=not has_time)

    return read


def label_set(cell: Any) -> list[str]:
    """A set of labels: `|` between items in CSV, a list in Parquet. Up to 250, unique, 1024 characters each."""
    items = cell if isinstance(cell, list) else cell.split("|") if cell else []
    items = [i.strip() for i in items]
    if not all(items):
        raise refuse("EmptyLabel", "has an empty item")
    if any("|" in i for i in items):
        raise refuse("BadLabel", "has an item with `|` in it, which stands between items in CSV")
    if len(set(items)) != len(items):
        raise refuse("RepeatedLabel", "repeats an item")
    if len(items) > 250:
        raise refuse("TooManyLabels", "has more than 250 items")
    if any(len(i) > 1024 for i in items):
        raise refuse("TooLong", "has an item of more than 1024 characters")
    return items


def choice(allowed: tuple[str, ...], hint: Callable[[str], str]) -> Callable[[str], str]:
    """One of a vocabulary, exactly as LUSID spells it; `hint` suggests the near one."""
    known = frozenset(allowed)

    def check(text: str) -> str:
        if text in known or not text:
            return text
        raise refuse("NotAllowed", f"is none of {', '.join(allowed)}{hint(text)}")

    return check


def text(low: int, high: int) -> Any:
    """Free text of `low` to `high` characters, kept as it is."""
    return Annotated[str, StringConstraints(min_length=low, max_length=high)]


Label = text(0, 1024)
Name = text(1, 512)
Description = text(0, 512)
Word = Annotated[str, StringConstraints(max_length=256, strip_whitespace=True)]
NeededWord = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True, pattern=CODE_PATTERN)]
NeededCode = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, pattern=CODE_PATTERN)]
Identifier = Annotated[str, BeforeValidator(identifier), StringConstraints(max_length=64)]
Instrument = Annotated[str, BeforeValidator(identifier), StringConstraints(max_length=256)]
Currency = Annotated[str, StringConstraints(max_length=3, strip_whitespace=True, pattern=r"^([A-Z]{3})?$")]
Unit = Annotated[str, StringConstraints(max_length=256, strip_whitespace=True)]
DecimalText = Annotated[str, BeforeValidator(decimal)]
TimeText = Annotated[str, BeforeValidator(time)]
Labels = Annotated[list[str], BeforeValidator(label_set)]


def needed(cell: Any) -> Any:
    """`cell` as a type that refuses an absent value."""
    return Annotated[cell, AfterValidator(_not_empty)]


def _not_empty(value: Any) -> Any:
    if value in ("", []):
        raise refuse("Missing", "is missing")
    return value
