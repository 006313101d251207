"""A LUSID that only answers: every request it is sent is done. It must not be what a measurement measures.

Speaks as much HTTP/1.1 as a pooled client needs. It reads each body whole and answers by its keys; it keeps nothing
and checks nothing. Run as a script it prints its base URL and serves until it is ended.

    python answer_server.py [SECONDS]      how long each answer takes, as if LUSID were some way off
"""

import socketserver
import sys
import time

import orjson

_FIRST_MEMBER = b':{"identifiers":'
"""Stands behind each key in what the measured writers send. Looking for it is ten times faster than parsing."""
_FIRST_OF_BLOCK = b'{"blockId":'
"""Begins each request of createorders."""


def keys_of(body: bytes) -> list[bytes]:
    """The top-level keys of a keyed dictionary of records, as JSON strings; they must hold no quotes."""
    pieces = body.split(_FIRST_MEMBER)[:-1]
    if not pieces:
        return [orjson.dumps(key) for key in orjson.loads(body)]
    return [piece[piece.rindex(b'"', 0, -1) :] for piece in pieces]


def answer_to(body: bytes) -> bytes:
    """LUSID's answer when every request is done: by key, or for a list of blocks a list of what they became."""
    if body.startswith(b'{"requests":['):
        blocks = (piece[: piece.index(b"}") + 1] for piece in body.split(_FIRST_OF_BLOCK)[1:])
        return b'{"values":[%b]}' % b",".join(b'{"block":{"id":%b}}' % block for block in blocks)
    return b'{"values":{%b},"failed":{}}' % b",".join(key + b":{}" for key in keys_of(body))


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request := self.rfile.readline():
            length = 0
            while line := self.rfile.readline().strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self.rfile.read(length)
            time.sleep(self.server.delay)  # type: ignore[attr-defined]  # the server below
            self._answer(b"201 Created", answer_to(body)) if request.startswith(b"POST") else self._answer(
                b"200 OK", b"{}"
            )

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.wfile.write(head + body)


class AnswerServer(socketserver.ThreadingTCPServer):
    """The server, on a free loopback port.

    Attributes:
        delay: seconds that an answer takes.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay = delay

    @property
    def url(self) -> str:
        """Base URL, as the SDK wants it."""
        return f"http://127.0.0.1:{self.server_address[1]}/api"


if __name__ == "__main__":
    with AnswerServer(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0) as server:
        print(server.url, flush=True)
        server.serve_forever()
