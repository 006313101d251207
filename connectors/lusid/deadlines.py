"""Connections that keep one deadline for a whole attempt, and on which an answer belongs to its request.

requests' read timeout starts again with each byte, so a server that drips one byte a second never trips it. Here
resolving the name, every socket read (status line, headers and body alike) and every write gets only the time that is
left of the attempt's total (docs/decisions/0014-the-deadline-adapter.md). Interim responses are skipped (RFC 9110,
15.2), a head that is no HTTP is an error, and a connection on which more came than was asked for is used no more. Owns
the subclasses of urllib3 and http.client that this takes; what is sent and what a failure means is for the modules
above.
"""

import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_BUFFER_BYTES = 64 * 1024

_HELD_BYTES = 128 * 1024
"""Bytes of a request that are sent at once, at most: its head and, where that is short, its body."""

MOST_INTERIM = 100
"""Interim responses that are skipped before a final one."""


class Attempt:
    """One attempt: its deadline, and whether it failed to connect.

    Attributes:
        alone: whether it takes a connection of its own, on which no earlier request's answer can still be on its way.
        connecting_failed: the exception that kept it from connecting, as the library raised it; None once connected.
            While it is set nothing was sent, whatever exception the caller sees.
    """

    def __init__(self, clock: Callable[[], float], seconds: float, *, alone: bool = False) -> None:
        """Starts an attempt that may take so many seconds, by a monotonic clock."""
        self._clock = clock
        self._ends_at = clock() + seconds
        self.alone = alone
        self.connecting_failed: Exception | None = None

    def seconds_left(self) -> float:
        """Seconds until the deadline; raises TimeoutError once it has passed."""
        left = self._ends_at - self._clock()
        if left <= 0:
            raise TimeoutError("the attempt's deadline has passed")
        return left


_ATTEMPT: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt_under_way(attempt: Attempt) -> Iterator[None]:
    """A block within which every `DeadlineAdapter` in this thread works on `attempt`."""
    token = _ATTEMPT.set(attempt)
    try:
        yield
    finally:
        _ATTEMPT.reset(token)


class DeadlineAdapter(HTTPAdapter):
    """requests' pooled adapter with connections that keep the deadline; for use inside `attempt_under_way`."""

    _last_pool: tuple[object, Any] | None = None

    def get_connection_with_tls_context(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """The pool for a request. Most are for the URL of the one before, and requests works it out anew for each."""
        known, last = (request.url, args, tuple(kwargs.items())), self._last_pool
        if last is None or last[0] != known:
            self._last_pool = last = (known, super().get_connection_with_tls_context(request, *args, **kwargs))
        return last[1]

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """What the first line of a request names; without a proxy that is the path, and no proxy is looked for."""
        return super().request_url(request, proxies) if proxies else request.path_url

    def build_response(self, request: PreparedRequest, raw: Any) -> Response:
        """The response, as far as anybody here reads it."""
        return _Answer(request, raw)

    def close(self) -> None:
        """Closes the pools."""
        self._last_pool = None
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Builds the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _Answer(Response):
    """A response of which nobody keeps cookies or asks for an encoding: to look for them takes as long as the rest."""

    def __init__(self, request: PreparedRequest, raw: Any) -> None:
        super().__init__()
        self.status_code, self.headers, self.raw = raw.status, CaseInsensitiveDict(raw.headers), raw
        self.url, self.request = request.url or "", request


class _DeadlineReader(io.RawIOBase):
    """The reading side of a socket; no read waits longer than the attempt has left."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._longest_silence = sock.gettimeout()
        self._file = sock.makefile("rb", buffering=0)
        self._attempt = _ATTEMPT.get()
        self._is_over = False

    def readable(self) -> bool:
        return True

    def stop(self) -> None:
        """Reads nothing more."""
        self._is_over = True

    def readinto(self, buffer: Any) -> int | None:
        if self._is_over:
            return None
        left = self._attempt.seconds_left()
        silence = self._longest_silence
        self._sock.settimeout(left if silence is None else min(left, silence))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Buffer(io.BufferedReader):
    """Tells on being closed when bytes are left over that belong to no response."""

    def __init__(self, reader: _DeadlineReader, left_over: Callable[[], None]) -> None:
        super().__init__(reader, _BUFFER_BYTES)
        self._reader, self._left_over = reader, left_over

    def close(self) -> None:
        if not self.closed:
            self._reader.stop()
            if self.peek(1):
                self._left_over()
        super().close()


class _DeadlineSocket:
    """The part of a socket that http.client's response uses."""

    def __init__(self, sock: socket.socket, left_over: Callable[[], None]) -> None:
        self._sock, self._left_over = sock, left_over

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _Buffer(_DeadlineReader(self._sock), self._left_over)


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, left_over: Callable[[], None], **kwargs: Any) -> None:
        deadline_socket: Any = _DeadlineSocket(sock, left_over)
        super().__init__(deadline_socket, *args, **kwargs)

    def begin(self) -> None:
        for _ in range(MOST_INTERIM):
            super().begin()
            _check_head(self.headers)
            if self.status // 100 != 1:
                return
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first response
        raise http.client.HTTPException("interim responses without end")


def _check_head(headers: http.client.HTTPMessage) -> None:
    """Raises HTTPException for a head of which http.client and urllib3 make the best: who knows where its body ends."""
    lengths = {length.strip() for value in headers.get_all("Content-Length", ()) for length in value.split(",")}
    if len(lengths) > 1 or any(isinstance(defect, _NO_HEADS) for defect in headers.defects):
        raise http.client.HTTPException("malformed head")


_NO_HEADS = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)


class _PlainConnection(HTTPConnection):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_spoilt = False
        self._held: list[bytes] | None = None
        self.response_class = partial(_Response, left_over=self._spoil)  # type: ignore[assignment]  # is only called

    def _spoil(self) -> None:
        self._is_spoilt = True

    @property
    def is_connected(self) -> bool:
        """Whether the attempt under way may use this connection: nothing came on it that was not asked for."""
        return not _ATTEMPT.get().alone and not self._is_spoilt and super().is_connected

    def connect(self) -> None:
        self._is_spoilt = False
        try:
            _wait_for_address(self.host, self.port, self.timeout)
            super().connect()
        except Exception as error:
            _ATTEMPT.get().connecting_failed = error
            raise

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Sends a request; its head does not go alone before a small body, which costs the reader a turn of its own."""
        self._held = []
        try:
            super().request(*args, **kwargs)
            self._send_held()
        finally:
            self._held = None

    def _send_held(self) -> None:
        held, self._held = self._held, None  # else connecting to send it would be held as well
        if held:
            self.send(held[0] if len(held) == 1 else b"".join(held))

    def send(self, data: Any) -> None:
        if self._held is not None:
            if isinstance(data, bytes) and sum(map(len, self._held)) + len(data) <= _HELD_BYTES:
                self._held.append(data)
                return
            self._send_held()
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_ATTEMPT.get().seconds_left())  # otherwise the connect timeout would apply to a large body
        super().send(data)


def _wait_for_address(host: str, port: int, timeout: object) -> None:
    """Resolves a name before the deadline: the system's resolver takes none, and may need a minute to give up.

    Connecting then resolves the name once more, from the resolver's cache. An address needs no resolver.
    """
    if _is_address(host):
        return
    longest = _ATTEMPT.get().seconds_left()
    if isinstance(timeout, int | float):
        longest = min(longest, timeout)
    failures: list[OSError] = []

    def resolve() -> None:
        try:
            socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failures.append(error if isinstance(error, OSError) else socket.gaierror(str(error)))

    resolver = threading.Thread(target=resolve, name="resolve", daemon=True)
    resolver.start()
    resolver.join(longest)
    if failures:
        raise failures[0]
    if resolver.is_alive():
        raise socket.gaierror(socket.EAI_AGAIN, "name resolution timed out")


@lru_cache
def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}
