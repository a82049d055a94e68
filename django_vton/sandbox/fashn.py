"""Fashn v1.6 as Pixazo's document "Fashn v1.6 Image to Image (Virtual Try On) API" has it."""

from datetime import datetime
from email.message import Message
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from . import order
from .http11 import is_loopback
from .order import InvalidError, Order, PictureFormat, Placement

if TYPE_CHECKING:
    from .renders import Render

MODEL = "fashn-virtual-try-on"
CHOICES = {
    "category": ("auto", "top", "bottom", "dress", "outerwear"),
    "mode": ("fast", "balanced", "high_quality"),
    "garment_photo_type": ("auto", "on_model", "flat_lay"),
    "moderation_level": ("strict", "moderate", "permissive"),
    "output_format": ("png", "jpeg"),
}
# The document names no defaults; these are the values of its own example.
DEFAULTS = {
    "category": "auto",
    "mode": "balanced",
    "garment_photo_type": "auto",
    "moderation_level": "permissive",
    "output_format": "png",
}
MAX_SAMPLES = 5


class Fashn:
    """Garments. The images are fetched while the render is processed, so a bad URL ends it as FAILED."""

    name = "fashn-v1.6"
    price = 75_000
    submit_path = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
    status_path = "/v2/requests/status/"
    queued = "QUEUED"
    processing = "PROCESSING"
    image_formats = ("JPEG", "PNG", "WEBP")
    image_bytes = 20 * 1024 * 1024
    image_side = 1
    loads_at_submit = False
    media_name = "output"

    def new_id(self) -> str:
        """As in the document: the model's name before a UUID."""
        return f"{MODEL}_{uuid4()}"

    def read(self, body: object) -> Order:
        """Checks a submit's body. Raises InvalidError."""
        given = order.parameters(
            body, {"model_image", "garment_image", "num_samples", "segmentation_free", *CHOICES}
        )
        photo, product = (order.image(given, name) for name in ("model_image", "garment_image"))
        if not (order.is_url(photo) and order.is_url(product)):
            raise InvalidError("model_image and garment_image must be public HTTP/HTTPS URLs")
        chosen = {name: order.choice(given, name, CHOICES[name], DEFAULTS[name]) for name in CHOICES}
        if not isinstance(given.get("segmentation_free", True), bool):
            raise InvalidError("segmentation_free must be a boolean")
        samples = given.get("num_samples", 1)
        if type(samples) is not int or not 1 <= samples <= MAX_SAMPLES:
            raise InvalidError(f"num_samples must be an integer from 1 to {MAX_SAMPLES}")
        return Order(
            photo=photo,
            product=product,
            placement=cast("Placement", chosen["category"]),
            format=cast("PictureFormat", chosen["output_format"]),
            samples=samples,
            pictures=samples,
        )

    def read_callback(self, headers: Message) -> tuple[str, str]:
        """URL ("" = none) and mode of the callback. Raises InvalidError."""
        url, mode = headers.get("X-Webhook-URL", ""), headers.get("X-Webhook-Mode", "terminal")
        if mode not in {"terminal", "sync"}:
            raise InvalidError("X-Webhook-Mode must be terminal or sync")
        if url and not _may_be_called(url):
            raise InvalidError("X-Webhook-URL must be an HTTPS URL")
        return url, mode

    def word(self, status: str) -> str:
        """A status as this engine spells it: in capitals."""
        return status

    def media_type(self, render: "Render") -> str:
        """Only the bytes tell the format, as in the document's polling example."""
        return "application/octet-stream"

    def accepted(self, render: "Render", base: str) -> tuple[int, dict[str, Any]]:
        """The submit's answer."""
        return 202, {
            "request_id": render.request_id,
            "status": render.status,
            "polling_url": f"{base}{self.status_path}{render.request_id}",
        }

    def answer(self, render: "Render", base: str) -> dict[str, Any]:
        """The status answer, which is the callback's body too."""
        output = None
        if render.pictures:
            output = {
                "media_url": render.media_urls(base, "ext"),
                "media_type": self.media_type(render),
            }
        created, ended = render.created_at, render.ended_at
        return {
            "request_id": render.request_id,
            "status": render.status,
            "model_id": MODEL,
            "error": render.error or None,
            "output": output,
            # Both shapes of time stand in the document, side by side in its callback example.
            "created_at": f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z",
            "updated_at": _plain(ended or created),
            "completed_at": _plain(ended) if ended else None,
        }


def _may_be_called(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    # Plain http to this machine is the sandbox's own liberty: a shop under development has no certificate.
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def _plain(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
