"""A receiver of webhooks on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Receives messages, and answers with `status` and `text`. `on_message` is called before the answer."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.status, self.text = 200, b"ok"
        self.on_message: Callable[[], object] = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(body)
                receiver.messages.append(json.loads(body))
                receiver.signatures.append(self.headers["Vton-Signature"])
                receiver.on_message()
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(receiver.text)))
                self.end_headers()
                self.wfile.write(receiver.text)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
