"""Where Mirror v2 would be: takes a submit, fetches both pictures, has a result at once, and calls back."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from PIL import Image


class MirrorGateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.submits: list[dict[str, Any]] = []
        self.fetched: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: MirrorGateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/mirror/v2/request" or not self.headers["Ocp-Apim-Subscription-Key"]:
            self.send_error(404)
            return
        self.server.submits.append(body)
        for name in ("person", "garment"):
            picture = httpx.get(body[name], trust_env=False)
            self.server.fetched.append(Image.open(io.BytesIO(picture.content)).format or "")
        self._answer({"request_id": "mirror-1", "status": "QUEUED"})
        self.wfile.flush()
        done = {"request_id": "mirror-1", "status": "COMPLETED"}
        httpx.post(self.headers["X-Webhook-URL"], json=done, trust_env=False).raise_for_status()

    def do_GET(self) -> None:
        if self.path == "/v2/requests/status/mirror-1":
            pictures = [
                f"{self.server.url}/{number}.png" for number in range(self.server.submits[-1]["count"])
            ]
            self._answer({"request_id": "mirror-1", "status": "COMPLETED", "output": {"media_url": pictures}})
        else:
            out = io.BytesIO()
            Image.new("RGB", (400, 600), (40, 90, int(self.path[1]) * 100)).save(out, "PNG")
            self._send(out.getvalue())

    def _answer(self, answer: dict[str, Any]) -> None:
        self._send(json.dumps(answer).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def serve() -> Iterator[MirrorGateway]:
    with MirrorGateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
