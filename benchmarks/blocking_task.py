"""The simple approach for comparison: a task that submits, waits for its render, and stores it."""

from __future__ import annotations

import os
import time

import httpx
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from .shop_process import OPTIONS

POLL_INTERVAL_SECONDS = 2.0
SUBMIT_PATH = "/fashn-virtual-try-on/v1/fashn-virtual-try-on-request"
STATUS_PATH = "/v2/requests/status/"
API_KEY = {"Ocp-Apim-Subscription-Key": "sandbox"}


def render(number: int) -> None:
    """Submit, then poll every 2 s until the render is done."""
    images = os.environ["BENCH_IMAGES"]
    body = {"model_image": f"{images}/person.jpg", "garment_image": f"{images}/garment.jpg", **OPTIONS}
    with httpx.Client(base_url=settings.VTON["PIXAZO_BASE_URL"], headers=API_KEY, trust_env=False) as http:
        vendor_id = http.post(SUBMIT_PATH, json=body).json()["request_id"]
        while True:
            time.sleep(POLL_INTERVAL_SECONDS)
            result = http.get(STATUS_PATH + vendor_id).json()
            if result["output"]:
                break
    _store("render", number, result["output"]["media_url"][0])


def render_with_sdk(number: int) -> None:
    """Wait with the `fashn` SDK's `subscribe`; `fashn_api.py` plays its vendor."""
    from fashn import Fashn

    images = os.environ["BENCH_IMAGES"]
    with Fashn(api_key="sandbox", base_url=os.environ["BENCH_FASHN_API"]) as client:
        result = client.predictions.subscribe(
            model_name="tryon-v1.6",
            inputs={
                "model_image": f"{images}/person.jpg",
                "garment_image": f"{images}/garment.jpg",
                "category": "tops",
                "output_format": "jpeg",
            },
        )
    assert result.output, result
    _store("render_with_sdk", number, result.output[0])


def _store(folder: str, number: int, url: str) -> None:
    data = httpx.get(url, trust_env=False).raise_for_status().content
    default_storage.save(f"{folder}/{number}.jpg", ContentFile(data))
