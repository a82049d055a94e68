"""Glass v1, written from Pixazo's document "Pixelforge Accessories VTON API Documentation"."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from . import parameters
from .engine import Engine, Poll, Render
from .parameters import ImageFormat, InvalidParameterError, Parameters

NAMES = ("model_image_path", "glass_image_path", "num_images", "output_format")


class Glass(Engine):
    """The engine for glasses. Its document has no callbacks."""

    name = "glass-v1"
    price = 300_000
    submit_path = "/glass-virtual-try-on/v1/api/glass-virtual-tryon"
    poll = Poll("POST", "/glass-virtual-try-on-polling/api/glass-virtual-tryon-result", "request_id")
    queued = "submitted"
    processing = "submitted"
    lower_case = True
    image_formats = ("JPEG", "PNG")
    max_image_bytes = 10 * 1024 * 1024
    min_image_side = 300
    loads_at_submit = True
    result_name = "image"

    def new_id(self) -> str:
        """Return hexadecimal digits."""
        return uuid4().hex

    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is not as documented."""
        given = parameters.as_mapping(body, NAMES)
        photo = parameters.required_text(given, "model_image_path")
        product = given.get("glass_image_path")
        if product is not None:
            product = parameters.required_text(given, "glass_image_path")
            if parameters.is_url(photo) != parameters.is_url(product):
                raise InvalidParameterError("All images must come in the same encoding: URLs, or Base64")
        number = given.get("num_images", 1)
        # The document says "number", so 2.0 is valid, and it gives no maximum. `% 1` of infinity is NaN.
        if type(number) not in {int, float} or number < 1 or number % 1:
            raise InvalidParameterError("num_images must be a whole number from 1")
        image_format = parameters.choice(given, "output_format", ("jpeg", "png"), "jpeg")
        return Parameters(
            photo=photo,
            product=product,
            placement="eyes",
            format=cast("ImageFormat", image_format),
            images_charged=int(number),
            images_returned=1,  # The documented result has a single image_url, however many are ordered.
            result_type=f"image/{image_format}",
        )

    def submit_json(self, render: Render, base_url: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON of the response to an accepted submit."""
        return 200, {
            "success": True,
            "request_id": render.request_id,
            "status": self.queued,
            "message": "Request submitted",
        }

    def status_json(self, render: Render, base_url: str) -> dict[str, Any]:
        """Return the JSON for the result endpoint. The document has no failures, so `error` is a guess."""
        data: dict[str, Any] = {"request_id": render.request_id, "status": self.spell(render.status)}
        if render.results:
            extension = "jpg" if render.parameters.format == "jpeg" else "png"
            data |= {
                "image_url": render.result_urls(base_url, extension)[0],
                "content_type": render.parameters.result_type,
                "file_size": len(render.results[0]),
            }
        elif render.error:
            data["error"] = render.error
        return data
