"""The LUSID client: bytes out, a parsed answer or one of our own errors back.

Owns where LUSID is, and signing in again on a 401. Knows no operation, no row, no run.
Repeating is `pacing`'s, what outcomes mean is `policy`'s, sockets are `transport`'s. requests'
errors end here: what leaves is of `schemas.errors`, picklable and without a secret.

An idle connection that the server closes in the very moment we send looks like a lost answer, and
counts as one: harmless where the call is idempotent; elsewhere a needless reading back, and never
an order placed twice.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import random as uniform
from threading import Event
from typing import Any, Self

from connectors.lusid.call import Call, Params
from connectors.lusid.refusals import refusal, request_id
from connectors.lusid.retry_table import Action, AnswerLostError, classify
from connectors.lusid.retrying import WORKING_SECONDS, Effort, Pacer, Settled
from connectors.lusid.settings import LusidSettings
from connectors.lusid.throttle import Waiting
from connectors.lusid.tokens import TOKEN_RETRIES, token_source
from connectors.lusid.transport import Reply, Transport
from schemas.errors import (
    ConfigError,
    NeverSentError,
    PerhapsAppliedError,
    RejectedError,
    RetryableError,
    UnreachableError,
)

CHECK_PATH = "/api/metadata/versions"
CHECK_RETRIES = 3
"""Fewer than for data: a person waits to hear that the host is wrong."""

CHECK_SECONDS = 15.0
"""Longest attempt while a person waits, and what the attempts may take together before no other is made."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer.

    Attributes:
        body: the parsed JSON.
        request_id: LUSID's id of the request, for its support and logs.
        attempts: how often the request was sent, from 1.
        seconds: what the answered attempt took; waits and earlier attempts are not in it.
    """

    status: int
    body: Any
    request_id: str | None
    attempts: int
    seconds: float


class LusidClient:
    """Talks to one LUSID; safe to share between threads.

    Attributes:
        stop: set it to end every wait at once. An attempt under way is still finished, and a first
            attempt still made; nothing is repeated. Of the loads that share a client the one under
            way owns it.
    """

    def __init__(
        self,
        settings: LusidSettings,
        *,
        retries: int = 5,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = uniform,
    ) -> None:
        """Opens nothing yet.

        Args:
            settings: where LUSID is and who we are.
            retries: attempts beyond the first that one request may take.
            sleep: waits so many seconds; by default it waits on `stop`.
            clock: seconds that only grow.
            random: a number from 0 up to 1, for the jitter.

        Raises:
            ConfigError: the settings hold no URL, or no complete credentials.
            AuthError: the access token cannot be one.
        """
        if settings.lusid_url is None:
            raise ConfigError("No LUSID is configured: set FBN_LUSID_URL")
        self._base = settings.lusid_url.rstrip("/")
        self._settings = settings
        self.stop = Event()
        waiting = Waiting(stop=self.stop, sleep=sleep, clock=clock, random=random)
        self._pacer = Pacer(waiting, Effort(retries))
        self._token_pacer = Pacer(waiting, Effort(TOKEN_RETRIES, working=CHECK_SECONDS))
        self._transport = Transport(settings, clock=clock)
        self._tokens = token_source(settings, self._transport, self._token_pacer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the idle connections."""
        self._transport.close()

    @property
    def retries_done(self) -> int:
        """Attempts made beyond each request's first, over all threads."""
        return self._pacer.retries_done

    @property
    def setbacks(self) -> int:
        """Attempts in vain: 429, 503, no connection, a lost answer; over all threads."""
        return self._pacer.setbacks

    def be_patient(self, seconds: float) -> None:
        """From now on a request, or a sign-in, is tried for so many seconds, however many attempts that takes.

        Only what repeating can cure. To be called once `check` has shown that the settings are right: until
        then attempts are counted alone, so that a wrong host is said soon.
        """
        for pacer in (self._pacer, self._token_pacer):
            pacer.effort = replace(pacer.effort, patience=seconds, working=WORKING_SECONDS)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        idempotent: bool,
        expected_status: int,
    ) -> Answer:
        """Posts one request body and returns LUSID's answer to it.

        Args:
            path: begins with `/api/`; joined to the base URL as it is.
            body: encoded JSON.
            params: query parameters.
            idempotent: whether applying the request twice does no harm; only then is it repeated
                after a lost answer.
            expected_status: the documented 2xx; another 2xx is read all the same, and logged.

        Raises:
            RejectedError: LUSID refuses the request for what it says or, with 413, for its size.
            PerhapsAppliedError: the request was sent, no answer settles it, and it may have been
                applied.
            ThrottledError: LUSID refused before any work, for as long as we try.
            NeverSentError: LUSID, or the token endpoint, was not reached.
            AuthError: LUSID refuses us; nothing was applied.
            ConfigError: the URL is not a LUSID's; nothing was applied.
            UnreachableError: no connection, for a reason repeating cannot cure.
        """
        answer = self._call(Call("POST", path, params or {}, body, idempotent))
        if answer.status != expected_status:
            _log.info("POST %s answered %d, documented is %d", path, answer.status, expected_status)
        return answer

    def get(self, path: str, params: Params | None = None) -> Answer:
        """Reads from LUSID; repeated whenever repeating can help. Raises as `post` does.

        Args:
            path: begins with `/api/`; identifiers in it are percent-encoded by the caller.
            params: query parameters; pairs, where a name occurs more than once.
        """
        return self._call(Call("GET", path, params or {}, None, idempotent=True))

    def pause(self, seconds: float) -> None:
        """Waits, unless the run is stopped."""
        self._pacer.waiting.wait(seconds)

    def check(self) -> None:
        """Signs in and makes one cheap call, so that a wrong setting is said before any work.

        Raises:
            AuthError: the credentials are refused.
            ConfigError: the URL is not a LUSID's, or not a token endpoint's.
            UnreachableError: nobody answers.
        """
        try:
            self._tokens.token()
        except NeverSentError as error:
            raise UnreachableError(f"{error.message}: is FBN_TOKEN_URL right?") from None
        call = Call("GET", CHECK_PATH, {}, None, idempotent=True)
        try:
            settled = self._pacer.settle(
                lambda: self._exchange(call, CHECK_SECONDS),
                what=self._base,
                idempotent=True,
                effort=Effort(min(CHECK_RETRIES, self._pacer.effort.retries), working=CHECK_SECONDS),
            )
        except RetryableError as error:
            raise UnreachableError(f"{error.message}: is FBN_LUSID_URL right?") from None
        try:
            answer = self._accepted(settled, call)
        except RejectedError as error:
            raise ConfigError(f"{error.message}: is FBN_LUSID_URL right?") from None
        if not isinstance(answer.body, dict):
            raise ConfigError(f"{self._base} does not answer as LUSID: is FBN_LUSID_URL right?")

    def _call(self, call: Call) -> Answer:
        def send() -> Reply:
            reply = self._exchange(call)
            if classify(reply.status) is Action.ACCEPT and not reply.is_json:
                raise AnswerLostError(f"answered {reply.status} with what is not JSON")
            return reply

        settled = self._pacer.settle(send, what=call.what, idempotent=call.idempotent)
        return self._accepted(settled, call)

    def _exchange(self, call: Call, seconds: float = math.inf) -> Reply:
        def send(token: str) -> Reply:
            self._transport.scrubber.know_token(token)
            return self._transport.exchange(call.request(self._settings, self._base, token), seconds)

        token = self._tokens.token()
        reply = send(token)
        if classify(reply.status) is not Action.REFRESH_TOKEN:
            return reply
        return send(self._tokens.renew(token))

    def _accepted(self, settled: Settled, call: Call) -> Answer:
        reply = settled.reply
        if classify(reply.status) is Action.ACCEPT:
            found = request_id(reply)
            return Answer(reply.status, reply.body, found, settled.attempts, reply.seconds)
        error = refusal(reply, what=call.what, base_url=self._base)
        foreseen = reply.status // 100 in (3, 4)  # under another status LUSID may have worked
        in_doubt = call.method == "POST" and (settled.in_doubt or not foreseen)
        if in_doubt and not isinstance(error, RejectedError):
            raise PerhapsAppliedError(f"{error.message}; the request may have been applied")
        raise error
