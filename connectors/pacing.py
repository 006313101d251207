"""When the next attempt may go: the one repeating loop, and the gate where all senders wait together.

Owns counting, waiting and giving up. What an outcome means is `policy`'s table; what is sent is the
caller's: this module sees a function that makes one attempt. Nothing else repeats a request.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import random as uniform
from threading import Event, Lock

from requests import RequestException
from urllib3.exceptions import HTTPError

from connectors.policy import (
    Action,
    ExchangeError,
    NotConnectedError,
    backoff_seconds,
    classify,
    describe,
    retry_after_seconds,
)
from connectors.transport import Reply
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


@dataclass(frozen=True)
class Waiting:
    """How time passes: real by default, scripted in tests.

    Attributes:
        stop: once set, every wait ends and nothing is repeated.
        sleep: waits so many seconds; by default on `stop`, so that setting it ends the wait.
        clock: seconds that only grow.
        random: a number from 0 up to 1.
    """

    stop: Event = field(default_factory=Event)
    sleep: Callable[[float], object] | None = None
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = uniform

    def wait(self, seconds: float) -> None:
        """Waits, unless the run is stopped."""
        if not self.stop.is_set():
            (self.sleep or self.stop.wait)(seconds)


class Gate:
    """Where all senders stand while LUSID has asked one of them to wait."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._lock = Lock()
        self._closings = 0
        self._opens_at = waiting.clock()

    def close_for(self, seconds: float) -> None:
        """Closes the gate for so many seconds from now, or as long as it already is, if longer."""
        with self._lock:
            self._closings += 1
            self._opens_at = max(self._opens_at, self._waiting.clock() + seconds)

    def pass_through(self) -> bool:
        """Waits for the gate to open; returns False when the run was stopped before it did."""
        waited_for = None
        while True:
            with self._lock:
                closing, opens_at = self._closings, self._opens_at
            left = opens_at - self._waiting.clock()
            if left <= 0:
                return True
            if self._waiting.stop.is_set():
                return False
            if closing == waited_for:  # waited in full, though a scripted sleep moves no clock
                return True
            self._waiting.wait(left)
            waited_for = closing


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


class Pacer:
    """Makes attempts until one is answered or no other would help; safe to share between threads.

    Attributes:
        waiting: how time passes.
        retries: attempts beyond the first that one request may take.
    """

    def __init__(self, waiting: Waiting, retries: int) -> None:
        self.waiting = waiting
        self.retries = retries
        self._gate = Gate(waiting)
        self._lock = Lock()
        self._retries_done = 0

    @property
    def retries_done(self) -> int:
        """Attempts made beyond each request's first, over all threads."""
        with self._lock:
            return self._retries_done

    def settle(self, send: Callable[[], Reply], *, what: str, idempotent: bool, retries: int | None = None) -> Settled:
        """Repeats `send` as the table says, until there is an answer that repeating cannot better.

        Args:
            send: makes one attempt.
            what: the request in a few words, for messages.
            idempotent: whether applying the request twice does no harm.
            retries: in place of the pacer's own number.

        Raises:
            NeverSentError: no attempt reached the server.
            ThrottledError: the server refused, before any work, as often as we try.
            PerhapsAppliedError: an attempt may have been applied, and no answer settles it.
            UnreachableError: a failure that repeating cannot cure.
            LoadError: what `send` raises, when no attempt before was left in doubt.
        """
        most = self.retries if retries is None else retries
        failure, attempts, in_doubt = _STOPPED, 0, False
        while self._gate.pass_through() and not (attempts and self.waiting.stop.is_set()):
            if attempts:
                self._count_a_retry()
            attempts += 1
            outcome = _attempt(send, in_doubt=in_doubt)
            if isinstance(outcome, Reply):
                return Settled(outcome, attempts, in_doubt)
            failure = outcome
            in_doubt = in_doubt or failure.action is Action.PERHAPS_APPLIED
            hopeless = failure.action not in REPEATED or (in_doubt and not idempotent)
            if hopeless or attempts > most:
                break
            self._wait_after(failure, attempts)
        raise _given_up(failure, f"{what}: {failure.says} ({_times(attempts)})", in_doubt=in_doubt)

    def _count_a_retry(self) -> None:
        with self._lock:
            self._retries_done += 1

    def _wait_after(self, failure: _Failure, attempts: int) -> None:
        seconds = failure.retry_after
        if seconds is None:
            seconds = backoff_seconds(attempts, self.waiting.random)
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
    wait = retry_after_seconds(reply.headers.get("Retry-After"), datetime.now(UTC))
    return _Failure(action, describe(reply.status), wait)


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
