"""Runs the sandbox: in a thread for tests and `--target sandbox`, in the foreground for `bulkload sandbox`.

Knows uvicorn and sockets; `web.app` is what it serves.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.sandbox.domain.reference.known import read_known, settle
from connectors.sandbox.protocol.calls import DIALECTS, ApiCall
from connectors.sandbox.protocol.dates import now_text
from connectors.sandbox.protocol.variant import parse_variant
from connectors.sandbox.store import Store
from connectors.sandbox.web.app import Service, build
from connectors.sandbox.web.fault_injection import parse_faults
from connectors.sandbox.web.rate_limit import RateLimit
from connectors.sandbox.web.tokens import Tokens
from schemas.errors import ConfigError

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 64 * 1024 * 1024
TOKEN_SECONDS = 3600.0
_DRAIN_SECONDS = 5
_BACKLOG = 512


class _CuttableProtocol(H11Protocol):
    """Passes the connection to the application as `scope["state"]["transport"]`, so that faults can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Ends on a signal without raising it again afterwards, because a requested stop is a clean end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # uvicorn's signature
        self.force_exit = self.should_exit
        self.should_exit = True


class _Running:
    """A bound socket, the service behind it and the server that runs it."""

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        try:
            self._socket = _bind(port)
        except ConfigError:
            service.store.close()
            raise
        number = self._socket.getsockname()[1]
        self.root = f"http://{LOOPBACK}:{number}"
        service.base_url = f"{self.root}/api"
        config = uvicorn.Config(
            build(service),
            http=_CuttableProtocol,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self.server = _Server(config)

    def run(self) -> None:
        """Serves until told to stop, then closes the socket and the store."""
        try:
            self.server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self.service.store.close()


def _bind(port: int) -> socket.socket:
    # asyncio turns off Nagle's algorithm, which delays each call by 40 ms, only for a socket that says it is TCP
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(_BACKLOG)  # from here on clients are kept waiting rather than refused
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigError(f"the sandbox cannot listen on {LOOPBACK}:{port}: {error}") from error
    return listener


@dataclass(frozen=True)
class Setup:
    """What a sandbox is to be.

    Attributes:
        database: a file that outlives it, or None to keep the data in memory.
        dialect: `2.1`, `2.3` or `legacy`.
        faults: a `--faults` specification (see `web.fault_injection.parse_faults`).
        body_limit: size of the largest request body accepted, in bytes; larger ones get 413.
        known: which reference data it has: `all`, `none` or a file (see `domain.reference.known`); None for what its
            database was made with, or else all.
        rate_limit: calls that it answers in a minute; None for any number.
        differs: in what it behaves otherwise than is inferred of LUSID (see `protocol.variant`).
    """

    database: Path | None = None
    dialect: str = "2.1"
    faults: str | None = None
    body_limit: int = BODY_LIMIT
    known: str | None = None
    rate_limit: int | None = None
    differs: str | None = None

    def service(self, tokens: Tokens) -> Service:
        """Opens it.

        Raises:
            ConfigError: the dialect, the faults, the variant, the database or the reference data cannot be used.
        """
        if self.dialect not in DIALECTS:
            raise ConfigError(f"the sandbox has no dialect {self.dialect!r}: {' or '.join(DIALECTS)}")
        faults = parse_faults(self.faults)
        known = None if self.known is None else read_known(self.known)
        variant = parse_variant(self.differs)
        store = Store(self.database, self.dialect, lag=variant.lag, caseless=variant.identifiers == "caseless")
        try:
            with store.write() as transaction:
                assumed = settle(transaction, self._seeding(store), known)
        except BaseException:
            store.close()
            raise
        limit = None if self.rate_limit is None else RateLimit(self.rate_limit)
        return Service(
            store, tokens, faults, self.dialect, self.body_limit, assumed=assumed, rate_limit=limit, variant=variant
        )

    def _seeding(self, store: Store) -> ApiCall:
        """The call that creates what is known from the start."""
        return ApiCall(store, self.dialect, "", "", now_text(), {}, {})


class Sandbox:
    """A sandbox on 127.0.0.1, in a thread of this process, for as long as the `with` block lasts.

    Args:
        database: a file that outlives it, or None to keep the data in memory.
        port: the port to listen on; 0 for any free one.
        token: a bearer token that is always valid, in addition to those it issues.
        token_seconds: how long issued access tokens are valid, in seconds.
        setup: further attributes of `Setup`.

    Raises:
        ConfigError: the setup or the port cannot be used.
    """

    def __init__(
        self,
        *,
        database: Path | None = None,
        port: int = 0,
        token: str | None = None,
        token_seconds: float = TOKEN_SECONDS,
        **setup: Any,
    ) -> None:
        self._tokens = Tokens(token_seconds, token)
        self._token = token
        self._port = port
        self._service = Setup(database, **setup).service(self._tokens)
        self._faults = self._service.faults
        self._running: _Running | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        running = self._running = _Running(self._service, self._port)
        self._thread = threading.Thread(target=running.run, name="sandbox", daemon=True)
        self._thread.start()
        while not running.server.started and self._thread.is_alive():
            self._thread.join(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is not None and self._thread is not None:
            self._running.server.should_exit = True
            self._thread.join()

    @property
    def url(self) -> str:
        """The API's base URL, ending in `/api`; the paths of calls begin with `/api/` again."""
        return self._service.base_url

    @property
    def token_url(self) -> str:
        """The token endpoint; it accepts any user name and password, except the password `wrong`."""
        return f"{self.url.removesuffix('/api')}/oauth2/token"

    @property
    def access_token(self) -> str:
        """A bearer token that is valid now."""
        return self._token or self._tokens.issue()

    @property
    def calls(self) -> list[tuple[str, str, int]]:
        """(method, path, status) of every call so far, in order of arrival; status 0: not fully answered."""
        return list(self._service.calls)

    @property
    def requests_served(self) -> int:
        """How many POST calls the API has received, not counting the token endpoint."""
        return sum(m == "POST" and path.startswith("/api/api/") for m, path, _ in self.calls)

    @property
    def faults_met(self) -> Counter[str]:
        """How many calls have met each fault."""
        return Counter(self._faults.met)

    @property
    def script_left(self) -> tuple[str, ...]:
        """The steps of the fault script that no call has met yet."""
        return tuple(self._faults.script)

    def revoke_tokens(self) -> None:
        """Revokes every token issued so far, as a server restart or an administrator would."""
        self._tokens.revoke_all()


def serve(
    setup: Setup,
    *,
    port: int,
    announce: Callable[[str, str], None] = lambda url, token_url: None,
) -> None:
    """Serves in the foreground until SIGINT or SIGTERM, then ends cleanly. Prints nothing.

    Args:
        setup: what it is to be.
        port: the port to listen on; 0 for any free one.
        announce: called with the base URL and the token URL once the port is open.

    Raises:
        ConfigError: the setup or the port cannot be used.
    """
    service = setup.service(Tokens(TOKEN_SECONDS))
    running = _Running(service, port)
    announce(service.base_url, f"{running.root}/oauth2/token")
    running.run()
