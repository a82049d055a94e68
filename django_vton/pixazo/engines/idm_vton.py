"""IDM-VTON, from public descriptions and code of its users. It was never called: see `is_verified`."""

from decimal import Decimal

from django.utils.translation import pgettext_lazy

from ..engine import Engine
from ..option import Option


class IdmVton(Engine):
    """An engine for garments that usually answers with the finished image."""

    name = "idm-vton"
    kind = "garment"
    label = "IDM-VTON"
    is_verified = False
    price: Decimal | None = Decimal("0.05")
    typical_seconds = 20
    submit_path = "/idm-vton-api/v1/r-idm-vton"
    submit_seconds = 35.0
    person_field = "human_img"
    product_field = "garm_img"
    callback_header = None
    id_fields: tuple[str, ...] = ("job_set_id", "request_id")
    image_fields = ("result_url", "output.media_url")
    options: tuple[Option, ...] = (
        Option(
            name="garment_des",
            kind="text",
            label=pgettext_lazy("vton", "Description of the garment"),
            default="a garment",
        ),
        Option(
            name="category",
            kind="choice",
            label=pgettext_lazy("vton", "Type of garment"),
            choices=("upper_body", "lower_body", "dresses"),
            choice_labels=(
                pgettext_lazy("vton", "Top"),
                pgettext_lazy("vton", "Bottoms"),
                pgettext_lazy("vton", "Dress"),
            ),
            default="upper_body",
        ),
    )
