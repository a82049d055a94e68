# shop/silk.py
"""Silk v3, another model that the package does not know."""

from decimal import Decimal

from django_vton.pixazo import Engine, Option, VendorStatus


class Silk(Engine):
    name, kind, label = "silk-v3", "garment", "Silk v3"
    price, typical_seconds = Decimal("0.04"), 15
    submit_path, status_path, status_field = "/silk/v3/jobs", "/silk/v3/job", "job.id"
    person_field = product_field = "input.images[]"
    callback_header, callback_field = None, "notify.url"
    id_fields, status_fields, image_fields = ("job.id",), ("job.state",), ("job.pictures[].large",)
    statuses = {"done": VendorStatus.COMPLETED, "broken": VendorStatus.FAILED}
    options = (Option(name="prompt", kind="text", label="Prompt", field="input.prompt"),)
