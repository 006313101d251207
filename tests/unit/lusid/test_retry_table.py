from datetime import UTC, datetime, timedelta, timezone

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from connectors.lusid.retry_table import (
    BACKOFF_CAP_SECONDS,
    MAX_WAIT_SECONDS,
    MOST_SHARED_SECONDS,
    Action,
    AnswerLostError,
    NotConnectedError,
    UntrustedServerError,
    backoff_seconds,
    classify,
    describe,
    rate_limit_seconds,
    retry_after_seconds,
)

NOW = datetime(2026, 3, 1, 3, 0, 0, tzinfo=UTC)

BY_STATUS = {
    200: Action.ACCEPT,
    201: Action.ACCEPT,
    204: Action.ACCEPT,
    301: Action.STOP,
    307: Action.STOP,
    400: Action.REJECT,
    401: Action.REFRESH_TOKEN,
    403: Action.STOP,
    404: Action.REJECT,
    407: Action.STOP,
    408: Action.BACK_OFF,
    409: Action.REJECT,
    413: Action.HALVE,
    422: Action.REJECT,
    429: Action.WAIT_THROTTLED,
    500: Action.PERHAPS_APPLIED,
    501: Action.STOP,
    502: Action.PERHAPS_APPLIED,
    503: Action.BACK_OFF,
    504: Action.PERHAPS_APPLIED,
    520: Action.STOP,
    600: Action.STOP,
    99: Action.STOP,
}

BY_ERROR = [
    (requests.ConnectTimeout(), Action.AGAIN_NEVER_SENT, "no connection in time"),
    (requests.exceptions.ProxyError(), Action.AGAIN_NEVER_SENT, "the proxy cannot be reached"),
    (requests.ReadTimeout(), Action.PERHAPS_APPLIED, "no answer in time"),
    (
        requests.ConnectionError("https://user:pw@host"),
        Action.PERHAPS_APPLIED,
        "the connection broke before the answer came",
    ),
    (
        requests.exceptions.SSLError(),
        Action.PERHAPS_APPLIED,
        "the connection broke before the answer came",
    ),
    (
        requests.exceptions.ChunkedEncodingError(),
        Action.PERHAPS_APPLIED,
        "the answer was cut off",
    ),
    (
        requests.exceptions.ContentDecodingError(),
        Action.PERHAPS_APPLIED,
        "the answer cannot be decompressed",
    ),
    (AnswerLostError("too large"), Action.PERHAPS_APPLIED, "too large"),
    (NotConnectedError("refused"), Action.AGAIN_NEVER_SENT, "refused"),
    (UntrustedServerError("not trusted"), Action.STOP, "not trusted"),
    (
        requests.exceptions.InvalidHeader("Bearer x"),
        Action.STOP,
        "unexpected error (InvalidHeader)",
    ),
    (KeyError("x"), Action.STOP, "unexpected error (KeyError)"),
]


@pytest.mark.parametrize(("status", "action"), BY_STATUS.items())
def test_each_status_has_one_action(status: int, action: Action) -> None:
    assert classify(status) is action


@pytest.mark.parametrize(("error", "action", "says"), BY_ERROR)
def test_each_exception_takes_the_rule_of_its_most_specific_class(error: Exception, action: Action, says: str) -> None:
    assert (classify(error), describe(error)) == (action, says)


def test_an_unlisted_subclass_takes_the_rule_of_its_parent() -> None:
    class BrokenInANewWayError(requests.ReadTimeout):
        pass

    assert classify(BrokenInANewWayError()) is Action.PERHAPS_APPLIED


def test_a_status_is_described_by_its_number() -> None:
    assert describe(503) == "answered 503"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("86400", MAX_WAIT_SECONDS),
        ("9" * 400, MAX_WAIT_SECONDS),
        ("Sun, 01 Mar 2026 03:00:09 GMT", 9.0),
        ("Sunday, 01-Mar-26 03:00:09 GMT", 9.0),
        ("Sun Mar  1 03:00:09 2026", 9.0),
        ("Sun, 01 Mar 2026 04:00:09 +0100", 9.0),
        ("Sun, 01 Mar 2026 02:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 03:00:00 GMT", MAX_WAIT_SECONDS),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("\u0667", None),
        ("Sun, 99 Mar 2026 03:00:09 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_raises_or_makes_us_wait_too_long(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_WAIT_SECONDS


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone is drawn apart
    st.integers(-12, 12),
)
def test_every_date_is_bounded_whatever_its_zone(moment: datetime, hours: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    header = zoned.strftime("%a, %d %b %Y %H:%M:%S %z")
    expected = min(max((zoned.replace(microsecond=0) - NOW).total_seconds(), 0.0), MAX_WAIT_SECONDS)
    assert retry_after_seconds(header, NOW) == expected


LIMIT = {"Date": "Sun, 01 Mar 2026 03:00:00 GMT"}


@pytest.mark.parametrize(
    ("remaining", "reset", "seconds"),
    [
        ("64", "2026-03-01T03:00:30Z", 0.0),
        ("63", "2026-03-01T03:00:32Z", 0.5),
        ("0", "2026-03-01T03:00:30.0000000Z", 30.0),
        ("1", "2026-03-01T03:00:30", 15.0),
        ("2", "30", 10.0),
        ("0", "1772334030", 30.0),
        ("0", "2026-03-01T04:00:00Z", 60.0),
        ("0", "2026-03-01T02:00:00Z", 0.0),
        ("0", "soon", 0.0),
        ("few", "30", 0.0),
        ("", "", 0.0),
    ],
)
def test_the_rest_of_a_rate_limits_window_is_shared_out(remaining: str, reset: str, seconds: float) -> None:
    headers = {"X-Rate-Limit-Limit": "1m", "X-Rate-Limit-Remaining": remaining, "X-Rate-Limit-Reset": reset}
    assert rate_limit_seconds(headers | LIMIT, NOW + timedelta(days=1)) == seconds
    assert rate_limit_seconds(headers, NOW) == seconds
    assert rate_limit_seconds({}, NOW) == 0.0


@given(st.text(max_size=20), st.text(max_size=40), st.text(max_size=40))
def test_no_rate_limit_raises_or_makes_us_wait_too_long(remaining: str, reset: str, date: str) -> None:
    headers = {"X-Rate-Limit-Remaining": remaining, "X-Rate-Limit-Reset": reset, "Date": date}
    assert 0 <= rate_limit_seconds(headers, NOW) <= MOST_SHARED_SECONDS


def test_backoff_doubles_up_to_its_cap() -> None:
    assert [backoff_seconds(n, lambda: 1.0) for n in range(1, 9)] == [
        0.5,
        1.0,
        2.0,
        4.0,
        8.0,
        16.0,
        30.0,
        30.0,
    ]


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_is_jittered_over_its_whole_range(attempt: int, drawn: float) -> None:
    full = backoff_seconds(attempt, lambda: 1.0)
    assert backoff_seconds(attempt, lambda: drawn) == pytest.approx(drawn * full)
    assert full <= BACKOFF_CAP_SECONDS
