"""How old runs are, as flags say it: an age such as 90d or 12h, or the date since when."""

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import ConfigError

_AGE = re.compile(r"(\d{1,5})([dh])")


def moment_ago(age: str) -> datetime | None:
    """The moment that is as long ago as `90d` or `12h` says; None for another text."""
    match = _AGE.fullmatch(age)
    if match is None:
        return None
    return datetime.now(UTC) - timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})


def moment_since(text: str) -> datetime:
    """The moment that --since names: an age, or a date or time, which is UTC where it has no offset.

    Raises:
        ConfigError: it is neither.
    """
    if (ago := moment_ago(text)) is not None:
        return ago
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigError(f"--since takes a date such as 2026-11-20, or an age such as 7d or 12h, not {text}") from None
