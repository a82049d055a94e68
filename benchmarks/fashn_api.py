"""fashn.ai's API on top of the sandbox: `python -m benchmarks.fashn_api PORT GATEWAY_URL`."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from .blocking_task import API_KEY, STATUS_PATH, SUBMIT_PATH

STATUSES = {"QUEUED": "in_queue", "PROCESSING": "processing", "COMPLETED": "completed"}


class FashnAPI(BaseHTTPRequestHandler):
    """`POST /v1/run` and `GET /v1/status/ID`."""

    protocol_version = "HTTP/1.1"
    gateway: httpx.Client

    def do_POST(self) -> None:
        """Submit."""
        inputs = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        body = inputs | {"category": "top"}
        self._respond({"id": self.gateway.post(SUBMIT_PATH, json=body).json()["request_id"]})

    def do_GET(self) -> None:
        """Poll."""
        vendor_id = self.path.rpartition("/")[2]
        content = self.gateway.get(STATUS_PATH + vendor_id).json()
        output = content["output"] and content["output"]["media_url"]
        self._respond(
            {"id": vendor_id, "status": STATUSES.get(content["status"], "failed"), "output": output}
        )

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""

    def _respond(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    FashnAPI.gateway = httpx.Client(base_url=sys.argv[2], headers=API_KEY, trust_env=False)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), FashnAPI).serve_forever()
