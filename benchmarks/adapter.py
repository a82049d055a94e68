"""fashn.ai's API as its SDK speaks it, over the sandbox: `python -m benchmarks.adapter PORT GATEWAY`."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from .blocking import KEY, STATUS, SUBMIT

WORDS = {"QUEUED": "in_queue", "PROCESSING": "processing", "COMPLETED": "completed"}


class Adapter(BaseHTTPRequestHandler):
    """`POST /v1/run` and `GET /v1/status/ID`."""

    protocol_version = "HTTP/1.1"
    gateway: httpx.Client

    def do_POST(self) -> None:
        """A submit."""
        inputs = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        body = inputs | {"category": "top"}
        self._answer({"id": self.gateway.post(SUBMIT, json=body).json()["request_id"]})

    def do_GET(self) -> None:
        """An ask."""
        vendor_id = self.path.rpartition("/")[2]
        answer = self.gateway.get(STATUS + vendor_id).json()
        output = answer["output"] and answer["output"]["media_url"]
        self._answer({"id": vendor_id, "status": WORDS.get(answer["status"], "failed"), "output": output})

    def log_message(self, *_args: Any) -> None:
        """Nothing."""

    def _answer(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Adapter.gateway = httpx.Client(base_url=sys.argv[2], headers=KEY, trust_env=False)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Adapter).serve_forever()
