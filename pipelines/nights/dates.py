"""Dated folders: which folder a business date has, and which dates of a range are loaded."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from schemas.errors import ConfigError

MOST_NAMED = 10
"""Missing folders that a message lists."""

_FIELD = "{date"


def is_dated(pattern: str) -> bool:
    """Whether a folder's name stands for those of many dates."""
    return _FIELD in pattern


def folder_of(pattern: str, day: date) -> Path:
    """The folder of a date.

    Raises:
        ConfigError: the pattern does not hold the date.
    """
    another = day - timedelta(days=1) if day > date.min else day + timedelta(days=1)
    try:
        folder = pattern.format(date=day)
        other = pattern.format(date=another)
    except (LookupError, ValueError, AttributeError):
        folder = other = ""
    if folder == other:
        raise ConfigError(f"{pattern}: the pattern must hold the date, as in /extracts/{{date:%Y%m%d}}")
    return Path(folder)


def fixed_part(pattern: str) -> Path:
    """The folder that the dated folders of a pattern stand in."""
    return Path(pattern[: pattern.index(_FIELD)] + "x").parent


def bears_date(name: str, day: date) -> bool:
    """Whether a folder's name is one of many dates: it holds this date, or nothing but digits and marks."""
    digits = "".join(filter(str.isdigit, name))
    return bool(digits) and (f"{day:%Y%m%d}" in digits or not any(map(str.isalpha, name)))


def dated_folders(
    folder_pattern: str, first: date, last: date, closed: Callable[[date], str | None]
) -> list[tuple[date, Path]]:
    """The dates to load and their folders, in order.

    Args:
        folder_pattern: where a date's extracts are, such as `/extracts/{date:%Y%m%d}`.
        first, last: both included.
        closed: says why nothing is expected on a date; None where something is.

    Raises:
        ConfigError: the pattern or the range is wrong, or business dates have no folder.
    """
    if first > last:
        raise ConfigError(f"the range of dates is empty: {first} is after {last}")
    found, missing = [], []
    for day in _days(first, last):
        folder = folder_of(folder_pattern, day)
        if folder.is_dir():
            found.append((day, folder))
        elif not closed(day):
            missing.append(str(folder))
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise ConfigError(f"business dates without a folder: {', '.join(missing[:MOST_NAMED])}{more}")
    if not found:
        raise ConfigError(f"from {first} to {last} there is no business date and no folder")
    return found


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
