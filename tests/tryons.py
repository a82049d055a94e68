"""Helpers for products, requests to the API, and try-ons in any state without a worker."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image, ImageDraw

from django_vton import lifecycle
from django_vton.images import isolated
from django_vton.models import Attempt, TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils.tokens import hash_token
from django_vton.worker import result_images
from shop.models import Product

if TYPE_CHECKING:
    from django.test import Client

TRY_ONS = "/try-on/api/try-ons/"
TRYON_KEYS = {
    "id", "product", "product_title", "product_url", "engine", "status", "options", "counted", "cached",
    "created_at", "started_at", "finished_at", "expires_at", "progress", "eta_seconds", "typical_seconds",
    "photo", "images", "feedback", "page_url", "error",
}  # fmt: skip
PHOTO_KEYS = {
    "id", "kind", "name", "labels", "suits", "url", "thumbnail_url", "width", "height", "expires_at",
}  # fmt: skip
IMAGE_KEYS = {
    "id", "url", "thumbnail_url", "download_url", "width", "height", "content_type", "alt", "flaw",
}  # fmt: skip

TOKEN = "the-callback-token-of-a-test"


def make_product(slug: str, kind: str, **values: Any) -> Product:
    picture = Image.new("RGB", (500, 600), "white")
    ImageDraw.Draw(picture).rectangle((100, 100, 400, 500), fill=(20, 120, 60))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    product = Product(name=slug.title(), slug=slug, kind=kind, price="89.00", **values)
    product.photo.save(f"{slug}.jpg", ContentFile(out.getvalue()))
    return product


def product_ref(product: Product) -> str:
    return f"shop.product:{product.pk}"


def uploaded_photo(data: bytes, name: str = "IMG_0001.JPG") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, "image/jpeg")


def post_tryon(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> Any:
    """Order as the dialog does: multipart, with consent."""
    headers = fields.pop("headers", None)
    body: dict[str, Any] = {"product": product_ref(product), "consent": "true"} | fields
    if photo is not None:
        body["photo"] = uploaded_photo(photo)
    given = {name: value for name, value in body.items() if value is not None}
    return client.post(TRY_ONS, given, headers=headers)


def create_tryon(client: Client, product: Product, photo: bytes, **fields: Any) -> TryOnRequest:
    """Order a try-on by the API; return its row."""
    response = post_tryon(client, product, photo, **fields)
    assert response.status_code in {200, 202}, response.content
    return TryOnRequest.objects.get(pk=response.json()["id"])


def get_start(client: Client, product: str | Product, **query: str) -> Any:
    name = product if isinstance(product, str) else product_ref(product)
    return client.get(reverse("vton:start"), {"product": name} | query)


def claim_for_submit(row: TryOnRequest, token: str = TOKEN) -> Attempt:
    """Claim it for its submit: `submitting`."""
    attempt = lifecycle.current_attempt(row)
    is_claimed = lifecycle.claim_submits(
        [attempt], [hash_token(token)], timezone.now(), timedelta(seconds=30)
    )
    assert is_claimed
    return attempt


def complete_tryon(row: TryOnRequest, images: int = 1) -> TryOnRequest:
    """Submit, render and complete it, with so many images."""
    attempt = claim_for_submit(row, token=f"token of {row.pk}")
    running = VendorResponse(vendor_id=f"id-{row.pk}", status=VendorStatus.RUNNING, raw_status="QUEUED")
    lifecycle.mark_submitted([(attempt, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=running))])
    row.refresh_from_db()
    done = VendorResponse(
        vendor_id=running.vendor_id,
        status=VendorStatus.COMPLETED,
        raw_status="COMPLETED",
        images=("http://x/1",),
    )
    assert lifecycle.mark_rendered([(attempt, done, None)])
    out = io.BytesIO()
    Image.new("RGB", (400, 500), (10, 20, 30)).save(out, "PNG")
    rendered = [isolated.decode_result(out.getvalue())] * images
    assert lifecycle.mark_completed([(row, result_images.store(row, rendered))])
    row.refresh_from_db()
    return row


def error_code(response: Any) -> tuple[int, str]:
    """Check the shape of an error response; return its status and code."""
    body = response.json()
    assert set(body) == {"code", "detail", "field"}, body
    assert all(isinstance(value, str) for value in body.values())
    assert body["code"]
    assert body["detail"]
    return int(response.status_code), body["code"]


def read_stream(response: Any) -> bytes:
    """Read a streaming response; the test client closes its file at the end."""
    return bytes(response.getvalue())
