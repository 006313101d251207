"""Dates and times: what a cell may say, and the one text LUSID itself writes for it.

A date alone is midnight UTC and never meets a timezone; a time needs an offset, its own or a declared zone's.
Sources: docs/lusid.md. Nothing here knows columns or rows.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from datetime import time as clock_time
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from schemas.rows.cells import refuse

Midnight = Literal["date", "local"]
"""What a midnight without an offset is, a date alone included: midnight UTC, or midnight in the declared zone."""

UTC_NAMES = frozenset({"UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich"})
UTC_NAMES |= {f"Etc/{name}" for name in UTC_NAMES}
"""Timezones in which midnight is midnight UTC, always."""

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*"
    r"((?:Z|[+-]00:?00)(?:\[(?:UTC|GMT|Z)\])?|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE | re.ASCII,
)
"""ISO 8601 as databases, languages and people write it: `UTC`, `+00` and `Z[UTC]` are offsets, too."""
_TICK_DIGITS = 7
_FINER = re.compile(r"[.,]\d{7}\d*[1-9]|-?\d{16,18}(?:[1-9]\d|0[1-9])\s*$", re.ASCII | re.MULTILINE)
"""Digits behind 100 ns: of a fraction, or of nanoseconds since 1970."""
_FINER_FRACTION = re.compile(rb"[.,]\d{7}\d*[1-9]")
_SHORTEST_FINER = 18
_MIDNIGHT = "T00:00:00.0000000+00:00"
_AT_MIDNIGHT = clock_time()
_WIDEST_OFFSET = timedelta(hours=14)
_DAYS_OF_A_LIFE = 1 << 15
"""Dates repeat: what was read of so many different ones is remembered."""


def lusid_time(moment: datetime, ticks: str) -> str:
    """A moment as LUSID writes it: UTC, seven decimals, +00:00."""
    try:
        text = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()
    except OverflowError:
        raise refuse("NotTime", "is out of range in UTC") from None
    return f"{text}.{ticks[:_TICK_DIGITS].ljust(_TICK_DIGITS, '0')}+00:00"


def time(text: Any) -> str:
    """A date or time in ISO 8601; a naive time needs a declared timezone, a date alone is midnight UTC.

    Digits finer than 100 ns are cut: LUSID keeps seven.
    """
    return _time(text, None, None)


def time_in(zone: tzinfo | None, midnight: Midnight | None = None) -> Callable[[Any], str]:
    """`time`, with naive times taken as local times of `zone`, and midnights as what they are declared to be."""

    def in_zone(text: Any) -> str:
        return _time(text, zone, midnight)

    return in_zone


def _time(text: Any, zone: tzinfo | None, midnight: Midnight | None) -> str:
    if not isinstance(text, str):
        raise refuse("NotTime", "takes one time, not a list")
    text = text.strip()
    return _settled(text, zone, midnight) if text else ""


@lru_cache(maxsize=_DAYS_OF_A_LIFE)
def _settled(text: str, zone: tzinfo | None, midnight: Midnight | None) -> str:
    match = TIME.fullmatch(text)
    if match is None:
        raise refuse(
            "NotTime",
            "is not an ISO 8601 date or time such as 2026-11-20 or 2026-11-20T08:15:00Z: "
            "declare `format` in the mapping",
        )
    try:
        moment, ticks, own_zone = iso_parts(match)
    except ValueError as error:
        if isinstance(error, PydanticCustomError):
            raise
        raise refuse("NotTime", "is not a date or time that exists") from None
    if match[4] is None:
        return settle_date(moment, zone, midnight)
    return settle_zone(moment, ticks, own_zone, zone, midnight)


def iso_parts(match: re.Match[str]) -> tuple[datetime, str, tzinfo | None]:
    """The moment to the second, the digits of its fraction, and its own zone; raises ValueError for what is none."""
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    clock = (int(hour or 0), int(minute or 0), int(second or 0))
    moment = datetime(int(year), int(month), int(day), *clock)  # noqa: DTZ001  # settle_zone decides
    return moment, fraction or "", offset_of(offset) if offset else None


def settle_date(date: datetime, zone: tzinfo | None, midnight: Midnight | None) -> str:
    """A date alone made an instant: midnight UTC, unless a midnight is declared to be local."""
    if midnight == "local":
        return settle_zone(date, "", None, zone, midnight)
    return f"{date.date().isoformat()}{_MIDNIGHT}"


def settle_zone(
    moment: datetime, ticks: str, own: tzinfo | None, zone: tzinfo | None, midnight: Midnight | None
) -> str:
    """A naive moment made UTC by its own zone, or by the declared one.

    Args:
        moment: to the second.
        ticks: the digits of its fraction.
        own: the zone that stands with it.
        zone: the declared one.
        midnight: what a midnight is.
    """
    if own is not None:
        moment = moment.replace(tzinfo=own)
    elif midnight == "date" and moment.time() == _AT_MIDNIGHT and not ticks.strip("0"):
        return settle_date(moment, zone, midnight)
    elif zone is None:
        raise refuse("NaiveTime", "has no offset: declare its `timezone` in the mapping")
    else:
        moment = _local(moment, zone)
    return lusid_time(moment, ticks)


def finer_in(cells: Collection[Any]) -> int:
    """How many cells of a column say more of a second than LUSID keeps; costs little where none does."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if _FINER.search("\n".join(texts)) is None:
        return 0
    return sum(_FINER.search(text) is not None for text in texts)


def may_be_finer(together: bytes, longest: int) -> bool:
    """Whether one of the cells that stand together may, of which the longest has so many bytes."""
    if longest < _SHORTEST_FINER:
        return False
    has_fractions = b"." in together or b"," in together  # the search takes a hundred times as long
    return b":" not in together or (has_fractions and _FINER_FRACTION.search(together) is not None)


def offset_of(text: str) -> tzinfo:
    """The zone of an offset such as `Z`, `UTC`, `+01`, `+01:00`, `Z[UTC]`."""
    if text[0].isalpha() or "[" in text:
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > _WIDEST_OFFSET:
        raise refuse("NotTime", "has an offset that no timezone has")
    return timezone(-offset if text[0] == "-" else offset)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    """The one instant a local time names; the clock change makes some name none, some two."""
    early, late = (moment.replace(tzinfo=zone, fold=f) for f in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    back = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if back != moment:
        raise refuse("NoSuchTime", "does not exist in its timezone: the clocks skip it")
    raise refuse("AmbiguousTime", "names two instants: the clocks run it twice; give an offset")


TimeText = Annotated[str, BeforeValidator(time)]
