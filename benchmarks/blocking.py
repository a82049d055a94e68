"""The plain way that ours is measured against: a task that submits, waits for its render, and stores it."""

from __future__ import annotations

import os
import time

import httpx
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from .shop import OPTIONS

PAUSE = 2.0
SUBMIT = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
STATUS = "/v2/requests/status/"
KEY = {"Ocp-Apim-Subscription-Key": "sandbox"}


def render(number: int) -> None:
    """Submit, sleep 2 s, ask, and so on."""
    pictures = os.environ["BENCH_PICTURES"]
    body = {"model_image": f"{pictures}/person.jpg", "garment_image": f"{pictures}/garment.jpg", **OPTIONS}
    with httpx.Client(base_url=settings.VTON["PIXAZO_BASE_URL"], headers=KEY, trust_env=False) as http:
        vendor_id = http.post(SUBMIT, json=body).json()["request_id"]
        while True:
            time.sleep(PAUSE)
            answer = http.get(STATUS + vendor_id).json()
            if answer["output"]:
                break
    _store("render", number, answer["output"]["media_url"][0])


def render_with_sdk(number: int) -> None:
    """The `fashn` SDK waits, as it comes; `adapter.py` stands in for its own vendor."""
    from fashn import Fashn

    pictures = os.environ["BENCH_PICTURES"]
    with Fashn(api_key="sandbox", base_url=os.environ["BENCH_ADAPTER"]) as client:
        answer = client.predictions.subscribe(
            model_name="tryon-v1.6",
            inputs={
                "model_image": f"{pictures}/person.jpg",
                "garment_image": f"{pictures}/garment.jpg",
                "category": "tops",
                "output_format": "jpeg",
            },
        )
    assert answer.output, answer
    _store("render_with_sdk", number, answer.output[0])


def _store(folder: str, number: int, url: str) -> None:
    data = httpx.get(url, trust_env=False).raise_for_status().content
    default_storage.save(f"{folder}/{number}.jpg", ContentFile(data))
