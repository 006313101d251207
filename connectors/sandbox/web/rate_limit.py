"""The rate limit: so many calls in a window of time, told in headers, and a 429 for whoever makes more."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox.protocol.calls import log_address
from connectors.sandbox.protocol.exact_json import dumps
from connectors.sandbox.protocol.problems import ProblemError
from connectors.sandbox.web.fault_injection import REQUEST_ID, drain, reply


@dataclass(frozen=True)
class RateLimit:
    """How many calls are answered.

    Attributes:
        calls: in one window; the next one begins when it is over.
        seconds: the length of a window.
    """

    calls: int
    seconds: float = 60.0


class RateLimiter:
    """ASGI middleware that counts the calls below `/api/api/`.

    Each answer says how many calls are left and when the window ends, in the headers that were seen in LUSID's own
    answers (docs/sandbox.md).
    """

    def __init__(self, app: ASGIApp, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._limit, self._clock = app, limit, clock
        self._ends = clock() + limit.seconds
        self._made = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call, or refuses it."""
        if not scope["path"].startswith("/api/api/"):
            await self._app(scope, receive, send)
            return
        left = self._left()
        headers = self._headers(max(0, left))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        if left >= 0:
            await self._app(scope, receive, send_with_headers)
            return
        await drain(receive)
        host, port = scope["server"]
        instance = log_address(f"http://{host}:{port}", scope[REQUEST_ID])
        detail = f"more than {self._limit.calls} calls in {self._limit.seconds:g} s"
        body = dumps(ProblemError(429, 103, "ApiRateLimitViolation", detail).body(instance))
        wait = str(math.ceil(self._ends - self._clock())).encode()
        await reply(send_with_headers, 429, b"application/problem+json", body, (b"retry-after", wait))

    def _left(self) -> int:
        """Counts a call; returns how many more may come, below 0 where it is one too many itself."""
        now = self._clock()
        if now >= self._ends:
            self._ends, self._made = now + self._limit.seconds, 0
        self._made += 1
        return self._limit.calls - self._made

    def _headers(self, left: int) -> list[tuple[bytes, bytes]]:
        ends = datetime.now(UTC) + timedelta(seconds=self._ends - self._clock())
        minutes = self._limit.seconds / 60
        length = f"{minutes:g}m" if minutes >= 1 else f"{self._limit.seconds:g}s"
        return [
            (b"x-rate-limit-limit", length.encode()),
            (b"x-rate-limit-remaining", str(left).encode()),
            (b"x-rate-limit-reset", f"{ends:%Y-%m-%dT%H:%M:%S.%f}0Z".encode()),
        ]
