"""Fault injection: decides which fault a call meets, and makes the connection misbehave. Knows no endpoint.

A fault specification consists of `NAME=PROBABILITY` entries joined by commas, and options:
`429=0.05,cut-after=0.02,seed=7`. `script=429;cut-after;ok` gives the first calls their faults one by one; after it the
probabilities apply.
"""

import asyncio
import itertools
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox.protocol.calls import log_address
from connectors.sandbox.protocol.exact_json import dumps
from connectors.sandbox.protocol.problems import ProblemError
from schemas.errors import ConfigError

STATUSES = {
    "429": (103, "ApiRateLimitViolation"),
    "500": (-1, "Unknown"),
    "502": (-1, "BadGateway"),
    "503": (-1, "ServiceUnavailable"),
}
MEANINGS = {
    "429": "429 with Retry-After, in seconds and as a date by turns; nothing is applied",
    "500": "500; nothing is applied",
    "502": "502 with an HTML page; nothing is applied",
    "503": "503; nothing is applied",
    "503-after": "503 with a gateway's HTML page, after applying the call",
    "504": "504 with an HTML page, after applying the call",
    "slow": "the right answer, late by slow-seconds",
    "cut-before": "the connection is cut once the call has been read; nothing is applied",
    "cut-after": "the connection is cut after applying the call, before a byte of the answer",
    "cut-during": "the connection is cut after applying the call, in the middle of the answer",
    "truncated": "after applying the call, an answer whose JSON stops half way",
    "not-json": "after applying the call, a 2xx whose body is plain text",
    "html": "200 with an HTML page, like a proxy's login page; nothing is applied",
}
REQUEST_ID = "sandbox.request_id"
OPTIONS = ("seed", "reads", "slow-seconds", "retry-after", "script")

_HTML = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Gateway</h1></body></html>"


@dataclass
class FaultPlan:
    """Decides the fault of each call, in order of arrival.

    Attributes:
        probabilities: the probability of each fault; together at most 1.
        seed: makes the draws repeatable.
        reads: whether GET calls meet faults too.
        slow_seconds: the delay of `slow`, in seconds.
        retry_after: seconds that a 429 asks the client to wait.
        script: the faults of the first calls (`ok` for none); it shortens as calls arrive.
        met: how many calls have met each fault.
    """

    probabilities: dict[str, float] = field(default_factory=dict)
    seed: int | None = None
    reads: bool = False
    slow_seconds: float = 0.3
    retry_after: int = 1
    script: deque[str] = field(default_factory=deque)
    met: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  # repeatable faults, no secret
        self._throttled = itertools.count()

    def next(self, method: str) -> str:
        """The fault of the next call, or `ok`."""
        if method != "POST" and not self.reads:
            return "ok"
        fault = self.script.popleft() if self.script else self._draw()
        if fault != "ok":
            self.met[fault] += 1
        return fault

    def _draw(self) -> str:
        draw = self._random.random()
        for name, probability in self.probabilities.items():
            draw -= probability
            if draw < 0:
                return name
        return "ok"

    def wait_header(self) -> str:
        """The next Retry-After, in seconds and as a date by turns."""
        if next(self._throttled) % 2 == 0:
            return str(self.retry_after)
        return format_datetime(datetime.now(UTC) + timedelta(seconds=self.retry_after), usegmt=True)


def parse_faults(specification: str | None) -> FaultPlan:
    """Reads a `--faults` specification; None or an empty one means no faults.

    Raises:
        ConfigError: a name, probability or option is unknown or out of range; the message lists the valid ones.
    """
    faults: dict[str, Any] = {"probabilities": {}}
    for entry in (part.strip() for part in (specification or "").split(",")):
        if not entry:
            continue
        name, separator, value = (part.strip() for part in entry.partition("="))
        try:
            if separator and name in MEANINGS:
                faults["probabilities"][name] = _probability(value)
            elif separator and name in OPTIONS:
                faults[name.replace("-", "_")] = _option(name, value)
            else:
                raise ValueError("not known")  # noqa: TRY301  # one place words the refusal
        except ValueError as error:
            raise _not_a_fault(entry, str(error)) from None
    if sum(faults["probabilities"].values()) > 1:
        raise _not_a_fault(specification or "", "the probabilities add up to more than 1")
    return FaultPlan(**faults)


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError("a probability is 0 to 1")
    return value


def _option(name: str, text: str) -> object:
    if name == "script":
        steps = deque(step.strip() for step in text.split(";") if step.strip())
        unknown = [step for step in steps if step != "ok" and step not in MEANINGS]
        if unknown:
            raise ValueError(f"{unknown[0]} is no step of a script")
        return steps
    if name == "reads":
        if text not in ("true", "false"):
            raise ValueError("true or false")
        return text == "true"
    number = float(text) if name == "slow-seconds" else int(text)
    if name != "seed" and number < 0:
        raise ValueError("not negative")
    return number


def _not_a_fault(entry: str, why: str) -> ConfigError:
    return ConfigError(
        f"--faults {entry!r}: {why}. Faults, each =PROBABILITY: {', '.join(MEANINGS)}; "
        f"options: {', '.join(OPTIONS)} (a script's steps are faults or ok, joined by ;)"
    )


@dataclass
class _HeldAnswer:
    """An answer that is held back until the fault decides what the client gets of it."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


class FaultInjector:
    """ASGI middleware that injects faults into calls below `/api/api/`.

    The server must provide the connection's transport as `scope["state"]["transport"]`, and whoever is around this the
    call's id as `scope[REQUEST_ID]`.
    """

    def __init__(self, app: ASGIApp, faults: FaultPlan) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call, with its fault if it has one."""
        concerned = scope["type"] == "http" and scope["path"].startswith("/api/api/")
        fault = self._faults.next(scope["method"]) if concerned else "ok"
        if fault == "slow":
            await asyncio.sleep(self._faults.slow_seconds)
        if fault in ("ok", "slow"):
            await self._app(scope, receive, send)
        elif fault in STATUSES or fault in ("html", "cut-before"):
            await drain(receive)
            await self._refuse(fault, scope, receive, send)
        else:
            answer = _HeldAnswer()
            await self._app(scope, receive, answer.take)
            await _spoil(fault, answer, (scope, receive, send))

    async def _refuse(self, fault: str, scope: Scope, receive: Receive, send: Send) -> None:
        if fault == "cut-before":
            await _cut(scope, receive)
        elif fault in ("html", "502"):
            await reply(send, 200 if fault == "html" else int(fault), b"text/html", _HTML)
        else:
            code, name = STATUSES[fault]
            host, port = scope["server"]
            instance = log_address(f"http://{host}:{port}", scope[REQUEST_ID])
            body = ProblemError(int(fault), code, name, f"{fault}, as asked by --faults").body(instance)
            extra = []
            if fault == "429":
                extra = [(b"retry-after", self._faults.wait_header().encode())]
            await reply(send, int(fault), b"application/problem+json", dumps(body), *extra)


async def _spoil(fault: str, answer: _HeldAnswer, wires: tuple[Scope, Receive, Send]) -> None:
    scope, receive, send = wires
    half = answer.body[: len(answer.body) // 2]
    if fault in ("503-after", "504"):
        await reply(send, int(fault[:3]), b"text/html", _HTML)
    elif fault == "not-json":
        await reply(send, answer.status, b"text/plain", b"upstream connect error or disconnect")
    elif fault == "truncated":
        await reply(send, answer.status, b"application/json", half)
    elif fault == "cut-after":
        await _cut(scope, receive)
    else:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _cut(scope, receive, after_sending=True)


async def reply(send: Send, status: int, media_type: bytes, body: bytes, *extra: tuple[bytes, bytes]) -> None:
    """Sends a whole answer.

    Args:
        send: the server's.
        status: the HTTP status.
        media_type: of the body.
        body: all of it.
        extra: further headers.
    """
    headers = [(b"content-type", media_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *extra]})
    await send({"type": "http.response.body", "body": body})


async def drain(receive: Receive) -> None:
    """Reads a body to its end: a refusal sent while the client is still writing can be lost."""
    while (await receive()).get("more_body"):
        pass


async def _cut(scope: Scope, receive: Receive, *, after_sending: bool = False) -> None:
    """Cuts the TCP connection and waits until it is closed."""
    transport: asyncio.Transport = scope["state"]["transport"]
    if after_sending:
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
