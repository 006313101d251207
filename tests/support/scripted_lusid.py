"""A loopback LUSID whose answers a test decides one by one, and open targets for it and for the sandbox.

For answers that the sandbox never gives: shuffled, incomplete, of wrong types, huge, cut off.
"""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.lusid.client import LusidClient
from connectors.lusid.settings import LusidSettings
from connectors.sandbox.server import Sandbox
from connectors.targets import Target

LOG = "https://unit.lusid.com/app/insights/logs/"


@dataclass(frozen=True)
class Call:
    """A request as it arrived: method, path without the query, parsed body (None for a GET), number from 1."""

    method: str
    path: str
    body: Any
    number: int

    @property
    def keys(self) -> list[str]:
        """What the body asks for: its keys, or `scope/code` of its blocks."""
        if "requests" not in self.body:
            return list(self.body)
        return [f"{r['blockId']['scope']}/{r['blockId']['code']}" for r in self.body["requests"]]


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        body: sent as JSON; bytes are sent as they are.
        cut: the connection is cut before a byte of it.
        headers: sent beside the usual ones.
    """

    status: int = 201
    body: Any = None
    cut: bool = False
    headers: tuple[tuple[str, str], ...] = ()


Rule = Callable[[Call], Reply]


def done(call: Call) -> Reply:
    """Everything is done."""
    if "requests" in call.body:
        values: Any = [{"block": {"id": r["blockId"]}, "orders": r["orders"]} for r in call.body["requests"]]
        return Reply(body={"values": values, "href": None, "links": []})
    values = {key: {"lusidInvestorRecordId": f"LUID_{key}"} for key in call.body}
    return Reply(body={"values": values, "failed": {}, "links": []})


def refused(errors: Any = None, *, status: int = 400, **more: Any) -> Reply:
    """Problem details; the code is ValidationError's."""
    return Reply(status, {**problem("ValidationError", 132, status, "Refused"), "errors": errors, **more})


def problem(name: str, code: int, status: int, title: str) -> dict[str, Any]:
    """LUSID's whole problem details."""
    texts = {"type": f"https://docs.lusid.com/#section/Error-Codes/{code}", "title": title, "detail": ""}
    return {"name": name, "code": code, "status": status, **texts, "instance": f"{LOG}R-1", "errorDetails": []}


MISSING = Reply(404, problem("ResourceNotFound", 460, 404, "Not there"))


def nothing_there(call: Call) -> Reply:
    """What a GET finds in a LUSID that is there and holds nothing."""
    return Reply(200, {}) if "metadata" in call.path else MISSING


class Taking:
    """A LUSID that takes everything, and counts how often it is sent each key."""

    def __init__(self) -> None:
        self.posted: Counter[str] = Counter()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        self.posted.update(call.keys)
        return done(call)


class ScriptedLusid:
    """Answers every POST and GET below /api/api/ as its rule says; serves from a free port of 127.0.0.1."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.calls: list[Call] = []
        self.answers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/api"

    @property
    def posted(self) -> list[Call]:
        """The POST calls."""
        return [call for call in self.calls if call.method == "POST"]

    def answer(self, method: str, target: str, content: bytes) -> Reply:
        path = urlsplit(target).path.removeprefix("/api")
        with self._lock:
            call = Call(method, path, json.loads(content) if content else None, len(self.calls) + 1)
            self.calls.append(call)
        return self.rule(call)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        lusid = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:  # http.server's name
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._reply(lusid.answer("POST", self.path, content))

            def do_GET(self) -> None:  # http.server's name
                self._reply(lusid.answer("GET", self.path, b""))

            def _reply(self, reply: Reply) -> None:
                if reply.cut:
                    self.close_connection = True
                    return
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(content)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("lusid-meta-requestId", f"REQ-{next(lusid.answers)}")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
                pass

        return Handler

    def __enter__(self) -> "ScriptedLusid":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def open_at(url: str, token: str, retries: int) -> Iterator[Target]:
    """An open target whose client waits for nothing."""
    settings = LusidSettings(lusid_url=url, access_token=SecretStr(token))
    with LusidClient(settings, retries=retries, sleep=lambda _: None) as client:
        yield Target(client, url)


@contextmanager
def scripted(rule: Rule, retries: int = 1) -> Iterator[tuple[ScriptedLusid, Target]]:
    """A scripted LUSID and an open target for it."""
    with ScriptedLusid(rule) as lusid, open_at(lusid.url, "token", retries) as target:
        yield lusid, target


@contextmanager
def sandbox(faults: str | None = None, retries: int = 1) -> Iterator[tuple[Sandbox, Target]]:
    """A sandbox and an open target for it."""
    with Sandbox(faults=faults) as opened, open_at(opened.url, opened.access_token, retries) as target:
        yield opened, target
