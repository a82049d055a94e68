"""A reverse proxy before a shop, which lets through what a test wants."""

from __future__ import annotations

import http.client
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rule = Callable[[str, str, Mapping[str, str]], "Answer | None"]

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Answer:
    """What the proxy answers by itself."""

    status: int
    body: bytes = b"<html>Are you human?</html>"
    headers: dict[str, str] = field(default_factory=dict)


class Wall:
    """`with Wall() as wall:` listens at `wall.url` and forwards to the port `wall.target`.

    `wall.rule(method, path, headers)` returns an `Answer`, or None for a request that may pass.
    """

    def __init__(self) -> None:
        self.target = 0
        self.rule: Rule = lambda _method, _path, _headers: None
        wall = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with suppress(OSError):
                    wall.answer(self)

            do_POST = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        answer = self.rule(handler.command, handler.path, dict(handler.headers))
        if answer is None:
            answer = self._forward(handler, body)
        handler.send_response_only(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> Answer:
        shop = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            shop.request(handler.command, handler.path, body, dict(handler.headers))
            response = shop.getresponse()
            kept = {
                name: value
                for name, value in response.getheaders()
                if name.lower() not in {*HOP_BY_HOP, "content-length"}
            }
            return Answer(response.status, response.read(), kept)
        finally:
            shop.close()
