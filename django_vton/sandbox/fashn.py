"""Fashn v1.6, written from Pixazo's document "Fashn v1.6 Image to Image (Virtual Try On) API"."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

from . import parameters
from .engine import UNIVERSAL_POLL, Engine, Render
from .parameters import ImageFormat, InvalidParameterError, Parameters, Placement

MODEL = "fashn-virtual-try-on"
CHOICES = {
    "category": ("auto", "top", "bottom", "dress", "outerwear"),
    "mode": ("fast", "balanced", "high_quality"),
    "garment_photo_type": ("auto", "on_model", "flat_lay"),
    "moderation_level": ("strict", "moderate", "permissive"),
    "output_format": ("png", "jpeg"),
}
# The document gives no defaults. These values are from its example.
DEFAULTS = {
    "category": "auto",
    "mode": "balanced",
    "garment_photo_type": "auto",
    "moderation_level": "permissive",
    "output_format": "png",
}
MAX_SAMPLES = 5


class Fashn(Engine):
    """The engine for garments."""

    name = "fashn-v1.6"
    price = 75_000
    submit_path = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
    poll = UNIVERSAL_POLL
    id_names = ("request_id", "polling_url")
    queued = "QUEUED"
    processing = "PROCESSING"
    lower_case = False
    image_formats = ("JPEG", "PNG", "WEBP")
    max_image_bytes = 20 * 1024 * 1024
    min_image_side = 1
    loads_at_submit = False
    result_name = "output"

    def new_id(self) -> str:
        """Return the name of the model and a UUID."""
        return f"{MODEL}_{uuid4()}"

    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is not as documented."""
        names = {"model_image", "garment_image", "num_samples", "segmentation_free", *CHOICES}
        given = parameters.as_mapping(body, names)
        photo, product = (parameters.required_text(given, name) for name in ("model_image", "garment_image"))
        if not (parameters.is_url(photo) and parameters.is_url(product)):
            raise InvalidParameterError("model_image and garment_image must be public HTTP/HTTPS URLs")
        chosen = {name: parameters.choice(given, name, CHOICES[name], DEFAULTS[name]) for name in CHOICES}
        parameters.boolean(given, "segmentation_free")
        samples = parameters.integer(given, "num_samples", 1, 1, MAX_SAMPLES)
        callback_mode = headers.get("x-webhook-mode", "terminal")
        if callback_mode not in {"terminal", "sync"}:
            raise InvalidParameterError("X-Webhook-Mode must be terminal or sync")
        return Parameters(
            photo=photo,
            product=product,
            placement=cast("Placement", chosen["category"]),
            format=cast("ImageFormat", chosen["output_format"]),
            images_charged=samples,
            images_returned=samples,
            # The document's polling example has this type for every format.
            result_type="application/octet-stream",
            callback_url=parameters.callback_url(headers.get("x-webhook-url"), "X-Webhook-URL"),
            callback_mode=callback_mode,
        )

    def submit_json(self, render: Render, base_url: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON of the response to an accepted submit."""
        return 202, {
            "request_id": render.request_id,
            "status": self.queued,
            "polling_url": base_url + self.poll.path + quote(render.request_id, safe=""),
        }

    def status_json(self, render: Render, base_url: str) -> dict[str, Any]:
        """Return the JSON for the status endpoint and for callbacks."""
        output = None
        if render.results:
            output = {
                "media_url": render.result_urls(base_url, "ext"),
                "media_type": render.parameters.result_type,
            }
        created, ended = render.created_at, render.ended_at
        return {
            "request_id": render.request_id,
            "status": render.status,
            "model_id": MODEL,
            "error": render.error or None,
            "output": output,
            # The document's callback example has both formats of time.
            "created_at": f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z",
            "updated_at": _without_zone(ended or created),
            "completed_at": _without_zone(ended) if ended else None,
        }


def _without_zone(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
