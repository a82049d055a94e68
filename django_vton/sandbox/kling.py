"""Kling (Kolors), written from public sources, since the vendor's documents do not have it.

What these sources do not tell is a guess: the codes of refusals, failures, and the body of a callback.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from . import parameters
from .engine import Engine, Poll, Render
from .http import Response, json_response
from .parameters import Parameters


class Kling(Engine):
    """An engine for garments. Its answers have status 200, and contain a code and `data`."""

    name = "kling"
    price = 100_000  # Not public.
    submit_path = "/kling-ai-vton/v1/getVirtualTryOnTask"
    poll = Poll("POST", "/kling-ai-polling/v1/getVirtualTryOnStatus", "task_id")
    id_names = ("task_id",)
    queued = "submitted"
    processing = "processing"
    image_formats = ("JPEG", "PNG")
    max_image_bytes = 10 * 1024 * 1024
    min_image_side = 1
    loads_at_submit = False
    result_name = "image"

    def new_id(self) -> str:
        """Return digits."""
        return str(uuid4().int)[:18]

    def spell(self, status: str) -> str:
        """Return a status as the engine writes it."""
        return "succeed" if status == "COMPLETED" else super().spell(status)

    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is missing or wrong."""
        given = parameters.as_mapping(body, ("human_image", "cloth_image", "callback_url"))
        return Parameters(
            photo=parameters.required_text(given, "human_image"),
            product=parameters.required_text(given, "cloth_image"),
            placement="auto",
            format="png",
            images_charged=1,
            images_returned=1,
            result_type="image/png",
            callback_url=parameters.callback_url(given.get("callback_url"), "callback_url"),
        )

    def refusal(self, status: int, message: str) -> Response:
        """Return a response with status 200. Its code is the HTTP status, since the codes are not public."""
        return json_response(200, {"code": status, "message": message})

    def submit_json(self, render: Render, base_url: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON of the response to an accepted submit."""
        return 200, {"code": 0, "data": {"task_id": render.request_id}}

    def status_json(self, render: Render, base_url: str) -> dict[str, Any]:
        """Return the JSON for the status endpoint and for callbacks."""
        data: dict[str, Any] = {"task_id": render.request_id, "task_status": self.spell(render.status)}
        if render.results:
            images = [{"url": url} for url in render.result_urls(base_url, "png")]
            data["task_result"] = {"images": images}
        elif render.error:
            data["task_status_msg"] = render.error
        return {"code": 0, "data": data}
