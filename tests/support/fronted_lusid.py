"""The sandbox behind a front that spoils answers, loses calls, and shows readers what was there some time ago.

Requests arrive over real connections; time is the test's own, so that waiting for it takes none. Counts how often each
request was applied. Owns: what is applied when, and what readers see. Must not know the loader.
"""

import asyncio
import json
import selectors
import socket
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast
from urllib.parse import unquote

from fronts import LOSING, OWN, PASSING, Front, Said, own, problem, wire
from raw_server import RawServer, Seen

from connectors.sandbox.store import Store, Transaction
from connectors.sandbox.web.app import Service, build
from connectors.sandbox.web.fault_injection import FaultPlan
from connectors.sandbox.web.tokens import Tokens

TOKEN = "kestrel-0417"
"""No part of it stands in an answer, which would else be searched text by text."""


class Clock:
    """Seconds that pass only while somebody waits."""

    def __init__(self) -> None:
        self._now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


class LaggingStore(Store):
    """A store whose readers see what was there `lag` seconds ago.

    Attributes:
        moment: when what is written now is taken to be written; None for now.
    """

    def __init__(self, content: bytes | None, clock: Clock, lag: float, dialect: str) -> None:
        super().__init__(None, dialect)
        self._clock, self._lag = clock, lag
        self.moment: float | None = None
        if content is not None:
            self._connection.deserialize(content)
        self._seen = deque([(float("-inf"), self.content())])

    def content(self) -> bytes:
        """All that is stored."""
        return self._connection.serialize()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with super().write() as transaction:
            yield transaction
        self._seen.append((self.moment if self.moment is not None else self._clock(), self.content()))

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        if not self._lag:
            with super().read() as transaction:
                yield transaction
            return
        shown = [content for moment, content in self._seen if moment <= self._clock() - self._lag][-1]
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.deserialize(shown)
        try:
            yield Transaction(connection)
        finally:
            connection.close()


@dataclass(frozen=True)
class Answered:
    """LUSID's answer to a call."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    def on_the_wire(self) -> bytes:
        kept = {name: value for name, value in self.headers.items() if name != "content-length"}
        return wire(self.status, self.content, kept)


class Application:
    """The sandbox's application, asked without a socket or a thread of its own; one for all tests of a dialect."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        tokens = Tokens(1e9, TOKEN)
        self._service = Service(
            Store(None, dialect), tokens, FaultPlan(), dialect, 1 << 26, "https://fronted.lusid.com/api"
        )
        self._app = build(self._service)
        self._loop, self._lock = asyncio.new_event_loop(), threading.Lock()

    def ask(self, store: Store, seen: Seen, body: bytes) -> Answered:
        """Does a call on what a store holds."""
        with self._lock:
            self._service.store = store
            return self._loop.run_until_complete(self._ask(seen, body))

    async def _ask(self, seen: Seen, body: bytes) -> Answered:
        method, target, _ = seen.line.split(" ")
        path, _, query = target.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
        }
        scope |= {"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": ""}
        scope |= {"headers": [(name.encode(), value.encode()) for name, value in seen.headers.items()]}
        told: dict[str, Any] = {"body": b""}
        sent = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            return next(sent, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told["status"], told["headers"] = message["status"], message["headers"]
            else:
                told["body"] += message.get("body", b"")

        await self._app(scope, receive, send)
        return Answered(told["status"], {k.decode(): v.decode() for k, v in told["headers"]}, told["body"])


@cache
def application(dialect: str) -> Application:
    """The application of a dialect."""
    return Application(dialect)


@dataclass(frozen=True)
class Turn:
    """What happens to one call.

    Attributes:
        front: its name in `LOSING`, `PASSING` or `OWN`.
        applied: whether LUSID does the call.
        late: seconds after which it does.
    """

    front: str
    applied: bool
    late: float = 0.0

    @property
    def spoils(self) -> Front:
        return {**LOSING, **PASSING, **OWN}[self.front]


@dataclass
class Fronted(RawServer):
    """A LUSID behind a front.

    Attributes:
        content: what it holds at first, as `Fronted.holds` gave it.
        lag: seconds by which readers see what was.
        strict: whether what was applied is refused when it is asked for again; else it is done again.
        turns: what happens to the POSTs, one by one; those after them are well.
        reads: the same of GETs.
        longest: characters of the longest URL that the front passes; None for any.
        too_large: whether a call of such keys is more than the front passes.
        applied: how often each request was applied, by its key.
        asked: (method, path) of each call.
    """

    steps: list[Any] = field(default_factory=list)
    content: bytes | None = None
    clock: Clock = field(default_factory=Clock)
    lag: float = 0.0
    strict: bool = False
    dialect: str = "2.1"
    turns: deque[Turn] = field(default_factory=deque)
    reads: deque[Turn] = field(default_factory=deque)
    longest: int | None = None
    too_large: Callable[[Sequence[str]], bool] = lambda _: False
    applied: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._store = LaggingStore(self.content, self.clock, self.lag, self.dialect)
        self.refused_for_size = 0
        self._late: list[tuple[float, Seen]] = []
        self._turn = threading.RLock()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._store.close()

    def holds(self) -> bytes:
        """All that it holds."""
        return self._store.content()

    def settle(self) -> None:
        """Does what was still to be done late."""
        with self._turn:
            self._do_late(float("inf"))

    def count(self, method: str) -> int:
        """How many calls there were, but for the one that asks who it is."""
        return sum(m == method and "metadata" not in path for m, path in self.asked)

    def _accept(self) -> None:
        """Serves all connections in one thread: no answer here waits for anything, and most take a new connection."""
        with selectors.DefaultSelector() as ready, ExitStack() as closing:
            ready.register(self._listener, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is not self._listener:
                        sock = cast("socket.socket", key.fileobj)
                        if not self._stays(sock):
                            ready.unregister(sock)
                            sock.close()
                        continue
                    try:
                        sock, _ = self._listener.accept()
                    except OSError:
                        return
                    closing.enter_context(sock)
                    ready.register(sock, selectors.EVENT_READ)

    def _stays(self, sock: socket.socket) -> bool:
        with suppress(OSError):
            return self._one(sock)
        return False

    def serve(self, sock: socket.socket, seen: Seen) -> bool:
        said = self._said(seen)
        sock.sendall(said.content)
        return said.stays

    def _said(self, seen: Seen) -> Said:
        with self._turn:
            method, path, _ = seen.line.split(" ")
            self.asked.append((method, path))
            self._do_late(self.clock())
            if self.longest is not None and len(path) > self.longest:
                return LOSING["414 in a page"](b"")
            if method == "POST" and self.too_large(keys_of(json.loads(seen.body))):
                self.refused_for_size += 1
                return LOSING["413 in a page"](b"")
            plain = "metadata" in path
            waiting = self.turns if method == "POST" else self.reads
            turn = waiting.popleft() if waiting and not plain else None
            if turn is None:
                return Said(self._do(seen).on_the_wire())
            return turn.spoils(self._answer(seen, turn))

    def _answer(self, seen: Seen, turn: Turn) -> bytes:
        if turn.applied and not turn.late:
            return self._do(seen).on_the_wire()
        if turn.applied:
            self._late.append((self.clock() + turn.late, seen))
        return own(201, {"values": [], "failed": {}}, "FRONTED:0")  # what is cut of it, nobody gets to read

    def _do_late(self, now: float) -> None:
        due = [(moment, seen) for moment, seen in self._late if moment <= now]
        self._late = [(moment, seen) for moment, seen in self._late if moment > now]
        for self._store.moment, seen in due:
            self._do(seen)
        self._store.moment = None

    def _do(self, seen: Seen) -> Answered:
        body = json.loads(seen.body) if seen.line.startswith("POST") else []
        if isinstance(body, list):  # a read, or ids to allocate, which may be asked for again
            return self._ask(seen, seen.body)
        again = [key for key in keys_of(body) if self.applied[key]] if self.strict else []
        if again and "requests" in body:
            errors = {f"requests[{n}].id": [THERE] for n, key in enumerate(keys_of(body)) if key in again}
            return _signed(400, problem(400, "ResourceConflict", 461, f"{next(iter(errors))}: {THERE}", errors=errors))
        if again and len(again) == len(keys_of(body)):
            answered = _signed(200, {"values": {}, "failed": {}})
        else:
            answered = self._ask(seen, json.dumps(_without(body, again)).encode())
        if answered.status // 100 != 2:
            return answered
        told = answered.body
        for key in done_in(body, told):
            self.applied[key] += 1
        if again:
            there = [spelled(key) if "allocationIds" in body else key for key in again]
            told["failed"] |= {key: {"id": key, "type": "AlreadyDoneFailure", "detail": THERE} for key in there}
        return Answered(answered.status, answered.headers, json.dumps(told).encode())

    def _ask(self, seen: Seen, body: bytes) -> Answered:
        return application(self.dialect).ask(self._store, seen, body)


THERE = "it exists already"


def _signed(status: int, body: Mapping[str, object]) -> Answered:
    headers = {"content-type": "application/problem+json", "lusid-meta-requestId": "FRONTED:2"}
    return Answered(status, headers, json.dumps(body).encode())


def _without(body: Mapping[str, Any], keys: Sequence[str]) -> Mapping[str, Any]:
    """A call's body without some of its requests."""
    if "allocationIds" not in body:
        return {key: each for key, each in body.items() if key not in keys}
    return {**body, "allocationIds": [each for each in body["allocationIds"] if name(each) not in keys]}


def keys_of(body: Mapping[str, Any]) -> Sequence[str]:
    """The key of each request of a call, as a load knows it."""
    if "allocationIds" in body:
        return [name(each) for each in body["allocationIds"]]
    if "requests" not in body:
        return list(body)
    members = ("blockId", "orderId", "id")
    return [name(next(request[m] for m in members if m in request)) for request in body["requests"]]


def done_in(body: Mapping[str, Any], told: Mapping[str, Any]) -> Sequence[str]:
    """The keys of the requests that an answer says are done."""
    if "requests" in body:
        return keys_of(body)
    if "allocationIds" not in body:
        return list(told["values"])
    return [key for key in keys_of(body) if spelled(key) in told["values"]]


def spelled(key: str) -> str:
    """A key as the answers to bookings spell it."""
    return f"Scope:{key.replace('/', ' Code:')}"


def name(resource: Mapping[str, str]) -> str:
    return f"{resource['scope']}/{resource['code']}"
