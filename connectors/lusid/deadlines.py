"""Connections that keep one deadline for a whole attempt, and report when connecting was what failed.

requests' read timeout starts again with each byte, so a server that drips one byte a second never trips it. Here
resolving the name, every socket read (status line, headers and body alike) and every write gets only the time that is
left of the attempt's total (docs/decisions/0014-the-deadline-adapter.md). Owns the subclasses of urllib3 and
http.client that this takes; what is sent and what a failure means is for the modules above.
"""

import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_BUFFER_BYTES = 64 * 1024


class Attempt:
    """One attempt: its deadline, and whether it failed to connect.

    Attributes:
        connecting_failed: the exception that kept it from connecting, as the library raised it; None once connected.
            While it is set nothing was sent, whatever exception the caller sees.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        """Starts an attempt that may take so many seconds, by a monotonic clock."""
        self._clock = clock
        self._ends_at = clock() + seconds
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

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Builds the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _DeadlineReader(io.RawIOBase):
    """The reading side of a socket; no read waits longer than the attempt has left."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._longest_silence = sock.gettimeout()
        self._file = sock.makefile("rb", buffering=0)
        self._attempt = _ATTEMPT.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._attempt.seconds_left()
        silence = self._longest_silence
        self._sock.settimeout(left if silence is None else min(left, silence))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _DeadlineSocket:
    """The part of a socket that http.client's response uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._sock), _BUFFER_BYTES)


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        deadline_socket: Any = _DeadlineSocket(sock)
        super().__init__(deadline_socket, *args, **kwargs)


class _PlainConnection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        try:
            _wait_for_address(self.host, self.port, self.timeout)
            super().connect()
        except Exception as error:
            _ATTEMPT.get().connecting_failed = error
            raise

    def send(self, data: Any) -> None:
        if self.sock is not None:  # otherwise urllib3 would apply the connect timeout to sending a large body
            self.sock.settimeout(_ATTEMPT.get().seconds_left())
        super().send(data)


def _wait_for_address(host: str, port: int, timeout: object) -> None:
    """Resolves a name before the deadline: the system's resolver takes none, and may need a minute to give up.

    Connecting then resolves the name once more, from the resolver's cache.
    """
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


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}
