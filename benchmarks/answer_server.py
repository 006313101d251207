"""A LUSID that only answers: every record it is sent is done. It must not be what a measurement measures.

Speaks as much HTTP/1.1 as a pooled client needs. It reads each body whole and answers by its keys; it keeps nothing
and checks nothing. Run as a script it prints its base URL and serves until it is ended.
"""

import socketserver

import orjson

_FIRST_MEMBER = b':{"identifiers":'
"""Stands behind each key in what the measured writers send. Looking for it is ten times faster than parsing."""


def keys_of(body: bytes) -> list[bytes]:
    """The top-level keys of a keyed dictionary of records, as JSON strings; they must hold no quotes."""
    pieces = body.split(_FIRST_MEMBER)[:-1]
    if not pieces:
        return [orjson.dumps(key) for key in orjson.loads(body)]
    return [piece[piece.rindex(b'"', 0, -1) :] for piece in pieces]


def answer_to(body: bytes) -> bytes:
    """LUSID's answer when every record of a request is done."""
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
            self._answer(b"201 Created", self._done(body)) if request.startswith(b"POST") else self._answer(
                b"200 OK", b"{}"
            )

    def _done(self, body: bytes) -> bytes:
        found: bytes = self.server.answer(body)  # type: ignore[attr-defined]  # the server below
        return found

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.wfile.write(head + body)


class AnswerServer(socketserver.ThreadingTCPServer):
    """The server, on a free loopback port."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    def answer(self, body: bytes) -> bytes:
        """The answer to a call."""
        return answer_to(body)

    @property
    def url(self) -> str:
        """Base URL, as the SDK wants it."""
        return f"http://127.0.0.1:{self.server_address[1]}/api"


if __name__ == "__main__":
    with AnswerServer() as server:
        print(server.url, flush=True)
        server.serve_forever()
