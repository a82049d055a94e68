import contextlib
import io
import queue
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from django_vton.sandbox import Gateway

FASHN = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
GLASS = "/glass-virtual-try-on/v1/api/glass-virtual-tryon"
GLASS_RESULT = "/glass-virtual-try-on-polling/api/glass-virtual-tryon-result"
IDM_VTON, CLOTHING_VTON = "/idm-vton-api/v1/r-idm-vton", "/virtual-tryon/v1/r-vton"
KLING, KLING_STATUS = "/kling-ai-vton/v1/getVirtualTryOnTask", "/kling-ai-polling/v1/getVirtualTryOnStatus"
TLS = ssl.create_default_context()  # Shared by all clients: loading the certificates is slow.


def encode(image: Image.Image, image_format: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, image_format)
    return out.getvalue()


def person(size: tuple[int, int] = (400, 600)) -> bytes:
    """A gray photo with a face in the color of skin."""
    image = Image.new("RGB", size, (120, 130, 140))
    ImageDraw.Draw(image).ellipse((160, 60, 240, 165), fill=(224, 172, 140))
    return encode(image, "JPEG")


def shirt(color: tuple[int, int, int] = (20, 120, 60)) -> bytes:
    """A colored square on white."""
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).rectangle((60, 60, 340, 340), fill=color)
    return encode(image)


class Shop(ThreadingHTTPServer):
    """Serves images and receives callbacks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files = {"/person.jpg": person(), "/shirt.png": shirt()}
        self.callbacks: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()
        self.callback_statuses: list[int] = []
        self.requests: list[str] = []
        """The paths of all downloads."""

    def url_of(self, path: str, data: bytes) -> str:
        self.files[path] = data
        return self.url + path


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/person.jpg")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
        elif data := self.server.files.get(self.path):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # The gateway disconnects if the image is too large.
                self.wfile.write(data)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        statuses = self.server.callback_statuses
        self.send_response(statuses.pop(0) if statuses else 200)
        self.send_header("Location", self.path)
        self.end_headers()
        self.server.callbacks.put((self.path, dict(self.headers), body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(seconds=0.1, retry_seconds=0.01) as running:
        yield running


class Client:
    """Submits and polls without retries or checks."""

    def __init__(self, gateway: Gateway, shop: Shop) -> None:
        self.gateway, self.shop = gateway, shop
        self.http = httpx.Client(
            base_url=gateway.url,
            headers={"Ocp-Apim-Subscription-Key": "sandbox"},
            trust_env=False,
            verify=TLS,
        )

    def fashn(self, headers: dict[str, str] | None = None, **changes: Any) -> httpx.Response:
        body = {
            "model_image": f"{self.shop.url}/person.jpg",
            "garment_image": f"{self.shop.url}/shirt.png",
            **changes,
        }
        given = {name: value for name, value in body.items() if value is not ...}
        return self.http.post(FASHN, json=given, headers=headers)

    def glass(self, **changes: Any) -> httpx.Response:
        body = {
            "model_image_path": f"{self.shop.url}/person.jpg",
            "glass_image_path": f"{self.shop.url}/shirt.png",
            **changes,
        }
        return self.http.post(GLASS, json={name: value for name, value in body.items() if value is not ...})

    def garment(self, path: str = IDM_VTON, **changes: Any) -> httpx.Response:
        body = {
            "human_img": f"{self.shop.url}/person.jpg",
            "garm_img": f"{self.shop.url}/shirt.png",
            "garment_des": "a shirt",
            "category": "upper_body",
            **changes,
        }
        return self.http.post(path, json={name: value for name, value in body.items() if value is not ...})

    def kling(self, **changes: Any) -> httpx.Response:
        body = {
            "human_image": f"{self.shop.url}/person.jpg",
            "cloth_image": f"{self.shop.url}/shirt.png",
            **changes,
        }
        return self.http.post(KLING, json={name: value for name, value in body.items() if value is not ...})

    def poll(self, request_id: str) -> httpx.Response:
        if request_id.startswith("fashn"):
            return self.http.get(f"/v2/requests/status/{request_id}")
        if request_id.isdigit():
            return self.http.post(KLING_STATUS, json={"task_id": request_id})
        return self.http.post(GLASS_RESULT, json={"request_id": request_id})

    def wait(self, request_id: str, state: str = "COMPLETED") -> dict[str, Any]:
        """Wait until the render is in `state`, and return the response to a poll."""
        reached = self.gateway.ledger.wait_for(
            lambda ledger: any(
                entry.request_id == request_id and entry.state.upper() == state for entry in ledger.entries
            )
        )
        assert reached, [entry.state for entry in self.gateway.ledger.entries]
        response: dict[str, Any] = self.poll(request_id).json()
        return response


@pytest.fixture
def client(gateway: Gateway, shop: Shop) -> Iterator[Client]:
    made = Client(gateway, shop)
    with made.http:
        yield made
