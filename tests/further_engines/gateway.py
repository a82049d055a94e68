"""Where Mirror v2 and Silk v3 would be: take a submit, fetch both pictures, have a result, and call back."""

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


class ModelGateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[ModelHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.submits: list[dict[str, Any]] = []
        self.fetched: list[str] = []


class ModelHandler(BaseHTTPRequestHandler):
    server: ModelGateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.headers["Ocp-Apim-Subscription-Key"]:
            self.send_error(401)
        else:
            self.answer(body)

    def do_GET(self) -> None:
        """Serve the picture /0.png, /1.png, ..."""
        out = io.BytesIO()
        Image.new("RGB", (400, 600), (40, 90, int(self.path[1]) * 100)).save(out, "PNG")
        self.send(out.getvalue())

    def answer(self, body: dict[str, Any]) -> None:
        raise NotImplementedError

    def accept(
        self, body: dict[str, Any], urls: list[str], answer: dict[str, Any], callback_url: str, done: object
    ) -> None:
        """Record a submit, fetch its pictures, answer, and call back."""
        self.server.submits.append(body)
        for url in urls:
            picture = httpx.get(url, trust_env=False)
            self.server.fetched.append(Image.open(io.BytesIO(picture.content)).format or "")
        self.send_json(answer)
        self.wfile.flush()
        httpx.post(callback_url, json=done, trust_env=False).raise_for_status()

    def send_json(self, answer: dict[str, Any]) -> None:
        self.send(json.dumps(answer).encode())

    def send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


class MirrorHandler(ModelHandler):
    def answer(self, body: dict[str, Any]) -> None:
        if self.path != "/mirror/v2/request":
            self.send_error(404)
            return
        urls = [body["person"], body["garment"]]
        queued = {"request_id": "mirror-1", "status": "QUEUED"}
        self.accept(body, urls, queued, self.headers["X-Webhook-URL"], queued | {"status": "COMPLETED"})

    def do_GET(self) -> None:
        if self.path != "/v2/requests/status/mirror-1":
            super().do_GET()
            return
        pictures = [f"{self.server.url}/{number}.png" for number in range(self.server.submits[-1]["count"])]
        self.send_json({"request_id": "mirror-1", "status": "COMPLETED", "output": {"media_url": pictures}})


class SilkHandler(ModelHandler):
    """Its ids are numbers, its pictures are nested, and the callback's URL is in the body."""

    def answer(self, body: dict[str, Any]) -> None:
        if self.path == "/silk/v3/jobs":
            job = {"id": 1 + len(self.server.submits)}
            waiting, done = {"job": job | {"state": "waiting"}}, {"job": job | {"state": "done"}}
            self.accept(body, body["input"]["images"], waiting, body["notify"]["url"], done)
        elif self.path == "/silk/v3/job":
            pictures = [{"small": "", "large": f"{self.server.url}/{number}.png"} for number in range(2)]
            self.send_json({"job": {"id": int(body["job"]["id"]), "state": "done", "pictures": pictures}})
        else:
            self.send_error(404)


@contextmanager
def serve(handler: type[ModelHandler]) -> Iterator[ModelGateway]:
    with ModelGateway(handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
