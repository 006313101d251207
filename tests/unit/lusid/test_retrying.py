import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from connectors.lusid.call import Response
from connectors.lusid.retry_table import AnswerLostError, NotConnectedError, UntrustedServerError
from connectors.lusid.retrying import FinalResponse, Retrier, RetryLimits
from connectors.lusid.waiting import Throttle, Timing
from schemas.errors import (
    AuthError,
    LoadError,
    NeverSentError,
    PerhapsAppliedError,
    ThrottledError,
    UnreachableError,
)

STAGGERED = 1.125
"""A wait while senders are held, with a draw of 0.5."""

LOST = requests.ReadTimeout()
NOT_SENT = NotConnectedError("connection refused")


PROBLEM = {"name": "ServiceUnavailable", "code": -1}


def response(
    status: int, retry_after: str | None = None, body: object = PROBLEM, *, is_own: bool | None = None
) -> Response:
    """LUSID's own response, unless the body is somebody else's or the test says otherwise."""
    headers = CaseInsensitiveDict({"retry-after": retry_after} if retry_after is not None else {})
    is_own = body is PROBLEM if is_own is None else is_own
    return Response(status, headers, body, is_json=True, seconds=0.1, is_own=is_own)


GATEWAY = response(503, body="<html>Service unavailable</html>")


@dataclass
class Night:
    """Scripted results, and a clock that only sleeping advances."""

    results: list[Response | Exception]
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    sent: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()

    def send(self) -> Response:
        result = self.results[self.sent]
        self.sent += 1
        if isinstance(result, Exception):
            raise result
        return result

    def retrier(self, retries: int = 2, **limits: Any) -> Retrier:
        clock = lambda: self.now  # noqa: E731 - a clock is one expression
        return Retrier(Timing(self.stop, self.sleep, clock, lambda: 0.5), RetryLimits(retries, **limits))

    def run(self, *, idempotent: bool = True, retries: int = 2) -> FinalResponse:
        return self.retrier(retries).run(self.send, what="POST /x", idempotent=idempotent)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 413, 501])
def test_a_final_response_is_returned_at_once(status: int) -> None:
    night = Night([response(status)])
    assert night.run() == FinalResponse(response(status), 1, in_doubt=False)
    assert night.slept == []


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_was_never_sent_is_sent_again_after_a_backoff(idempotent: bool) -> None:
    night = Night([NOT_SENT, NOT_SENT, response(201)])
    assert night.run(idempotent=idempotent) == FinalResponse(response(201), 3, in_doubt=False)
    assert night.slept == [0.25, 0.5]


@pytest.mark.parametrize("idempotent", [True, False])
def test_503_and_429_refuse_before_any_work_so_every_call_is_repeated(idempotent: bool) -> None:
    night = Night([response(503), response(408), response(429), response(201)])
    assert night.run(idempotent=idempotent, retries=3) == FinalResponse(response(201), 4, in_doubt=False)
    assert night.slept == [0.25, 0.5, 1.0 * STAGGERED]


@pytest.mark.parametrize("status", [408, 503])
@pytest.mark.parametrize("body", ["<html>Service unavailable</html>", {"code": 503, "message": "no upstream"}, []])
def test_a_gateways_refusal_may_hide_an_answer_so_only_harmless_calls_are_repeated(status: int, body: object) -> None:
    hidden = response(status, body=body)
    assert Night([hidden, response(201)]).run() == FinalResponse(response(201), 2, in_doubt=True)
    night = Night([hidden])
    with pytest.raises(PerhapsAppliedError):
        night.run(idempotent=False)
    assert (night.sent, night.slept) == (1, [])


@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("body", ["<html>busy</html>", PROBLEM])
def test_who_asks_to_come_back_may_have_passed_it_on(status: int, body: object) -> None:
    """Only what LUSID itself signs says that nothing was done."""
    night = Night([response(status, "7", body, is_own=False), response(201)])
    with pytest.raises(PerhapsAppliedError, match=rf"answered {status} \(1 attempt\)"):
        night.run(idempotent=False)
    assert night.slept == []
    assert Night([response(status, "7", body, is_own=False), response(201)]).run().attempts == 2


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_retry_after_in_seconds_sets_the_wait(status: int) -> None:
    night = Night([response(status, "7"), response(201)])
    assert night.run().attempts == 2
    assert night.slept == [7.0 * STAGGERED if status == 429 else 7.0]


def test_retry_after_as_a_date_sets_the_wait() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    night = Night([response(429, date), response(201)])
    night.run()
    assert night.slept == [pytest.approx(29 + 1, abs=2)]


@pytest.mark.parametrize("lost", [LOST, AnswerLostError("cut"), GATEWAY, response(500), response(502), response(504)])
def test_a_lost_answer_is_repeated_when_that_is_harmless(lost: Response | Exception) -> None:
    night = Night([lost, response(201)])
    assert night.run() == FinalResponse(response(201), 2, in_doubt=True)


@pytest.mark.parametrize("lost", [LOST, AnswerLostError("cut"), GATEWAY, response(500), response(502), response(504)])
def test_a_lost_answer_is_never_repeated_when_that_could_apply_it_twice(
    lost: Response | Exception,
) -> None:
    night = Night([lost])
    with pytest.raises(PerhapsAppliedError):
        night.run(idempotent=False)
    assert (night.sent, night.slept) == (1, [])


@pytest.mark.parametrize(
    ("result", "kind", "message"),
    [
        (NOT_SENT, NeverSentError, "POST /x: connection refused (3 attempts)"),
        (response(429, "4"), ThrottledError, "POST /x: answered 429 (3 attempts)"),
        (response(503), ThrottledError, "POST /x: answered 503 (3 attempts)"),
        (response(500), PerhapsAppliedError, "POST /x: answered 500 (3 attempts)"),
        (LOST, PerhapsAppliedError, "POST /x: no answer in time (3 attempts)"),
    ],
)
def test_when_tries_run_out_the_error_says_what_became_of_the_request(
    result: Response | Exception, kind: type[LoadError], message: str
) -> None:
    night = Night([result] * 3)
    with pytest.raises(kind) as caught:
        night.run()
    assert caught.value.message == message
    assert type(caught.value) is kind
    assert night.sent == 3


def test_a_throttled_request_says_how_long_lusid_wanted_it_to_wait() -> None:
    with pytest.raises(ThrottledError) as caught:
        Night([response(429, "4")] * 3).run()
    assert caught.value.wait_seconds == 4.0


@pytest.mark.parametrize("last", [NOT_SENT, response(429), response(503), AuthError("no token")])
def test_once_in_doubt_no_later_refusal_clears_the_doubt(last: Response | Exception) -> None:
    night = Night([LOST, last, last])
    with pytest.raises(PerhapsAppliedError):
        night.run()


def test_without_doubt_an_error_of_the_sender_passes_through_at_once() -> None:
    night = Night([AuthError("no token")])
    with pytest.raises(AuthError, match=r"^no token$"):
        night.run()
    assert night.sent == 1


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UntrustedServerError("its certificate is not trusted"), "its certificate is not trusted"),
        (requests.exceptions.InvalidURL("u:p@"), "unexpected error (InvalidURL)"),
        (OSError("no file"), "unexpected error (OSError)"),
    ],
)
def test_what_a_retry_cannot_cure_stops_at_once(error: Exception, says: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        Night([error]).run()
    assert caught.value.message == f"POST /x: {says} (1 attempt)"


def test_a_call_can_ask_for_fewer_retries_than_the_rest() -> None:
    night = Night([NOT_SENT] * 9)
    with pytest.raises(NeverSentError):
        night.retrier(5).run(night.send, what="x", idempotent=True, limits=RetryLimits(1))
    assert night.sent == 2


@pytest.mark.parametrize("result", [NOT_SENT, response(429), response(503), GATEWAY, response(500), LOST])
def test_an_outage_shorter_than_the_patience_is_outlasted_however_many_attempts_it_takes(
    result: Response | Exception,
) -> None:
    night = Night([result] * 12 + [response(201)])
    assert night.retrier(2, patience=300).run(night.send, what="x", idempotent=True).response == response(201)
    assert 60 < night.now < 300


@pytest.mark.parametrize(
    ("result", "kind"),
    [(NOT_SENT, NeverSentError), (response(503), ThrottledError), (response(429, "1"), ThrottledError)],
)
def test_patience_ends_but_not_before_the_retries(result: Response | Exception, kind: type[LoadError]) -> None:
    night = Night([result] * 400)
    with pytest.raises(kind):
        night.retrier(2, patience=300).run(night.send, what="x", idempotent=False)
    assert 300 <= night.now <= 330
    short = Night([response(503, "60")] * 4)
    with pytest.raises(ThrottledError):
        short.retrier(2, patience=10).run(short.send, what="x", idempotent=False)
    assert (short.sent, short.now) == (3, 120)


@pytest.mark.parametrize("wait", ["86400", "9" * 400, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_server_that_always_asks_to_wait_is_waited_for_in_bounded_time(wait: str) -> None:
    night = Night([response(429, wait)] * 99)
    with pytest.raises(ThrottledError) as caught:
        night.retrier(5, patience=300).run(night.send, what="x", idempotent=False)
    assert (night.sent, caught.value.wait_seconds) == (6, 300.0)
    assert night.now == pytest.approx(5 * 301)


@pytest.mark.parametrize("wait", ["-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", ""])
def test_a_retry_after_of_nothing_does_not_make_senders_retry_without_pause(wait: str) -> None:
    night = Night([response(429, wait)] * 4)
    with pytest.raises(ThrottledError):
        night.run(retries=3)
    assert sum(night.slept) >= 0.25 + 0.5 + 0.5


@pytest.mark.parametrize(("patience", "sent"), [(0, 3), (300, 3), (500, 5)])
def test_attempts_that_hang_cost_patience_and_not_all_the_retries(patience: float, sent: int) -> None:
    night = Night([LOST] * 9)

    def hang() -> Response:
        night.now += 120
        return night.send()

    with pytest.raises(PerhapsAppliedError):
        night.retrier(5, patience=patience).run(hang, what="x", idempotent=True)
    assert night.sent == sent


def test_stopping_ends_patience_at_once() -> None:
    night = Night([NOT_SENT] * 9)
    night.on_sleep = lambda: night.stop.set() if night.sent == 3 else None
    with pytest.raises(NeverSentError):
        night.retrier(2, patience=300).run(night.send, what="x", idempotent=True)
    assert night.sent == 3


def test_setbacks_include_lost_answers_that_could_not_be_repeated() -> None:
    night = Night([LOST, response(429), response(201), response(400)])
    retrier = night.retrier()
    with pytest.raises(PerhapsAppliedError):
        retrier.run(night.send, what="x", idempotent=False)
    for _ in range(2):
        retrier.run(night.send, what="x", idempotent=False)
    assert (retrier.setbacks, retrier.retries_done) == (2, 1)


def test_retries_are_counted_over_all_requests() -> None:
    night = Night([NOT_SENT, response(201), response(201), LOST, response(503), response(201)])
    retrier = night.retrier()
    for _ in range(3):
        retrier.run(night.send, what="x", idempotent=True)
    assert retrier.retries_done == 3


def test_stopping_ends_the_wait_and_makes_no_further_attempt() -> None:
    night = Night([NOT_SENT, response(201)])
    night.on_sleep = night.stop.set
    with pytest.raises(NeverSentError) as caught:
        night.run()
    assert caught.value.message == "POST /x: connection refused (1 attempt)"
    assert night.sent == 1


def test_a_stopped_run_still_makes_a_first_attempt() -> None:
    night = Night([response(201)])
    night.stop.set()
    assert night.run().response.status == 201


def test_a_stopped_run_repeats_nothing_and_sleeps_no_more() -> None:
    night = Night([response(503), response(201)])
    night.stop.set()
    with pytest.raises(ThrottledError):
        night.run()
    assert (night.sent, night.slept) == (1, [])


def test_a_stopped_run_does_not_wait_while_senders_are_held() -> None:
    night = Night([response(429, "60"), response(201)])
    retrier = night.retrier()
    night.on_sleep = night.stop.set
    with pytest.raises(ThrottledError):
        retrier.run(night.send, what="x", idempotent=True)
    night.now = 1.0
    with pytest.raises(NeverSentError) as caught:
        retrier.run(night.send, what="x", idempotent=True)
    assert caught.value.message == "x: the run was stopped before it was sent (0 attempts)"
    assert night.sent == 1


def test_setting_stop_wakes_a_sender_that_really_sleeps() -> None:
    stop = threading.Event()
    retrier = Retrier(Timing(stop=stop), RetryLimits(5))
    sent = threading.Event()

    def send() -> Response:
        sent.set()
        return response(503, "300")

    errors: list[LoadError] = []

    def run() -> None:
        try:
            retrier.run(send, what="x", idempotent=True)
        except LoadError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert sent.wait(5)
    stop.set()
    thread.join(5)
    assert [type(error) for error in errors] == [ThrottledError]


def test_no_sender_starts_while_senders_are_held() -> None:
    now, lock = [0.0], threading.Lock()
    all_asleep, wake = threading.Barrier(5), threading.Event()

    def sleep(seconds: float) -> None:
        assert 10.0 <= seconds <= 12.0
        all_asleep.wait(5)
        assert wake.wait(5)

    throttle = Throttle(Timing(sleep=sleep, clock=lambda: now[0]))
    throttle.hold_all(10)
    passed: list[float] = []

    def sender() -> None:
        assert throttle.wait_turn()
        with lock:
            passed.append(now[0])

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    all_asleep.wait(5)
    assert passed == []
    now[0] = 10.0
    wake.set()
    for thread in threads:
        thread.join(5)
    assert passed == [10.0] * 4


def test_senders_that_waited_together_start_one_after_another() -> None:
    lots = iter([0.0, 0.5, 0.99])
    slept: list[float] = []
    throttle = Throttle(Timing(sleep=slept.append, clock=lambda: 0.0, random=lambda: next(lots)))
    throttle.hold_all(4)
    for _ in range(3):
        throttle.wait_turn()
    assert slept == [4.0, 4.5, pytest.approx(4.99)]
    throttle.hold_all(300)
    lots = iter([0.99])
    throttle.wait_turn()
    assert slept[-1] == pytest.approx(301.98)


def test_a_hold_that_is_extended_while_waiting_is_waited_for_again() -> None:
    night = Night([])
    throttle = Throttle(Timing(night.stop, night.sleep, lambda: night.now, lambda: 0.0))
    throttle.hold_all(5)
    night.on_sleep = lambda: throttle.hold_all(3) if len(night.slept) == 1 else None
    assert throttle.wait_turn()
    assert night.slept == [5.0, 3.0]


def test_a_shorter_hold_never_ends_a_longer_one() -> None:
    night = Night([])
    throttle = Throttle(Timing(night.stop, night.sleep, lambda: night.now, lambda: 0.0))
    throttle.hold_all(60)
    throttle.hold_all(1)
    throttle.wait_turn()
    assert night.slept == [60.0]


def test_a_scripted_sleep_that_moves_no_clock_does_not_hang() -> None:
    slept: list[float] = []
    throttle = Throttle(Timing(sleep=slept.append, clock=lambda: 0.0, random=lambda: 0.0))
    throttle.hold_all(60)
    assert throttle.wait_turn()
    assert slept == [60.0]


def test_senders_slow_down_before_a_rate_limit_refuses_them() -> None:
    limit = {"X-Rate-Limit-Remaining": "3", "X-Rate-Limit-Reset": "8"}
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    retrier = Retrier(Timing(sleep=sleep, clock=lambda: now[0], random=lambda: 0.5), RetryLimits(0))
    few = replace(response(201, body={}), headers=CaseInsensitiveDict(limit))
    for _ in range(2):
        assert retrier.run(lambda: few, what="POST /x", idempotent=True).response is few
    assert slept == [2.0 * STAGGERED]
