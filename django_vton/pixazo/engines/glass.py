"""Glass v1, as documented on the vendor's pages "Glass v1" and "Pixelforge Accessories VTON"."""

from decimal import Decimal

from django.utils.translation import pgettext_lazy

from ..engine import Engine
from ..option import Option


class Glass(Engine):
    """The engine for glasses and accessories.

    The vendor accepts URLs as well, but with Base64 no photo needs a public URL. The vendor documents no
    maximum for `num_images`; ours prevents a typing error from costing a hundred images.
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
    callback_header = None
    status_field = "request_id"
    image_fields = ("image_url",)
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
