"""Glass v1 as Pixazo's document "Pixelforge Accessories VTON API Documentation" has it."""

from email.message import Message
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from . import order
from .order import InvalidError, Order, PictureFormat

if TYPE_CHECKING:
    from .renders import Render

PARAMETERS = ("model_image_path", "glass_image_path", "num_images", "output_format")


class Glass:
    """Glasses. The images are looked at before the submit is answered, so a bad one is refused with 400."""

    name = "glass-v1"
    price = 300_000
    submit_path = "/glass-virtual-try-on/v1/api/glass-virtual-tryon"
    result_path = "/glass-virtual-try-on-polling/api/glass-virtual-tryon-result"
    queued = "submitted"
    processing = "submitted"
    image_formats = ("JPEG", "PNG")
    image_bytes = 10 * 1024 * 1024
    image_side = 300
    loads_at_submit = True
    media_name = "image"

    def new_id(self) -> str:
        """As in the document: hexadecimal digits."""
        return uuid4().hex

    def read(self, body: object) -> Order:
        """Checks a submit's body. Raises InvalidError."""
        given = order.parameters(body, PARAMETERS)
        photo = order.image(given, "model_image_path")
        product = None if given.get("glass_image_path") is None else order.image(given, "glass_image_path")
        if product is not None and order.is_url(photo) != order.is_url(product):
            raise InvalidError("All images must come in the same encoding: URLs, or Base64")
        number = given.get("num_images", 1)
        # The document says "number": 2.0 is one. It names no upper bound. NaN and infinity leave NaN over.
        if type(number) not in {int, float} or number < 1 or number % 1:
            raise InvalidError("num_images must be a whole number from 1")
        return Order(
            photo=photo,
            product=product,
            placement="eyes",
            format=cast("PictureFormat", order.choice(given, "output_format", ("jpeg", "png"), "jpeg")),
            samples=int(number),
            pictures=1,  # However many were ordered, the documented result has one image_url.
        )

    def read_callback(self, headers: Message) -> tuple[str, str]:
        """No callback is documented: the headers are not looked at."""
        return "", "terminal"

    def word(self, status: str) -> str:
        """A status as this engine spells it: in small letters."""
        return status.lower()

    def media_type(self, render: "Render") -> str:
        """As ordered."""
        return f"image/{render.order.format}"

    def accepted(self, render: "Render", base: str) -> tuple[int, dict[str, Any]]:
        """The submit's answer."""
        return 200, {
            "success": True,
            "request_id": render.request_id,
            "status": self.word(render.status),
            "message": "Request submitted",
        }

    def answer(self, render: "Render", base: str) -> dict[str, Any]:
        """The answer of the result endpoint. The document names no failure: `status` and `error` then."""
        answer: dict[str, Any] = {"request_id": render.request_id, "status": self.word(render.status)}
        if render.pictures:
            answer |= {
                "image_url": render.media_urls(base, "jpg" if render.order.format == "jpeg" else "png")[0],
                "content_type": self.media_type(render),
                "file_size": len(render.pictures[0]),
            }
        elif render.error:
            answer["error"] = render.error
        return answer
