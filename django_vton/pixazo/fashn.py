"""Fashn v1.6: garments on a person. From the vendor's page "Fashn v1.6 Image to Image (Virtual Try On)"."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from .engine import Engine, Option


class Fashn(Engine):
    """Takes URLs only. The page gives no default for any option, so none is sent that was not asked for."""

    name = "fashn-v1.6"
    kind = "garment"
    label = "Fashn v1.6"
    price = Decimal("0.075")
    typical_seconds = 20
    submit_path = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
    person_field = "model_image"
    product_field = "garment_image"
    samples_option = "num_samples"
    options = (
        Option(
            name="category",
            kind="choice",
            label=_("Garment category"),
            choices=("auto", "top", "bottom", "dress", "outerwear"),
            choice_labels=(_("Automatic"), _("Top"), _("Bottom"), _("Dress"), _("Outerwear")),
        ),
        Option(
            name="mode",
            kind="choice",
            label=_("Quality"),
            choices=("fast", "balanced", "high_quality"),
            choice_labels=(_("Fast"), _("Balanced"), _("High quality")),
        ),
        Option(
            name="garment_photo_type",
            kind="choice",
            label=_("Garment photo"),
            choices=("auto", "on_model", "flat_lay"),
            choice_labels=(_("Automatic"), _("Worn by a person"), _("Laid flat")),
        ),
        Option(
            name="moderation_level",
            kind="choice",
            label=_("Moderation"),
            choices=("strict", "moderate", "permissive"),
            choice_labels=(_("Strict"), _("Moderate"), _("Permissive")),
        ),
        Option(name="num_samples", kind="integer", label=_("Pictures"), minimum=1, maximum=5),
        Option(name="segmentation_free", kind="boolean", label=_("Skip detailed segmentation")),
        Option(
            name="output_format",
            kind="choice",
            label=_("File format"),
            choices=("png", "jpeg"),
            choice_labels=("PNG", "JPEG"),
        ),
    )
