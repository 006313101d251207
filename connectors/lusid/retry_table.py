"""What an attempt's outcome means: status or exception to action, and seconds to wait.

Pure: it decides and computes seconds; it sends nothing, sleeps nowhere and reads no clock. What is
not in the table means stop (docs/decisions/0005-one-retrying-layer.md). That LUSID's own 408, 429 and
503 refuse a request before any work is done on it, and that the other 5xx leave in doubt whether it
was applied, is this project's reading: LUSID documents neither.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from requests import exceptions as http

MAX_WAIT_SECONDS = 300.0
"""Longest wait that a Retry-After is granted: one that asks for a day must not hold the night."""

BACKOFF_BASE_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 30.0


class Action(Enum):
    """What follows an attempt."""

    ACCEPT = auto()
    """An answer to read."""
    AGAIN_NEVER_SENT = auto()
    """Nothing reached LUSID: send again."""
    WAIT_THROTTLED = auto()
    """Refused before any work: all senders wait, then send again."""
    BACK_OFF = auto()
    """Refused before any work, if LUSID says so itself: this sender waits, then sends again."""
    PERHAPS_APPLIED = auto()
    """The answer is lost: send again where that is harmless, else read back."""
    HALVE = auto()
    """Refused for its size: send it in two."""
    REFRESH_TOKEN = auto()
    """The token is refused: once more with a new one."""
    STOP = auto()
    """Nothing that repeating could cure."""
    REJECT = auto()
    """Refused for what it says: the request's keys are at fault."""


class ExchangeError(Exception):
    """An attempt that ended without a usable answer; its text says why, without a secret."""


class NotConnectedError(ExchangeError):
    """No connection was made, so nothing was sent."""


class UntrustedServerError(NotConnectedError):
    """The server's certificate does not verify: repeating cannot cure it."""


class AnswerLostError(ExchangeError):
    """The request was sent and what came back cannot be read as its answer."""


_BY_STATUS: Mapping[int, Action] = {
    401: Action.REFRESH_TOKEN,
    403: Action.STOP,
    407: Action.STOP,
    408: Action.BACK_OFF,
    413: Action.HALVE,
    429: Action.WAIT_THROTTLED,
    500: Action.PERHAPS_APPLIED,
    502: Action.PERHAPS_APPLIED,
    503: Action.BACK_OFF,
    504: Action.PERHAPS_APPLIED,
}

_BY_ERROR: Mapping[type[Exception], tuple[Action, str]] = {
    UntrustedServerError: (Action.STOP, ""),
    NotConnectedError: (Action.AGAIN_NEVER_SENT, ""),
    AnswerLostError: (Action.PERHAPS_APPLIED, ""),
    http.ConnectTimeout: (Action.AGAIN_NEVER_SENT, "no connection in time"),
    http.ProxyError: (Action.AGAIN_NEVER_SENT, "the proxy cannot be reached"),
    http.Timeout: (Action.PERHAPS_APPLIED, "no answer in time"),
    http.ConnectionError: (Action.PERHAPS_APPLIED, "the connection broke before the answer came"),
    http.ChunkedEncodingError: (Action.PERHAPS_APPLIED, "the answer was cut off"),
    http.ContentDecodingError: (Action.PERHAPS_APPLIED, "the answer does not decompress"),
}


def classify(outcome: int | Exception) -> Action:
    """The action for an HTTP status or for the exception of an attempt; unknown means STOP.

    An exception takes the rule of its most specific class: ConnectTimeout is also a ConnectionError
    and a Timeout, and only its own rule is right.
    """
    if isinstance(outcome, Exception):
        return _rule(outcome)[0]
    if outcome in _BY_STATUS:
        return _BY_STATUS[outcome]
    by_hundred = {2: Action.ACCEPT, 4: Action.REJECT}
    return by_hundred.get(outcome // 100, Action.STOP)


def describe(outcome: int | Exception) -> str:
    """The outcome in a few words; libraries' own texts carry URLs and header values, so none."""
    if isinstance(outcome, ExchangeError):
        return str(outcome)
    if isinstance(outcome, Exception):
        return _rule(outcome)[1]
    return f"answered {outcome}"


def is_lusid_problem(body: object) -> bool:
    """LUSID's problem details always have `name` and `code` (SDK: LusidProblemDetails); other servers' do not."""
    return isinstance(body, dict) and "name" in body and "code" in body


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Reads a Retry-After header, in seconds or as an HTTP date.

    Args:
        header: the header's text; None when there was none.
        now: the present, with a timezone.

    Returns:
        Seconds to wait, from 0 to MAX_WAIT_SECONDS; None when the header says nothing readable.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), MAX_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - now).total_seconds(), 0.0), MAX_WAIT_SECONDS)


def backoff_seconds(attempt: int, random: Callable[[], float]) -> float:
    """Seconds to back off: doubled with each attempt up to a cap, times a random fraction.

    Full jitter: senders that failed together must not come back together.

    Args:
        attempt: how many attempts have failed, from 1.
        random: gives a number from 0 up to 1.
    """
    return random() * min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(attempt - 1, 10))


def _rule(error: Exception) -> tuple[Action, str]:
    for kind in type(error).__mro__:
        if kind in _BY_ERROR:
            return _BY_ERROR[kind]
    return Action.STOP, f"an error nobody foresaw ({type(error).__name__})"
