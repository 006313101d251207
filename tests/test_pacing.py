import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from connectors.pacing import Gate, Pacer, Settled, Waiting
from connectors.policy import AnswerLostError, NotConnectedError, UntrustedServerError
from connectors.transport import Reply
from schemas.errors import (
    AuthError,
    LoadError,
    NeverSentError,
    PerhapsAppliedError,
    ThrottledError,
    UnreachableError,
)

LOST = requests.ReadTimeout()
NOT_SENT = NotConnectedError("connection refused")


def reply(status: int, retry_after: str | None = None) -> Reply:
    headers = CaseInsensitiveDict({"retry-after": retry_after} if retry_after is not None else {})
    return Reply(status, headers, {}, is_json=True, seconds=0.1)


@dataclass
class Night:
    """Scripted outcomes, and a clock that only sleeping moves."""

    outcomes: list[Reply | Exception]
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    sent: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()

    def send(self) -> Reply:
        outcome = self.outcomes[self.sent]
        self.sent += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def pacer(self, retries: int = 2) -> Pacer:
        clock = lambda: self.now  # noqa: E731 - a clock is one expression
        return Pacer(Waiting(self.stop, self.sleep, clock, lambda: 0.5), retries)

    def settle(self, *, idempotent: bool = True, retries: int = 2) -> Settled:
        return self.pacer(retries).settle(self.send, what="POST /x", idempotent=idempotent)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 413, 501])
def test_an_answer_that_repeating_cannot_better_is_given_back_at_once(status: int) -> None:
    night = Night([reply(status)])
    assert night.settle() == Settled(reply(status), 1, in_doubt=False)
    assert night.slept == []


@pytest.mark.parametrize("idempotent", [True, False])
def test_what_was_never_sent_goes_again_after_a_backoff(idempotent: bool) -> None:
    night = Night([NOT_SENT, NOT_SENT, reply(201)])
    assert night.settle(idempotent=idempotent) == Settled(reply(201), 3, in_doubt=False)
    assert night.slept == [0.25, 0.5]


@pytest.mark.parametrize("idempotent", [True, False])
def test_503_and_429_refuse_before_any_work_so_every_call_goes_again(idempotent: bool) -> None:
    night = Night([reply(503), reply(429), reply(201)])
    assert night.settle(idempotent=idempotent) == Settled(reply(201), 3, in_doubt=False)
    assert night.slept == [0.25, 0.5]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_retry_after_in_seconds_sets_the_wait(status: int) -> None:
    night = Night([reply(status, "7"), reply(201)])
    assert night.settle().attempts == 2
    assert night.slept == [7.0]


def test_retry_after_as_a_date_sets_the_wait() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    night = Night([reply(429, date), reply(201)])
    night.settle()
    assert night.slept == [pytest.approx(29, abs=2)]


@pytest.mark.parametrize("lost", [LOST, AnswerLostError("cut"), reply(500), reply(502), reply(504)])
def test_a_lost_answer_is_repeated_when_that_is_harmless(lost: Reply | Exception) -> None:
    night = Night([lost, reply(201)])
    assert night.settle() == Settled(reply(201), 2, in_doubt=True)


@pytest.mark.parametrize("lost", [LOST, AnswerLostError("cut"), reply(500), reply(502), reply(504)])
def test_a_lost_answer_is_never_repeated_when_that_could_do_it_twice(
    lost: Reply | Exception,
) -> None:
    night = Night([lost])
    with pytest.raises(PerhapsAppliedError):
        night.settle(idempotent=False)
    assert (night.sent, night.slept) == (1, [])


@pytest.mark.parametrize(
    ("outcome", "kind", "message"),
    [
        (NOT_SENT, NeverSentError, "POST /x: connection refused (3 attempts)"),
        (reply(429, "4"), ThrottledError, "POST /x: answered 429 (3 attempts)"),
        (reply(503), ThrottledError, "POST /x: answered 503 (3 attempts)"),
        (reply(500), PerhapsAppliedError, "POST /x: answered 500 (3 attempts)"),
        (LOST, PerhapsAppliedError, "POST /x: no answer in time (3 attempts)"),
    ],
)
def test_when_tries_run_out_the_error_says_what_became_of_the_request(
    outcome: Reply | Exception, kind: type[LoadError], message: str
) -> None:
    night = Night([outcome] * 3)
    with pytest.raises(kind) as caught:
        night.settle()
    assert caught.value.message == message
    assert type(caught.value) is kind
    assert night.sent == 3


def test_a_throttled_request_says_how_long_lusid_wanted_it_to_wait() -> None:
    with pytest.raises(ThrottledError) as caught:
        Night([reply(429, "4")] * 3).settle()
    assert caught.value.wait_seconds == 4.0


@pytest.mark.parametrize("last", [NOT_SENT, reply(429), reply(503), AuthError("no token")])
def test_once_in_doubt_no_later_refusal_clears_the_doubt(last: Reply | Exception) -> None:
    night = Night([LOST, last, last])
    with pytest.raises(PerhapsAppliedError):
        night.settle()


def test_without_doubt_an_error_of_the_sender_passes_through_at_once() -> None:
    night = Night([AuthError("no token")])
    with pytest.raises(AuthError, match=r"^no token$"):
        night.settle()
    assert night.sent == 1


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UntrustedServerError("its certificate is not trusted"), "its certificate is not trusted"),
        (requests.exceptions.InvalidURL("u:p@"), "an error nobody foresaw (InvalidURL)"),
        (OSError("no file"), "an error nobody foresaw (OSError)"),
    ],
)
def test_what_repeating_cannot_cure_stops_at_once(error: Exception, says: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        Night([error]).settle()
    assert caught.value.message == f"POST /x: {says} (1 attempt)"


def test_a_call_can_ask_for_fewer_retries_than_the_rest() -> None:
    night = Night([NOT_SENT] * 9)
    with pytest.raises(NeverSentError):
        night.pacer(5).settle(night.send, what="x", idempotent=True, retries=1)
    assert night.sent == 2


def test_retries_are_counted_over_all_requests() -> None:
    night = Night([NOT_SENT, reply(201), reply(201), LOST, reply(503), reply(201)])
    pacer = night.pacer()
    for _ in range(3):
        pacer.settle(night.send, what="x", idempotent=True)
    assert pacer.retries_done == 3


def test_stopping_ends_the_wait_and_makes_no_further_attempt() -> None:
    night = Night([NOT_SENT, reply(201)])
    night.on_sleep = night.stop.set
    with pytest.raises(NeverSentError) as caught:
        night.settle()
    assert caught.value.message == "POST /x: connection refused (1 attempt)"
    assert night.sent == 1


def test_a_stopped_run_still_makes_a_first_attempt_to_settle_what_it_has() -> None:
    night = Night([reply(201)])
    night.stop.set()
    assert night.settle().reply.status == 201


def test_a_stopped_run_repeats_nothing_and_sleeps_no_more() -> None:
    night = Night([reply(503), reply(201)])
    night.stop.set()
    with pytest.raises(ThrottledError):
        night.settle()
    assert (night.sent, night.slept) == (1, [])


def test_a_stopped_run_does_not_wait_at_a_closed_gate() -> None:
    night = Night([reply(429, "60"), reply(201)])
    pacer = night.pacer()
    night.on_sleep = night.stop.set
    with pytest.raises(ThrottledError):
        pacer.settle(night.send, what="x", idempotent=True)
    night.now = 1.0
    with pytest.raises(NeverSentError) as caught:
        pacer.settle(night.send, what="x", idempotent=True)
    assert caught.value.message == "x: the run was stopped before it was sent (0 attempts)"
    assert night.sent == 1


def test_setting_stop_wakes_a_sender_that_really_sleeps() -> None:
    stop = threading.Event()
    pacer = Pacer(Waiting(stop=stop), retries=5)
    sent = threading.Event()

    def send() -> Reply:
        sent.set()
        return reply(503, "300")

    errors: list[LoadError] = []

    def run() -> None:
        try:
            pacer.settle(send, what="x", idempotent=True)
        except LoadError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert sent.wait(5)
    stop.set()
    thread.join(5)
    assert [type(error) for error in errors] == [ThrottledError]


def test_no_sender_passes_the_gate_before_it_opens() -> None:
    now, lock = [0.0], threading.Lock()
    all_asleep, wake = threading.Barrier(5), threading.Event()

    def sleep(seconds: float) -> None:
        assert seconds == 10.0
        all_asleep.wait(5)
        assert wake.wait(5)

    gate = Gate(Waiting(sleep=sleep, clock=lambda: now[0]))
    gate.close_for(10)
    passed: list[float] = []

    def sender() -> None:
        assert gate.pass_through()
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


def test_a_gate_closed_again_while_waiting_is_waited_for_again() -> None:
    night = Night([])
    gate = Gate(Waiting(night.stop, night.sleep, lambda: night.now))
    gate.close_for(5)
    night.on_sleep = lambda: gate.close_for(3) if len(night.slept) == 1 else None
    assert gate.pass_through()
    assert night.slept == [5.0, 3.0]


def test_a_shorter_closing_never_opens_the_gate_earlier() -> None:
    night = Night([])
    gate = Gate(Waiting(night.stop, night.sleep, lambda: night.now))
    gate.close_for(60)
    gate.close_for(1)
    gate.pass_through()
    assert night.slept == [60.0]


def test_a_scripted_sleep_that_moves_no_clock_does_not_hang() -> None:
    slept: list[float] = []
    gate = Gate(Waiting(sleep=slept.append, clock=lambda: 0.0))
    gate.close_for(60)
    assert gate.pass_through()
    assert slept == [60.0]
