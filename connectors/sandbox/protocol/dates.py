"""Date-times as LUSID accepts and returns them. Knows nothing of requests or entities.

Accepted: an ISO 8601 date, or a date and time with `Z` or an offset, up to seven decimals (support page KA-01839).
Returned: UTC, seven decimals, `+00:00`, never `Z`.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?(Z|[+-]\d\d:\d\d))?", re.ASCII)


@lru_cache(maxsize=8192)
def utc_text(text: str) -> str | None:
    """A date-time as LUSID returns it, or None when the text is in no form that LUSID documents.

    A date alone means midnight UTC. A time without an offset is refused, because it does not name an instant.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    day, minutes, seconds, fraction, offset = match.groups(default="")
    clock = f"{minutes or '00:00'}:{seconds or '00'}"
    zone = "+00:00" if offset in ("", "Z") else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction:0<7}+00:00"


def now_text() -> str:
    """The current time, as LUSID returns it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"
