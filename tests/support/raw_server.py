"""A loopback server that speaks raw bytes, so that it can break HTTP wherever a test wants it broken.

Each request that arrives takes the next step of the script; a request beyond the script is answered
200 `{}`. A step writes to the socket what it likes and says whether the connection stays open.
"""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass
class Seen:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


Step = Callable[[socket.socket], bool]


def answer(status: int, body: Any = None, **headers: str) -> Step:
    """A whole, well-formed JSON answer; underscores in header names stand for hyphens."""
    return raw_answer(status, json.dumps({} if body is None else body).encode(), **headers)


def raw_answer(status: int, content: bytes, **headers: str) -> Step:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"

    def step(sock: socket.socket) -> bool:
        sock.sendall(head + content)
        return True

    return step


def says(content: bytes) -> Step:
    """Exactly these bytes, then the end of the connection."""

    def step(sock: socket.socket) -> bool:
        sock.sendall(content)
        return False

    return step


def hangs_up(sock: socket.socket) -> bool:
    """Reads the request, answers nothing, closes."""
    return False


def drips(start: bytes) -> Step:
    """Sends `start`, then one byte every 20 ms, for ever."""

    def step(sock: socket.socket) -> bool:
        sock.sendall(start)
        while True:
            time.sleep(0.02)
            sock.sendall(b"x")

    return step


def is_silent(sock: socket.socket) -> bool:
    """Answers nothing and keeps the connection open until the client leaves."""
    sock.recv(1)
    return False


@dataclass
class RawServer:
    """Serves the script on a free port of 127.0.0.1; `seen` lists the requests in order."""

    steps: list[Step]
    reads_bodies: bool = True
    tls: ssl.SSLContext | None = None
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}/api"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):  # the other side may have left first
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()  # not before: whoever waits for it learns of the shutdown from it

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(sock)
                self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            with self.tls.wrap_socket(sock, server_side=True) if self.tls else sock as talking:
                while self._one(talking):
                    pass
        except OSError:
            sock.close()

    def _one(self, sock: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(4096)
            if not more:
                return False
            head += more
        head, _, body = head.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (r.partition(": ") for r in rest)}
        while self.reads_bodies and len(body) < int(headers.get("content-length", 0)):
            body += sock.recv(65536)
        return self.serve(sock, Seen(line, headers, body))

    def serve(self, sock: socket.socket, seen: Seen) -> bool:
        """Answers one request; gives whether the connection stays open."""
        with self._lock:
            self.seen.append(seen)
            step = self.steps.pop(0) if self.steps else answer(200)
        return step(sock)
