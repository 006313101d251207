"""Business dates, as they are written and as they follow from a clock; names of feeds, and numbers of days."""

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Final

FEED_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""A feed's name is that of a folder."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DAYS = re.compile(r"([1-9]\d{0,3})d")


def feed_name(text: str) -> str:
    """A feed's name; raises ValueError for what cannot be one."""
    if not re.fullmatch(FEED_NAME, text):
        raise ValueError("is no name of a feed")
    return text


def business_date(text: str) -> date:
    """The date that is written `YYYY-MM-DD`; raises ValueError for anything else."""
    if not _DATE.fullmatch(text):
        raise ValueError("is no date")
    return date.fromisoformat(text)


def days(text: str) -> int:
    """The number of days that is written `7d`; raises ValueError for anything else."""
    found = _DAYS.fullmatch(text)
    if found is None:
        raise ValueError("is no number of days")
    return int(found[1])


def zone(name: str) -> tzinfo:
    """The timezone of a name such as Europe/London; raises ValueError where there is none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError("is no timezone") from None


def today(timezone: str | None) -> date:
    """The date that it is now in a timezone, by default UTC."""
    return datetime.now(zone(timezone) if timezone else UTC).date()
