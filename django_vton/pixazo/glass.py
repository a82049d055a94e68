"""Glass v1: glasses and accessories on a person.

From the vendor's pages "Glass v1" and "Pixelforge Accessories VTON".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import pgettext_lazy

from .engine import Call, Engine, Option
from .parsing import read_links


class Glass(Engine):
    """Takes URLs or Base64, both images alike; we send Base64, so that no photo needs a public link.

    The page gives ``num_images`` no maximum. Ours is 4: a slip of the keyboard must not cost a hundred
    pictures. It documents one ``image_url`` in an answer; a list there is read as well, since more pictures
    can be asked for.
    """

    name = "glass-v1"
    kind = "eyewear"
    label = "Glass v1"
    price = Decimal("0.30")
    typical_seconds = 30
    submit_path = "/glass-virtual-try-on/v1/api/glass-virtual-tryon"
    status_path = "/glass-virtual-try-on-polling/api/glass-virtual-tryon-result"
    person_field = "model_image_path"
    product_field = "glass_image_path"
    samples_option = "num_images"
    images_as = "base64"
    callbacks = False
    options = (
        Option(
            name="num_images",
            kind="integer",
            label=pgettext_lazy("vton", "Number of previews"),
            minimum=1,
            maximum=4,
            default=1,
        ),
        Option(
            name="output_format",
            kind="choice",
            label=pgettext_lazy("vton", "File format"),
            choices=("jpeg", "png"),
            choice_labels=("JPEG", "PNG"),
            default="jpeg",
        ),
    )

    def status_call(self, vendor_id: str) -> Call:
        """Glass is asked by a POST with the id in its body; asking costs nothing."""
        return Call(method="POST", path=self.status_path, json={"request_id": vendor_id})

    def read_images(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        """``image_url`` stands at the top of the answer."""
        return read_links(payload.get("image_url"))
