"""The one retry loop: it repeats a call until the response is final, and decides when to give up.

`retry_table` says what a response or an exception means; the caller decides what is sent and passes a function that
makes one attempt. A throttle makes all senders wait together. Nothing else in the project repeats a call.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from requests import RequestException
from urllib3.exceptions import HTTPError

from connectors.lusid.call import Response
from connectors.lusid.retry_table import (
    AWAY,
    REPEATED,
    Action,
    AnswerLostError,
    ExchangeError,
    Failure,
    NotConnectedError,
    backoff_seconds,
    classify,
    describe,
    final_error,
    is_lusid_problem,
    rate_limit_seconds,
    retry_after_seconds,
)
from connectors.lusid.waiting import Throttle, Timing, Waiting, nobody_listens
from schemas.errors import LoadError, UnreachableError

RACE_SECONDS = 1.0
"""The backoff applies up to this many seconds even where Retry-After asks for less."""

SENDING_SECONDS = 300.0
"""What the attempts of one call may take together, waits not included: a server that hangs costs each attempt its whole
deadline."""

_STOPPED = Failure(Action.AGAIN_NEVER_SENT, "the run was stopped before it was sent")


@dataclass(frozen=True, slots=True)
class FinalResponse:
    """A response that no retry would improve, success or not.

    Attributes:
        attempts: how many attempts it took, at least 1.
        in_doubt: whether an earlier attempt may have been applied.
    """

    response: Response
    attempts: int
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How long one call is retried: until both `retries` and `patience` are used up.

    Attributes:
        retries: attempts beyond the first, however long the waits between them.
        patience: seconds from the first attempt, however many attempts that allows.
        sending_seconds: once the attempts have taken so many seconds together, only `patience` counts.
        only_away: patience is for a server that answers 429 and the like; one that does not answer may be a wrong host.
    """

    retries: int
    patience: float = 0.0
    sending_seconds: float = SENDING_SECONDS
    only_away: bool = False


class _Attempts:
    """The attempts of one call, counted and timed."""

    def __init__(self, limits: RetryLimits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self.count, self._sending, self._began = 0, 0.0, math.nan

    def make(self, send: Callable[[], Response], *, in_doubt: bool, idempotent: bool) -> Response | Failure:
        started = self._clock()
        if not self.count:
            self._began = started
        self.count += 1
        result = _attempt(send, in_doubt=in_doubt, idempotent=idempotent)
        self._sending += self._clock() - started
        return result

    def are_used_up(self, failure: Failure) -> bool:
        limits = self._limits
        patient = failure.away or not limits.only_away
        if patient and self._clock() - self._began < limits.patience:
            return False
        return self.count > limits.retries or self._sending >= limits.sending_seconds


class Retrier:
    """Retries calls until their responses are final; safe to share between threads.

    Attributes:
        timing: clock, sleep and chance.
        limits: how long one call is retried; may be changed between calls.
    """

    def __init__(
        self,
        timing: Timing,
        limits: RetryLimits,
        whom: str = "LUSID",
        waiting: Callable[[Waiting], None] = nobody_listens,
    ) -> None:
        """Has sent nothing yet.

        Args:
            timing, limits: as above.
            whom: who is called, in a few words.
            waiting: told of each wait, in the thread that waits.
        """
        self.timing = timing
        self.limits = limits
        self._whom, self._waiting = whom, waiting
        self._failing_since: datetime | None = None
        self._throttle = Throttle(timing)
        self._lock = Lock()
        self._retries_done = 0
        self._setbacks = 0

    @property
    def retries_done(self) -> int:
        """Attempts beyond each call's first, summed over all threads."""
        with self._lock:
            return self._retries_done

    @property
    def setbacks(self) -> int:
        """Failed attempts that a retry might cure, whether or not one was made, summed over all threads."""
        with self._lock:
            return self._setbacks

    @property
    def held(self) -> float:
        """Seconds for which LUSID has asked that no call begins."""
        return self._throttle.left

    def run(
        self, send: Callable[[], Response], *, what: str, idempotent: bool, limits: RetryLimits | None = None
    ) -> FinalResponse:
        """Calls `send` until its response is final, with the waits that the table asks for.

        Args:
            send: makes one attempt.
            what: the call in a few words, for messages.
            idempotent: whether applying the call twice does no harm.
            limits: in place of the retrier's own.

        Raises:
            NeverSentError: no attempt reached the server.
            ThrottledError: the server refused before doing any work, on every attempt.
            PerhapsAppliedError: an attempt may have been applied, and no answer says what became of it.
            UnreachableError: a failure that retries cannot cure.
            LoadError: raised by `send`, when no earlier attempt was left in doubt.
        """
        attempts, failure, in_doubt = _Attempts(limits or self.limits, self.timing.clock), _STOPPED, False
        while self._throttle.wait_turn() and not (attempts.count and self.timing.stop.is_set()):
            self._count(retries=1 if attempts.count else 0)
            result = attempts.make(send, in_doubt=in_doubt, idempotent=idempotent)
            if isinstance(result, Response):
                self._failing_since = None
                self._throttle.hold_all(rate_limit_seconds(result.headers, datetime.now(UTC)))
                return FinalResponse(result, attempts.count, in_doubt)
            failure = result
            in_doubt = in_doubt or failure.action is Action.PERHAPS_APPLIED
            curable = failure.action in REPEATED
            self._count(setbacks=1 if curable else 0)
            if in_doubt and not idempotent:
                self._throttle.hold_all(failure.retry_after or 0.0)  # whoever lost it, LUSID or not, asks for that
                break
            if not curable or attempts.are_used_up(failure):
                break
            self._wait_after(failure, attempts.count)
        raise final_error(failure, f"{what}: {failure.reason} ({_times(attempts.count)})", in_doubt=in_doubt)

    def _count(self, *, retries: int = 0, setbacks: int = 0) -> None:
        with self._lock:
            self._retries_done += retries
            self._setbacks += setbacks

    def _wait_after(self, failure: Failure, attempts: int) -> None:
        seconds = backoff_seconds(attempts, self.timing.random)
        if failure.retry_after is not None:  # a server that repeats 0 or a past date must not make us spin
            seconds = max(failure.retry_after, min(seconds, RACE_SECONDS))
        since = self._failing_since = self._failing_since or datetime.now(UTC)
        for_all = failure.action is Action.WAIT_THROTTLED
        self._waiting(Waiting(self._whom, failure.reason, since, seconds, for_all))
        if for_all:
            self._throttle.hold_all(seconds)
        else:
            self.timing.wait(seconds)


def _attempt(send: Callable[[], Response], *, in_doubt: bool, idempotent: bool) -> Response | Failure:
    try:
        response = send()
    except LoadError as error:  # no token, for example: an earlier attempt in doubt stays in doubt
        if not in_doubt:
            if isinstance(error, UnreachableError):
                error.perhaps_applied = False  # it was the token endpoint that failed: LUSID received nothing
            raise
        return Failure(Action.STOP, error.message)
    except (ExchangeError, RequestException, HTTPError, OSError) as error:
        action = classify(error)
        unexpected = action is Action.STOP and not isinstance(error, NotConnectedError)
        request_id = error.request_id if isinstance(error, AnswerLostError) else None
        return Failure(action, describe(error), unexpected=unexpected, request_id=request_id)
    action = classify(response.status)
    if action not in REPEATED:
        return response
    if not _before_any_work(response, action, idempotent=idempotent):
        action = Action.PERHAPS_APPLIED
    wait = retry_after_seconds(response.headers.get("Retry-After"), datetime.now(UTC))
    return Failure(action, describe(response.status), wait, away=response.status in AWAY)


def _before_any_work(response: Response, action: Action, *, idempotent: bool) -> bool:
    """Whether the call was refused before any work, as far as it matters: only LUSID itself can say that of one.

    Where repeating the call is harmless, a Retry-After of anybody's, and what looks like LUSID's words, will do.
    """
    if not idempotent:
        return response.is_own
    return action is not Action.BACK_OFF or "Retry-After" in response.headers or is_lusid_problem(response.body)


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
