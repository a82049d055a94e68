"""Kling (Kolors), from public descriptions and code of its users. It was never called: see `is_verified`."""

from ..engine import Engine
from ..parsing import VendorStatus


class Kling(Engine):
    """An engine for garments. It wraps its answers in a code and `data`. Its price is not public."""

    name = "kling"
    kind = "garment"
    label = "Kling (Kolors)"
    is_verified = False
    price = None
    typical_seconds = 30
    submit_path = "/kling-ai-vton/v1/getVirtualTryOnTask"
    person_field = "human_image"
    product_field = "cloth_image"
    callback_header = None
    callback_field = "callback_url"
    status_path = "/kling-ai-polling/v1/getVirtualTryOnStatus"
    status_field = "task_id"
    id_fields = ("data.task_id", "task_id")
    status_fields = ("data.task_status", "task_status")
    statuses = {"succeed": VendorStatus.COMPLETED}
    image_fields = ("data.task_result.images[].url", "task_result.images[].url")
    error_fields = ("error", "data.task_status_msg", "task_status_msg", "message")
    code_field = "code"
