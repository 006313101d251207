"""A server that keeps what is posted to it, as a chat or an alarm of the firm's would."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

SECRET = "hook-secret-9d2b"
"""In every part of the URL."""


class Hook:
    """A server that keeps what is posted, and answers with one status after the other, the last one for ever."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.statuses = [204]
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.statuses.pop(0) if len(hook.statuses) > 1 else hook.statuses[0])
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://user:{SECRET}@127.0.0.1:{self.server.server_port}/{SECRET}?key={SECRET}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
