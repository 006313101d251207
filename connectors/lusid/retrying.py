"""When the next attempt may go, and when no other does: the one repeating loop.

Owns counting and giving up. What an outcome means is `policy`'s table; what is sent is the
caller's: this module sees a function that makes one attempt. Nothing else repeats a request.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from requests import RequestException
from urllib3.exceptions import HTTPError

from connectors.lusid.retry_table import (
    Action,
    ExchangeError,
    NotConnectedError,
    backoff_seconds,
    classify,
    describe,
    is_lusid_problem,
    retry_after_seconds,
)
from connectors.lusid.throttle import Gate, Waiting
from connectors.lusid.transport import Reply
from schemas.errors import (
    LoadError,
    NeverSentError,
    PerhapsAppliedError,
    ThrottledError,
    UnreachableError,
)

REPEATED = frozenset(
    {
        Action.AGAIN_NEVER_SENT,
        Action.WAIT_THROTTLED,
        Action.BACK_OFF,
        Action.PERHAPS_APPLIED,
    }
)
"""Actions after which the same request may go again; other answers are the caller's to read."""


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer, and what it took.

    Attributes:
        reply: any answer that repeating cannot better, success or not.
        attempts: from 1.
        in_doubt: whether an earlier attempt may have been applied.
    """

    reply: Reply
    attempts: int
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class _Failure:
    action: Action
    says: str
    retry_after: float | None = None
    unforeseen: bool = False


_STOPPED = _Failure(Action.AGAIN_NEVER_SENT, "the run was stopped before it was sent")


RACE_SECONDS = 1.0
"""Up to here a wait grows by backing off, though Retry-After asks for less."""

WORKING_SECONDS = 300.0
"""What the attempts of one request may take together, waits between them not counted: a server that hangs costs each
attempt its whole deadline."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one request is tried: while any of this lasts, and what hangs is not tried for ever.

    Attributes:
        retries: attempts beyond the first, however long the waits between them.
        patience: seconds from the first attempt, however many attempts.
        working: seconds that attempts may take together before `retries` no longer counts; `patience` still does.
    """

    retries: int
    patience: float = 0.0
    working: float = WORKING_SECONDS


class _Trial:
    """The attempts of one request, counted and timed."""

    def __init__(self, effort: Effort, clock: Callable[[], float]) -> None:
        self._effort, self._clock = effort, clock
        self.attempts, self._working, self._began = 0, 0.0, math.nan

    def attempt(self, send: Callable[[], Reply], *, in_doubt: bool) -> "Reply | _Failure":
        started = self._clock()
        if not self.attempts:
            self._began = started
        self.attempts += 1
        outcome = _attempt(send, in_doubt=in_doubt)
        self._working += self._clock() - started
        return outcome

    def is_over(self) -> bool:
        effort = self._effort
        if self._clock() - self._began < effort.patience:
            return False
        return self.attempts > effort.retries or self._working >= effort.working


class Pacer:
    """Makes attempts until one is answered or no other would help; safe to share between threads.

    Attributes:
        waiting: how time passes.
        effort: how long one request is tried; may be changed between requests.
    """

    def __init__(self, waiting: Waiting, effort: Effort) -> None:
        self.waiting = waiting
        self.effort = effort
        self._gate = Gate(waiting)
        self._lock = Lock()
        self._retries_done = 0
        self._setbacks = 0

    @property
    def retries_done(self) -> int:
        """Attempts made beyond each request's first, over all threads."""
        with self._lock:
            return self._retries_done

    @property
    def setbacks(self) -> int:
        """Attempts that repeating might cure, whether they were repeated or not, over all threads."""
        with self._lock:
            return self._setbacks

    def settle(
        self, send: Callable[[], Reply], *, what: str, idempotent: bool, effort: Effort | None = None
    ) -> Settled:
        """Repeats `send` as the table says, until there is an answer that repeating cannot better.

        Args:
            send: makes one attempt.
            what: the request in a few words, for messages.
            idempotent: whether applying the request twice does no harm.
            effort: in place of the pacer's own.

        Raises:
            NeverSentError: no attempt reached the server.
            ThrottledError: the server refused, before any work, for as long as we try.
            PerhapsAppliedError: an attempt may have been applied, and no answer settles it.
            UnreachableError: a failure that repeating cannot cure.
            LoadError: what `send` raises, when no attempt before was left in doubt.
        """
        trial, failure, in_doubt = _Trial(effort or self.effort, self.waiting.clock), _STOPPED, False
        while self._gate.pass_through() and not (trial.attempts and self.waiting.stop.is_set()):
            self._count(retries=1 if trial.attempts else 0)
            outcome = trial.attempt(send, in_doubt=in_doubt)
            if isinstance(outcome, Reply):
                return Settled(outcome, trial.attempts, in_doubt)
            failure = outcome
            in_doubt = in_doubt or failure.action is Action.PERHAPS_APPLIED
            curable = failure.action in REPEATED
            self._count(setbacks=1 if curable else 0)
            if not curable or (in_doubt and not idempotent) or trial.is_over():
                break
            self._wait_after(failure, trial.attempts)
        raise _given_up(failure, f"{what}: {failure.says} ({_times(trial.attempts)})", in_doubt=in_doubt)

    def _count(self, *, retries: int = 0, setbacks: int = 0) -> None:
        with self._lock:
            self._retries_done += retries
            self._setbacks += setbacks

    def _wait_after(self, failure: _Failure, attempts: int) -> None:
        seconds = backoff_seconds(attempts, self.waiting.random)
        if failure.retry_after is not None:  # 0, or a date gone by, said again and again must not make us race
            seconds = max(failure.retry_after, min(seconds, RACE_SECONDS))
        if failure.action is Action.WAIT_THROTTLED:
            self._gate.close_for(seconds)
        else:
            self.waiting.wait(seconds)


def _attempt(send: Callable[[], Reply], *, in_doubt: bool) -> Reply | _Failure:
    try:
        reply = send()
    except LoadError as error:  # such as no token: what an earlier attempt left in doubt stays so
        if not in_doubt:
            if isinstance(error, UnreachableError):
                error.perhaps_applied = False  # it was the token endpoint that failed: LUSID has seen nothing
            raise
        return _Failure(Action.STOP, error.message)
    except (ExchangeError, RequestException, HTTPError, OSError) as error:
        action = classify(error)
        unforeseen = action is Action.STOP and not isinstance(error, NotConnectedError)
        return _Failure(action, describe(error), unforeseen=unforeseen)
    action = classify(reply.status)
    if action not in REPEATED:
        return reply
    if action is Action.BACK_OFF and not _before_any_work(reply):
        action = Action.PERHAPS_APPLIED
    wait = retry_after_seconds(reply.headers.get("Retry-After"), datetime.now(UTC))
    return _Failure(action, describe(reply.status), wait)


def _before_any_work(reply: Reply) -> bool:
    """Whether LUSID itself turned a request away, or whoever did so asked to come back.

    A gateway in front of it says 503 in words of its own when it has lost the answer, too.
    """
    return "Retry-After" in reply.headers or is_lusid_problem(reply.body)


def _given_up(failure: _Failure, message: str, *, in_doubt: bool) -> LoadError:
    if in_doubt:
        return PerhapsAppliedError(message)
    if failure.action is Action.AGAIN_NEVER_SENT:
        return NeverSentError(message)
    if failure.action in REPEATED:
        return ThrottledError(message, failure.retry_after)
    return UnreachableError(message, perhaps_applied=failure.unforeseen)


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
