"""Fashn v1.6, as documented on the vendor's page "Fashn v1.6 Image to Image (Virtual Try On)"."""

from decimal import Decimal

from django.utils.translation import pgettext_lazy

from ..engine import Engine
from ..option import Option


class Fashn(Engine):
    """The engine for garments. Its options have no defaults, since the vendor documents none."""

    name = "fashn-v1.6"
    kind = "garment"
    label = "Fashn v1.6"
    price = Decimal("0.075")
    typical_seconds = 20
    submit_path = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
    person_field = "model_image"
    product_field = "garment_image"
    samples_option = "num_samples"
    # The vendor names no default, and its examples send "permissive".
    own_photo_defaults = {"moderation_level": "moderate"}
    options = (
        Option(
            name="category",
            kind="choice",
            label=pgettext_lazy("vton", "Type of garment"),
            choices=("auto", "top", "bottom", "dress", "outerwear"),
            choice_labels=(
                pgettext_lazy("vton", "Automatic"),
                pgettext_lazy("vton", "Top"),
                pgettext_lazy("vton", "Bottoms"),
                pgettext_lazy("vton", "Dress"),
                pgettext_lazy("vton", "Outerwear"),
            ),
        ),
        Option(
            name="mode",
            kind="choice",
            label=pgettext_lazy("vton", "Quality"),
            choices=("fast", "balanced", "high_quality"),
            choice_labels=(
                pgettext_lazy("vton", "Fast"),
                pgettext_lazy("vton", "Balanced"),
                pgettext_lazy("vton", "High quality"),
            ),
        ),
        Option(
            name="garment_photo_type",
            kind="choice",
            label=pgettext_lazy("vton", "Product photo"),
            choices=("auto", "on_model", "flat_lay"),
            choice_labels=(
                pgettext_lazy("vton", "Automatic"),
                pgettext_lazy("vton", "On a model"),
                pgettext_lazy("vton", "Flat lay"),
            ),
        ),
        Option(
            name="moderation_level",
            kind="choice",
            label=pgettext_lazy("vton", "Moderation"),
            choices=("strict", "moderate", "permissive"),
            choice_labels=(
                pgettext_lazy("vton", "Strict"),
                pgettext_lazy("vton", "Moderate"),
                pgettext_lazy("vton", "Permissive"),
            ),
        ),
        Option(
            name="num_samples",
            kind="integer",
            label=pgettext_lazy("vton", "Number of previews"),
            minimum=1,
            maximum=5,
        ),
        Option(
            name="segmentation_free",
            kind="boolean",
            label=pgettext_lazy("vton", "Skip detailed segmentation"),
        ),
        Option(
            name="output_format",
            kind="choice",
            label=pgettext_lazy("vton", "File format"),
            choices=("png", "jpeg"),
            choice_labels=("PNG", "JPEG"),
        ),
    )
