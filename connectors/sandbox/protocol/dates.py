"""Date-times as LUSID takes and returns them. Knows nothing of requests or entities.

In: ISO 8601 date, or date and time with `Z` or an offset, up to seven decimals (support page
KA-01839). Out: UTC, seven decimals, `+00:00`, never `Z`.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?(Z|[+-]\d\d:\d\d))?", re.ASCII)


@lru_cache(maxsize=8192)
def utc_text(text: str) -> str | None:
    """`text` as LUSID returns it, or None when it is not a date-time LUSID documents.

    A date alone is its midnight in UTC. A time without an offset is refused: it does not say when
    it is.
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
    """This moment, as LUSID returns it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}0+00:00"
