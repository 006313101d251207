"""One HTTP exchange: sends one request and reads its whole response, within one deadline and one size limit.

Owns TLS, proxies, timeouts and the limit on how much a server can make us hold. It repeats nothing, follows no
redirect, keeps no cookie and reads neither the environment nor netrc: it uses requests' pooled adapter without a
Session, which would do all four. What a failure means is decided by `retry_table`.
"""

import math
import socket
import ssl
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import requests
from urllib3.exceptions import HTTPError, LocationParseError

from connectors.lusid.call import REQUEST_ID, Response, is_lusids_own
from connectors.lusid.deadlines import Attempt, DeadlineAdapter, attempt_under_way
from connectors.lusid.retry_table import (
    PROXY_SIGN_IN,
    AnswerLostError,
    NotConnectedError,
    ProxySignInError,
    UntrustedServerError,
    describe,
)
from connectors.lusid.secrets import Scrubber, cleaned_json
from connectors.lusid.settings import LusidSettings, is_loopback
from schemas.texts import server_text

MAX_ANSWER_BYTES = 64 * 2**20
"""Largest response that is read, in bytes after decompression; the response to 1,000 records takes about 2 MB."""

POOL_SIZE = 64
"""Idle connections kept: no fewer than there are senders, so that each keeps its own."""

SEEN = 512
"""Answers that are remembered by LUSID's id of their request: more than are ever under way at once."""

_CHUNK_BYTES = 64 * 1024
_PROXY_SIGN_IN = "Tunnel connection failed: 407"  # as http.client says it


class _WithBody(requests.PreparedRequest):
    """A request with the head of another, and a body of its own."""

    def __init__(self, head: requests.PreparedRequest, headers: dict[str, str], body: bytes) -> None:
        super().__init__()
        self.method, self.url, self.body = head.method, head.url, body
        headers = {**headers, "Content-Length": str(len(body))}
        self.headers = headers  # type: ignore[assignment]  # any mapping will do, and this one is copied quickly


class Transport:
    """Sends requests over pooled connections; safe to share between threads.

    Attributes:
        scrubber: removes the secrets it knows from every response.
    """

    def __init__(
        self,
        settings: LusidSettings,
        *,
        clock: Callable[[], float],
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Connects to nothing yet.

        Args:
            settings: hold the timeouts, the proxy, the certificate authorities and the secrets to remove.
            clock: a monotonic clock, in seconds.
            max_answer_bytes: largest response that is read, in bytes after decompression.
        """
        self._settings = settings
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes
        self._proxies = _proxies(settings)
        self.scrubber = _scrubber(settings)
        self._trusted = str(settings.client_certificate) if settings.client_certificate else True
        self._adapter = DeadlineAdapter(pool_maxsize=POOL_SIZE)
        self._signs = False
        self._last: tuple[object, requests.PreparedRequest, dict[str, str]] | None = None
        self._seen: deque[str] = deque(maxlen=SEEN)
        self._lock = Lock()

    def exchange(
        self, request: requests.Request, seconds: float = math.inf, *, for_token: bool = False, alone: bool = False
    ) -> Response:
        """Sends the request once and reads its whole response.

        Args:
            request: sent unchanged.
            seconds: seconds until the deadline, when that is sooner than the settings' own.
            for_token: whether a success brings a token, which must not be removed from it.
            alone: whether it takes a connection of its own: what must not be mistaken for another's answer does.

        Raises:
            NotConnectedError: no connection was made; nothing was sent.
            AnswerLostError: the body of a 2xx is larger than the limit, or the answer is one that another had already.
            requests.RequestException: the connection broke or fell silent; `retry_table` lists the cases.
        """
        attempt = Attempt(self._clock, min(self._settings.total_seconds, seconds), alone=alone)
        try:
            with attempt_under_way(attempt):
                return self._send(self._prepared(request), for_token=for_token, alone=alone)
        except (requests.RequestException, HTTPError):
            if attempt.connecting_failed is None:
                raise
        raise self._not_connected(attempt.connecting_failed)

    def expect_signatures(self) -> None:
        """From now on LUSID's own answers name their request: the target was seen to do so."""
        self._signs = True

    def close(self) -> None:
        """Closes the idle connections."""
        self._adapter.close()

    def _prepared(self, request: requests.Request) -> requests.PreparedRequest:
        """The request as it is sent. Calls of a load differ in nothing but their bodies: what the last one had is used.

        Working out the URL and the headers is a tenth of the processor time of a small call.
        """
        if not isinstance(request.data, bytes):
            return request.prepare()
        known = (request.method, request.url, str(request.params), tuple(request.headers.items()))
        last = self._last
        if last is None or last[0] != known:
            head = requests.Request(request.method, request.url, request.headers, params=request.params).prepare()
            self._last = last = (known, head, dict(head.headers))
        return _WithBody(*last[1:], request.data)

    def _send(self, request: requests.PreparedRequest, *, for_token: bool, alone: bool) -> Response:
        started = self._clock()
        response = self._adapter.send(
            request,
            stream=True,
            timeout=(self._settings.connect_seconds, self._settings.read_seconds),
            verify=self._trusted,
            proxies=self._proxies if self._proxies and not is_loopback(request.url or "") else {},
        )
        with response:
            status = response.status_code
            if not alone:
                self._check_new(response.headers.get(REQUEST_ID))
            headers = self.scrubber.headers(response.headers)
            try:
                content = self._content(response)
            except (requests.RequestException, AnswerLostError) as error:
                if status // 100 == 2:
                    raise AnswerLostError(describe(error), headers.get(REQUEST_ID)) from None
                content = b""  # the status alone decides what follows
            body, is_json = self._parsed(content, request, succeeded=status // 100 == 2, for_token=for_token)
            is_own = is_lusids_own(status, headers, body if is_json else None, signs=self._signs)
            return Response(status, headers, body, is_json, self._clock() - started, is_own)

    def _check_new(self, request_id: str | None) -> None:
        """Raises AnswerLostError for an answer that came before, to another: something on the way sent it twice."""
        if request_id is None:
            return
        with self._lock:
            if request_id in self._seen:
                raise AnswerLostError("an answer came twice, this time in place of another")
            self._seen.append(request_id)

    def _parsed(
        self, content: bytes, request: requests.PreparedRequest, *, succeeded: bool, for_token: bool
    ) -> tuple[Any, bool]:
        read = request.method == "GET" and succeeded
        clean = None if for_token and succeeded else self.scrubber.cleaner(content, request.body, read=read)
        try:
            body = orjson.loads(content)
        except orjson.JSONDecodeError:
            text = (content if clean else content[:2000]).decode("utf-8", "replace")
            return server_text(clean(text) if clean else text), False
        return cleaned_json(body, clean) if clean else body, True

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._max_answer_bytes:
                raise AnswerLostError(f"the answer is larger than {self._max_answer_bytes} bytes")
        return bytes(content)

    def _not_connected(self, error: Exception) -> NotConnectedError:
        cause = error.__cause__ or error
        match cause:
            case ssl.SSLCertVerificationError():
                return UntrustedServerError(
                    f"its certificate is not trusted ({self._clean(cause.verify_message)}); "
                    "name the certificate authorities to trust in FBN_CLIENT_CERTIFICATE"
                )
            case socket.gaierror() | LocationParseError():
                why = "the host name does not resolve"
            case TimeoutError():
                why = "no connection in time"
            case ConnectionRefusedError():
                why = "connection refused"
            case ssl.SSLError():
                why = f"TLS failed ({self._clean(str(cause.reason))})"
            case OSError() if str(cause).startswith(_PROXY_SIGN_IN):
                return ProxySignInError(PROXY_SIGN_IN)
            case OSError():
                why = cause.strerror or self._clean(str(cause))
            case _:
                why = f"no connection ({type(cause).__name__})"
        return NotConnectedError(why)

    def _clean(self, text: str) -> str:
        """Words of a server that a library quotes, without secrets."""
        clean = self.scrubber.cleaner(text.encode("utf-8", "replace"), None, read=False)
        return server_text(clean(text) if clean else text)


def _scrubber(settings: LusidSettings) -> Scrubber:
    scrubber = Scrubber()
    given = (settings.password, settings.client_secret, settings.proxy_password)
    scrubber.add_chosen(*(secret.get_secret_value() for secret in given if secret is not None))
    if settings.proxy_username is not None and settings.proxy_password is not None:
        scrubber.add_basic_pair(settings.proxy_username, settings.proxy_password.get_secret_value())
    return scrubber


def _proxies(settings: LusidSettings) -> dict[str, str]:
    """The proxies in requests' form; never used for loopback, which would be the proxy's own machine."""
    if settings.proxy_address is None:
        return {}
    parts = urlsplit(settings.proxy_address)
    if settings.proxy_username is not None:
        password = settings.proxy_password.get_secret_value() if settings.proxy_password else ""
        sign_in = f"{quote(settings.proxy_username, safe='')}:{quote(password, safe='')}@"
        parts = parts._replace(netloc=sign_in + parts.netloc)
    return dict.fromkeys(("http", "https"), parts.geturl())
