"""The retry table: what follows a status or an exception, how many seconds to wait, and the error of giving up.

Pure functions: they send nothing, do not sleep and read no clock. A 2xx that is not in the table is an acceptance, a
4xx a refusal; anything else means stop (docs/decisions/0005-one-retrying-layer.md). That LUSID's own 408, 429 and 503
refuse a call before any work is done on it, and that the other 5xx leave in doubt whether it was applied, is this
project's reading: LUSID documents neither.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from requests import exceptions as http
from urllib3.exceptions import HTTPError

from schemas.errors import LoadError, NeverSentError, PerhapsAppliedError, ThrottledError, UnreachableError

MAX_WAIT_SECONDS = 300.0
"""Longest wait granted to a Retry-After: one that asks for a day must not hold up the night."""

_EPOCH_SECONDS = 1e9
"""More seconds than any window has: such a number is a moment."""

FEW_CALLS_LEFT = 64
"""Calls in a rate limit's window from which on the rest of it is shared out: as many may be in flight."""

MOST_SHARED_SECONDS = 60.0
"""Longest wait for a rate limit that has not refused anything; one that does says so with 429."""

PROXY_SIGN_IN = "The proxy requires a sign-in (407): check FBN_PROXY_USERNAME and FBN_PROXY_PASSWORD"

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
    """Refused before any work, if LUSID itself says so: this sender waits, then sends again."""
    PERHAPS_APPLIED = auto()
    """The answer is lost: send again where that is harmless, otherwise read back."""
    HALVE = auto()
    """Refused for its size: send it in two halves."""
    REFRESH_TOKEN = auto()
    """The token is refused: try once more with a new one."""
    STOP = auto()
    """A failure that retries cannot cure."""
    REJECT = auto()
    """Refused for its content: the keys in it are at fault."""


AWAY = frozenset({429, 502, 503, 504})
"""Statuses of a server that is there, but takes no calls for now."""

REPEATED = frozenset({Action.AGAIN_NEVER_SENT, Action.WAIT_THROTTLED, Action.BACK_OFF, Action.PERHAPS_APPLIED})
"""Actions after which the same call may be sent again; any other response is final."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that brought no final response.

    Attributes:
        retry_after: seconds that the answer asks to wait; None where it says nothing.
        unexpected: whether the table does not know why, so that the call may have been sent.
        request_id: LUSID's id for the call, where the answer's head came.
        away: whether a server answered that it takes no calls for now.
    """

    action: Action
    reason: str
    retry_after: float | None = None
    unexpected: bool = False
    request_id: str | None = None
    away: bool = False


class ExchangeError(Exception):
    """An attempt that ended without a usable answer; its text says why and holds no secret."""


class NotConnectedError(ExchangeError):
    """No connection was made, so nothing was sent."""


class UntrustedServerError(NotConnectedError):
    """The server's certificate does not verify, which retries cannot cure."""


class ProxySignInError(NotConnectedError):
    """The proxy wants a sign-in before it connects us, which retries cannot cure."""


class AnswerLostError(ExchangeError):
    """The call was sent, and what came back cannot be read as its answer.

    Attributes:
        request_id: LUSID's id for the call, where the answer's head came.
    """

    def __init__(self, reason: str, request_id: str | None = None) -> None:
        super().__init__(reason)
        self.request_id = request_id


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
    ProxySignInError: (Action.STOP, ""),
    NotConnectedError: (Action.AGAIN_NEVER_SENT, ""),
    AnswerLostError: (Action.PERHAPS_APPLIED, ""),
    http.ConnectTimeout: (Action.AGAIN_NEVER_SENT, "no connection in time"),
    http.ProxyError: (Action.AGAIN_NEVER_SENT, "the proxy cannot be reached"),
    http.Timeout: (Action.PERHAPS_APPLIED, "no answer in time"),
    http.ConnectionError: (Action.PERHAPS_APPLIED, "the connection broke before the answer came"),
    http.ChunkedEncodingError: (Action.PERHAPS_APPLIED, "the answer was cut off"),
    http.ContentDecodingError: (Action.PERHAPS_APPLIED, "the answer cannot be decompressed"),
    HTTPError: (Action.PERHAPS_APPLIED, "the answer is not HTTP"),
}


def classify(result: int | Exception) -> Action:
    """The action for the HTTP status or the exception of an attempt; an unknown one means STOP.

    An exception takes the rule of its most specific class: ConnectTimeout is also a ConnectionError and a Timeout, and
    only its own rule is right.
    """
    if isinstance(result, Exception):
        return _rule(result)[0]
    if result in _BY_STATUS:
        return _BY_STATUS[result]
    by_hundred = {2: Action.ACCEPT, 4: Action.REJECT}
    return by_hundred.get(result // 100, Action.STOP)


def describe(result: int | Exception) -> str:
    """The status or exception in a few words of our own: the libraries' texts carry URLs and header values."""
    if isinstance(result, ExchangeError):
        return str(result)
    if isinstance(result, Exception):
        return _rule(result)[1]
    return f"answered {result}"


def is_lusid_problem(body: object) -> bool:
    """Whether these are LUSID's problem details: they always have `name` and `code` (SDK: LusidProblemDetails)."""
    return isinstance(body, dict) and "name" in body and "code" in body


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Reads a Retry-After header, in seconds or as an HTTP date (RFC 9110, 10.2.3).

    Args:
        header: the header's text; None when there was none.
        now: the present, with a timezone.

    Returns:
        Seconds to wait, from 0 to MAX_WAIT_SECONDS; None when the header cannot be read.
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


def rate_limit_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that all senders should wait before a rate limit would refuse them; 0 while there are calls enough.

    What is left of the limit's window is shared out among the calls that are left in it.

    Args:
        headers: of an answer; `X-Rate-Limit-Remaining` counts calls, `X-Rate-Limit-Reset` is an ISO 8601 moment, or a
            number of seconds from now or of the Unix epoch. Neither is documented (docs/lusid.md).
        now: the present, with a timezone; used where the answer has no Date.
    """
    remaining, reset = headers.get("X-Rate-Limit-Remaining"), headers.get("X-Rate-Limit-Reset")
    if remaining is None or reset is None or not re.fullmatch(r"[0-9]{1,9}", remaining.strip()):
        return 0.0
    calls = int(remaining)
    if calls >= FEW_CALLS_LEFT:
        return 0.0
    return min(max(_seconds_until(reset.strip(), _date_of(headers) or now), 0.0) / (calls + 1), MOST_SHARED_SECONDS)


def _seconds_until(reset: str, now: datetime) -> float:
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", reset):
        seconds = float(reset)
        return seconds - now.timestamp() if seconds > _EPOCH_SECONDS else seconds
    try:
        moment = datetime.fromisoformat(reset)
    except ValueError:
        return 0.0
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's own clock, as far as its answer tells it."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backoff_seconds(attempt: int, random: Callable[[], float]) -> float:
    """Seconds to back off: they double with each attempt up to a cap, times a random fraction (full jitter).

    The jitter keeps senders that failed together from coming back together.

    Args:
        attempt: how many attempts have failed, at least 1.
        random: gives a number from 0 up to 1.
    """
    return random() * min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2.0 ** min(attempt - 1, 10))


def final_error(failure: Failure, message: str, *, in_doubt: bool) -> LoadError:
    """The error for a call that is given up.

    Args:
        failure: of its last attempt.
        message: what the error says.
        in_doubt: whether any attempt may have been applied.
    """
    if in_doubt:
        return PerhapsAppliedError(message, failure.request_id)
    if failure.action is Action.AGAIN_NEVER_SENT:
        return NeverSentError(message)
    if failure.action in REPEATED:
        return ThrottledError(message, failure.retry_after)
    return UnreachableError(message, perhaps_applied=failure.unexpected)


def _rule(error: Exception) -> tuple[Action, str]:
    for kind in type(error).__mro__:
        if kind in _BY_ERROR:
            return _BY_ERROR[kind]
    return Action.STOP, f"unexpected error ({type(error).__name__})"
