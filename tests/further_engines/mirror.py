# shop/mirror.py
"""Mirror v2, a model of the gateway that the package does not know."""

from decimal import Decimal

from django_vton.pixazo import Engine, Option


class Mirror(Engine):
    name = "mirror-v2"
    kind = "garment"
    label = "Mirror v2"
    price = Decimal("0.12")
    typical_seconds = 12
    submit_path = "/mirror/v2/request"
    person_field = "person"
    product_field = "garment"
    samples_option = "count"
    options = (
        Option(name="count", kind="integer", label="Pictures", minimum=1, maximum=2, default=1),
        Option(name="pose", kind="choice", label="Pose", choices=("keep", "front"), default="keep"),
    )
