"""A LUSID and token endpoint that say back everything they are sent: headers, credentials, bodies, in every text."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote

TOKEN = "token-MARK/0005+and=more"
REFRESH = "refresh-MARK-0006"

WAYS = ("400", "400 by path", "403", "500", "page", "redirect", "failed", "strange keys", "ids", "reads")
"""How LUSID answers a POST; `reads` refuses in doubt, and echoes in what is read back."""


class EchoingLusid:
    """Serves from a free port of 127.0.0.1.

    Attributes:
        way: how POSTs are answered, one of WAYS.
        sign_in: how the token endpoint answers: `granted`, `error`, `page` or `broken`.
    """

    def __init__(self, way: str = "400", sign_in: str = "granted") -> None:
        self.way, self.sign_in = way, sign_in
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url, self.token_url = f"{root}/api", f"{root}/token"

    def __enter__(self) -> "EchoingLusid":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token_answer(self, form: str) -> tuple[int, Any]:
        """Status and body."""
        given = {name: values[0] for name, values in parse_qs(form).items()}
        match self.sign_in:
            case "error":
                return 400, {"error": given["password"].lower(), "error_description": form}
            case "page":
                return 500, form.encode()
            case "broken":
                return 200, {"access_token": f"{given['password']}\n", "refresh_token": given["client_secret"]}
            case _:
                return 200, {"access_token": TOKEN, "refresh_token": REFRESH, "expires_in": 1}

    def lusid_answer(self, sent: bytes, said: str) -> tuple[int, Any]:
        """Status and body, to what was sent and what is to be said of it."""
        listed = [said, json.dumps(said), quote(said), said[:300]]
        problem = {"name": said, "code": 151, "status": 400, "title": said, "detail": said, "type": said}
        problem |= {"errorDetails": [{"a": text} for text in listed], "instance": f"https://x/logs/{said[:40]}"}
        keys = list(json.loads(sent)) if sent else []
        match self.way:
            case "400 by path":
                return 400, {**problem, "errors": {f"{key}.displayName": listed for key in keys}}
            case "page":
                return 500, f"<html>{said}</html>".encode()
            case "redirect":
                return 302, {}
            case "failed":
                return 201, {"values": {}, "failed": {key: {**problem, "type": said} for key in keys}}
            case "strange keys":
                return 201, {"values": {said: {}}, "failed": {quote(said): problem}}
            case "ids":
                token = said.partition(" body")[0]
                return 201, {"values": {k: {"lusidInvestorRecordId": token, "href": said} for k in keys}, "failed": {}}
            case "reads":
                return (500, problem) if sent else (403, problem)
            case status:
                return int(status), problem

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        lusid = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:  # http.server's name
                if "/metadata/" in self.path:
                    self._reply(200, {"said": self.headers["Authorization"]})
                else:
                    self._reply(*lusid.lusid_answer(b"", f"{self.headers['Authorization']} {self.path}"))

            def do_POST(self) -> None:  # http.server's name
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/token":
                    self._reply(*lusid.token_answer(content.decode()))
                else:
                    self._reply(
                        *lusid.lusid_answer(content, f"{self.headers['Authorization']} body {content.decode()}")
                    )

            def _reply(self, status: int, body: Any) -> None:
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                said = self.headers.get("Authorization", "")
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("lusid-meta-requestId", said)
                self.send_header("Location", f"https://x/{quote(said)}")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
                pass

        return Handler
