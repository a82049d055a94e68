"""Clothing VTON, from public descriptions and code of its users. It was never called: see `is_verified`."""

from django.utils.translation import pgettext_lazy

from ..option import Option
from .idm_vton import IdmVton


class ClothingVton(IdmVton):
    """A variant of IDM-VTON with more options. Its price is not public."""

    name = "clothing-vton"
    label = "Clothing VTON"
    price = None
    submit_path = "/virtual-tryon/v1/r-vton"
    id_fields = ("job_set_id", "job_id", "request_id")
    options = (
        *IdmVton.options,
        Option(name="crop", kind="boolean", label=pgettext_lazy("vton", "Crop the photo")),
        Option(
            name="seed", kind="integer", label=pgettext_lazy("vton", "Seed"), minimum=0, maximum=2**31 - 1
        ),
        Option(
            name="steps",
            kind="integer",
            label=pgettext_lazy("vton", "Steps"),
            minimum=1,
            maximum=50,
            default=30,
        ),
        Option(name="mask_only", kind="boolean", label=pgettext_lazy("vton", "Only the mask")),
        Option(name="force_dc", kind="boolean", label=pgettext_lazy("vton", "Optimize for dresses")),
    )
