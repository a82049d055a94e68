"""A gateway that accepts every submit and then responds with any bytes that a test wants."""

from __future__ import annotations

import json
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from django_vton.pixazo import Glass
from django_vton.sandbox.ledger import Entry, Ledger

if TYPE_CHECKING:
    import ssl

MB = 1_000_000
Chunks = Iterable[bytes]


def http_response(
    body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None
) -> Chunks:
    """A complete HTTP response."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers, "", ""]
    return ["\r\n".join(lines).encode("latin-1"), body]


def json_response(data: Any, *headers: str) -> Chunks:
    return http_response(json.dumps(data).encode(), "Content-Type: application/json", *headers)


def endless(chunk: bytes, head: bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n") -> Iterator[bytes]:
    """Repeat the chunk until the client closes the connection."""
    yield head
    while True:
        yield chunk


class HostileGateway:
    """`with HostileGateway() as gateway:` serves on loopback; with `tls`, as the hosts of its certificate.

    `submit`, `poll` and `image` are called for each request and return the bytes to send. By default the
    render is completed at once, but its image is missing.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.ledger = Ledger()
        self.tls = tls
        self.result_url_override: Any = ""
        """The result URL in responses; "" means this gateway's own."""
        self.submit: Callable[[str], Chunks] = self.completed
        self.poll: Callable[[str], Chunks] = self.completed
        self.image: Callable[[], Chunks] = lambda: http_response(status="404 Not Found")
        self.requests: Counter[str] = Counter()
        self.sent = 0
        """Bytes of responses that were sent."""
        self.stopped = threading.Event()

    def completed(self, vendor_id: str) -> Chunks:
        return json_response({"request_id": vendor_id, "status": "completed", "image_url": self.result_url()})

    def accepted(self, vendor_id: str) -> Chunks:
        return json_response({"request_id": vendor_id, "status": "submitted", "success": True})

    def result_url(self) -> Any:
        return self.result_url_override or f"{self.url}/image"

    def drip(self, chunk: bytes) -> Iterator[bytes]:
        """Send the chunk ten times a second."""
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        while not self.stopped.wait(0.1):
            yield chunk

    def respond(self, method: str, path: str, body: bytes) -> Chunks:
        if method == "GET":
            self.requests["image"] += 1
            return self.image()
        if path == Glass.submit_path:
            self.requests["submit"] += 1
            vendor_id = f"hostile-{uuid4()}"
            entry = Entry(datetime.now(UTC).isoformat(), "glass-v1")
            self.ledger.add(entry)
            self.ledger.update(
                entry, outcome="accepted", request_id=vendor_id, amount=300_000, state="completed"
            )
            return self.submit(vendor_id)
        self.requests["poll"] += 1
        return self.poll(json.loads(body)["request_id"])

    def __enter__(self) -> Self:
        gateway = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    stream = self.request
                    if gateway.tls:
                        stream = gateway.tls.wrap_socket(stream, server_side=True)
                    with stream.makefile("rb") as reader:
                        method, path, _ = reader.readline().decode("ascii").split(" ")
                        length = 0
                        while (line := reader.readline().strip()) != b"":
                            name, _, value = line.partition(b":")
                            length = int(value) if name.lower() == b"content-length" else length
                        body = reader.read(length)
                    for chunk in gateway.respond(method, path, body):
                        stream.sendall(chunk)
                        gateway.sent += len(chunk)
                    stream.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"https://gateway.test:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
