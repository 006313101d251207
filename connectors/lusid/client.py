"""The LUSID client: it posts bytes or reads, and returns a parsed answer or raises one of our own errors.

Owns LUSID's URL, and signing in again after a 401. Knows no operation, row or run. `retrying` repeats calls by the
rules of `retry_table`; `transport` owns the sockets. requests' exceptions end here: what leaves is an error of
`schemas.errors`, which can be pickled and holds no secret.

Only idempotent calls share connections. Any other, and every read, for it may be to prove something, takes one of its
own: no answer to an earlier call can come on it, and no server can have closed it while it lay idle.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import random as uniform
from threading import Event
from typing import Any, Self

from connectors.lusid.call import Call, Params, Response, moment_of, refusal, request_id
from connectors.lusid.retry_table import AWAY, Action, AnswerLostError, classify
from connectors.lusid.retrying import FinalResponse, Retrier, RetryLimits
from connectors.lusid.settings import LusidSettings
from connectors.lusid.tokens import TOKEN_RETRIES, token_source
from connectors.lusid.transport import Transport
from connectors.lusid.waiting import Timing, Waiting, nobody_listens
from schemas.errors import (
    ConfigError,
    LoadError,
    NeverSentError,
    NoLusidError,
    PerhapsAppliedError,
    RejectedError,
    RetryableError,
    UnreachableError,
)
from schemas.settings import LoadSettings

CHECK_PATH = "/api/metadata/versions"
CHECK_RETRIES = 3
"""Fewer than for data: somebody is waiting to hear whether the host is right."""

CHECK_SECONDS = 15.0
"""Longest attempt while somebody waits, and the total time of attempts after which no further one is made."""

_NO_JSON = "answered {} with a body that is not JSON"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer.

    Attributes:
        body: the parsed JSON.
        request_id: LUSID's id for the call, which its support and its logs go by.
        attempts: how many times the call was sent, at least 1.
        seconds: duration of the attempt that was answered, without waits and earlier attempts.
        at: when, by LUSID's clock; None where it did not say.
    """

    status: int
    body: Any
    request_id: str | None
    attempts: int
    seconds: float
    at: datetime | None = field(default=None, compare=False)


class LusidClient:
    """Talks to one LUSID; safe to share between threads.

    Attributes:
        opened_at: when `check` first heard from LUSID, by its clock; None where it did not say.
        stop: ends every wait as soon as it is set. An attempt under way is still finished and a first attempt still
            made, but nothing is repeated. When loads share a client, the load under way owns it.
    """

    def __init__(
        self,
        settings: LusidSettings,
        *,
        retries: int = 5,
        waiting: Callable[[Waiting], None] = nobody_listens,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = uniform,
    ) -> None:
        """Makes a client that has connected to nothing yet.

        Args:
            settings: LUSID's URL and our credentials.
            retries: attempts beyond the first that one call may take.
            waiting: told of each wait for LUSID or for the token endpoint, in the thread that waits.
            sleep: waits for a number of seconds; by default it waits on `stop`.
            clock: a monotonic clock, in seconds.
            random: a number from 0 up to 1, for the jitter.

        Raises:
            ConfigError: the settings hold no complete credentials.
            AuthError: the access token has characters that no token may have.
        """
        self._base = settings.lusid_url.rstrip("/")
        self._settings = settings
        self.stop = Event()
        self.opened_at: datetime | None = None
        timing = Timing(stop=self.stop, sleep=sleep, clock=clock, random=random)
        self._retrier = Retrier(timing, RetryLimits(retries), "LUSID", waiting)
        at_first = RetryLimits(TOKEN_RETRIES, sending_seconds=CHECK_SECONDS)
        self._token_retrier = Retrier(timing, at_first, "the token endpoint", waiting)
        self._transport = Transport(settings, clock=clock)
        self._tokens = token_source(settings, self._transport, self._token_retrier)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the idle connections."""
        self._transport.close()

    @property
    def retries_done(self) -> int:
        """Attempts beyond each call's first, summed over all threads."""
        return self._retrier.retries_done

    @property
    def setbacks(self) -> int:
        """Failed attempts that a retry might cure (429, 503, no connection, a lost answer), summed over all threads."""
        return self._retrier.setbacks

    @property
    def held(self) -> float:
        """Seconds for which LUSID has asked that no call begins."""
        return self._retrier.held

    def follow(self, settings: LoadSettings) -> None:
        """Sends calls as a load's settings say from now on.

        A call or sign-in whose failure a retry can cure is retried for `patience` seconds, however many attempts that
        takes. Call this once `check` has shown that the connection settings are right: until then only a few attempts
        are made, so that a wrong host is reported soon.
        """
        for retrier in (self._retrier, self._token_retrier):
            retrier.limits = RetryLimits(retrier.limits.retries, settings.patience)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        idempotent: bool,
        expected_status: int,
    ) -> Answer:
        """Posts one body and returns LUSID's answer to it.

        Args:
            path: begins with `/api/`; appended to the base URL unchanged.
            body: encoded JSON.
            params: query parameters.
            idempotent: whether applying the call twice does no harm; only then is it repeated after a lost answer.
            expected_status: the documented 2xx; any other 2xx is accepted too, and logged.

        Raises:
            RejectedError: LUSID refuses the call for its content or, with 413, for its size.
            PerhapsAppliedError: the call was sent, no answer says what became of it, and it may have been applied.
            ThrottledError: LUSID refused before doing any work, on every attempt.
            NeverSentError: LUSID, or the token endpoint, was not reached.
            AuthError: LUSID refuses our credentials; nothing was applied.
            ConfigError: there is no LUSID at the URL; nothing was applied.
            UnreachableError: no connection, for a reason that retries cannot cure.
        """
        answer = self._call(Call("POST", path, params or {}, body, idempotent))
        if answer.status != expected_status:
            _log.info("POST %s answered %d; the documented status is %d", path, answer.status, expected_status)
        return answer

    def get(self, path: str, params: Params | None = None) -> Answer:
        """Reads from LUSID, retrying whenever a retry can help; raises as `post` does.

        Args:
            path: begins with `/api/`; the caller percent-encodes the identifiers in it.
            params: query parameters; pairs where a name occurs more than once.
        """
        return self._call(Call("GET", path, params or {}, None, idempotent=True))

    def ask(self, method: str, path: str, *, params: Params | None = None, body: bytes | None = None) -> Response:
        """Makes one call, which may be repeated, and returns the answer whatever it says.

        Raises:
            LoadError: there is no answer that a retry would not improve.
        """
        call = Call(method, path, params or {}, body, idempotent=True)
        return self._retrier.run(lambda: self._exchange(call), what=call.what, idempotent=True).response

    def now(self) -> float:
        """Seconds by the clock that waits go by."""
        return self._retrier.timing.clock()

    def pause(self, seconds: float) -> None:
        """Waits for a number of seconds, or until the run is stopped."""
        self._retrier.timing.wait(seconds)

    def check(self, patience: float = 0.0) -> None:
        """Signs in and makes one cheap call, so that a wrong setting is reported before any work is done.

        Args:
            patience: seconds for which a server is waited for that answers that it takes no calls for now.

        Raises:
            AuthError: the credentials are refused.
            ConfigError: there is no LUSID, or no token endpoint, at the URL.
            UnreachableError: nothing answers.
        """
        limits = RetryLimits(min(CHECK_RETRIES, self._retrier.limits.retries), patience, CHECK_SECONDS, only_away=True)
        self._token_retrier.limits = replace(limits, retries=TOKEN_RETRIES)
        try:
            self._tokens.token()
        except NeverSentError as error:
            raise UnreachableError(f"{error.message}: is FBN_TOKEN_URL right?") from None
        call = Call("GET", CHECK_PATH, {}, None, idempotent=True)
        answered: list[int] = []

        def send() -> Response:
            answered.clear()
            response = self._exchange(call, CHECK_SECONDS)
            answered.append(response.status)
            return response

        try:
            final = self._retrier.run(send, what=self._base, idempotent=True, limits=limits)
        except RetryableError as error:
            doubt = "" if AWAY.intersection(answered) else ": is FBN_LUSID_URL right?"
            raise UnreachableError(f"{error.message}{doubt}") from None
        try:
            answer = self._accepted(final, call)
        except RejectedError as error:
            raise NoLusidError(f"{error.message}: is FBN_LUSID_URL right?") from None
        if not isinstance(answer.body, dict):
            raise ConfigError(f"{self._base} does not answer like LUSID: is FBN_LUSID_URL right?")
        if final.response.request_id:
            self._transport.expect_signatures()
        self.opened_at = moment_of(final.response.headers.get("Date"))

    def _call(self, call: Call) -> Answer:
        def send() -> Response:
            response = self._exchange(call)
            if classify(response.status) is Action.ACCEPT:
                if not response.is_json:
                    raise AnswerLostError(_NO_JSON.format(response.status), response.request_id)
                if call.is_believed and not response.is_own:
                    raise AnswerLostError(f"answered {response.status} without LUSID's request id")
            return response

        final = self._retrier.run(send, what=call.what, idempotent=call.idempotent)
        return self._accepted(final, call)

    def _exchange(self, call: Call, seconds: float = math.inf) -> Response:
        def send(token: str) -> Response:
            self._transport.scrubber.add_token(token)
            request = call.request(self._settings, self._base, token)
            return self._transport.exchange(request, seconds, alone=call.is_believed)

        token = self._tokens.token()
        response = send(token)
        if classify(response.status) is not Action.REFRESH_TOKEN:
            return response
        if call.idempotent or response.is_own:
            return send(self._tokens.renew(token))
        with suppress(LoadError):  # reading back will show whether there is a token that is taken
            self._tokens.renew(token)
        return response

    def _accepted(self, final: FinalResponse, call: Call) -> Answer:
        response = final.response
        if classify(response.status) is Action.ACCEPT:
            found = request_id(response)
            return Answer(
                response.status,
                response.body,
                found,
                final.attempts,
                response.seconds,
                moment_of(response.headers.get("Date")),
            )
        error = refusal(response, what=call.what, base_url=self._base)
        is_refusal = response.status // 100 in (3, 4)  # with any other status LUSID may have applied the call
        in_doubt = call.method == "POST" and (final.in_doubt or not is_refusal)
        if not (call.idempotent or response.is_own):
            said = f": {error.problem.reason}" if isinstance(error, RejectedError) else ""
            text = f"{call.what}: answered {response.status} in words that are not LUSID's{said}"
            raise PerhapsAppliedError(text, refusal=error)
        if in_doubt and not isinstance(error, RejectedError):
            raise PerhapsAppliedError(f"{error.message}; the request may have been applied")
        raise error
