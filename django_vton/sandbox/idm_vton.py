"""IDM-VTON and Clothing VTON, written from public sources, since the vendor's documents do not have them.

What these sources do not tell is a guess: failures, and how the asynchronous form is polled.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from . import parameters
from .engine import UNIVERSAL_POLL, Engine, Render
from .parameters import Parameters, Placement

PLACEMENTS: dict[str, Placement] = {"upper_body": "top", "lower_body": "bottom", "dresses": "dress"}


class IdmVton(Engine):
    """An engine for garments that answers a submit when the render has ended."""

    name = "idm-vton"
    price = 50_000
    submit_path = "/idm-vton-api/v1/r-idm-vton"
    poll = UNIVERSAL_POLL
    id_names = ("job_set_id",)
    is_synchronous = True
    queued = "queued"
    processing = "processing"
    image_formats = ("JPEG", "PNG", "WEBP")
    max_image_bytes = 20 * 1024 * 1024
    min_image_side = 1
    loads_at_submit = True
    result_name = "result"
    names: ClassVar[tuple[str, ...]] = ("garm_img", "human_img", "garment_des", "category")

    def new_id(self) -> str:
        """Return a UUID."""
        return str(uuid4())

    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is missing or wrong."""
        given = parameters.as_mapping(body, self.names)
        parameters.required_text(given, "garment_des")
        return Parameters(
            photo=parameters.required_text(given, "human_img"),
            product=parameters.required_text(given, "garm_img"),
            placement=PLACEMENTS[parameters.choice(given, "category", tuple(PLACEMENTS), "")],
            format="png",
            images_charged=1,
            images_returned=1,
            result_type="image/png",
        )

    def submit_json(self, render: Render, base_url: str) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON of the response: with the result, if the render has ended."""
        return 200, self.status_json(render, base_url)

    def status_json(self, render: Render, base_url: str) -> dict[str, Any]:
        """Return the JSON with the status and the result or the error."""
        data: dict[str, Any] = {self.id_names[0]: render.request_id, "status": self.spell(render.status)}
        if render.results:
            seconds = ((render.ended_at or datetime.now(UTC)) - render.created_at).total_seconds()
            (data["result_url"],) = render.result_urls(base_url, "png")
            data["processing_time"] = round(seconds, 2)
        elif render.error:
            data["error"] = render.error
        return data


class ClothingVton(IdmVton):
    """A variant with more parameters. Of its answers, only a job id is known."""

    name = "clothing-vton"
    price = 100_000  # Not public.
    submit_path = "/virtual-tryon/v1/r-vton"
    id_names = ("job_id",)
    names = (*IdmVton.names, "crop", "seed", "steps", "force_dc", "mask_only")

    def read(self, body: object, headers: Mapping[str, str]) -> Parameters:
        """Return the parameters of a submit. Raise `InvalidParameterError` if one is missing or wrong."""
        checked = super().read(body, headers)
        given = parameters.as_mapping(body, self.names)
        for name in ("crop", "force_dc", "mask_only"):
            parameters.boolean(given, name)
        parameters.integer(given, "seed", 0, 0, 2**31 - 1)
        parameters.integer(given, "steps", 30, 1, 100)
        return checked
