"""Send images to the vendor: through expiring download links, or as Base64 in the submit."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils import timezone

from ..conf import config
from ..models import Attempt, VendorLink
from ..utils.tokens import hash_token, new_token
from .engines import engines


def supports_callback(engine_name: str) -> bool:
    """Return whether submits to this engine request a callback. A removed engine supports none."""
    engine = engines().get(engine_name)
    return engine is not None and engine.supports_callbacks and config.uses_callbacks


def public_url(name: str, token: str) -> str:
    """Return the URL of a view for the vendor, below `PUBLIC_BASE_URL`."""
    return config.PUBLIC_BASE_URL.rstrip("/") + reverse(f"vton:{name}", args=[token])


def create_links(attempts: Iterable[Attempt]) -> list[tuple[str, str]]:
    """Create links to the photo and the product image of each attempt. Return their tokens as pairs.

    The links work until `DEADLINE` has passed or the render ends. Call this in the transaction of the claim,
    so that a try-on that ends at the same time either prevents the claim or deletes the links.
    """
    expires_at = timezone.now() + config.DEADLINE
    tokens, links = [], []
    for attempt in attempts:
        photo_token, product_token = new_token(), new_token()
        tokens.append((photo_token, product_token))
        common: dict[str, Any] = {"attempt": attempt, "expires_at": expires_at}
        photo_id, product_image_id = attempt.request.photo_id, attempt.request.product_image_id
        links += [
            VendorLink(token_hash=hash_token(photo_token), photo_id=photo_id, **common),
            VendorLink(token_hash=hash_token(product_token), product_image_id=product_image_id, **common),
        ]
    VendorLink.objects.bulk_create(links)
    return tokens


def as_base64(stored: Any) -> str:
    """Return a stored file as Base64, without a `data:` prefix, which the vendor does not accept."""
    with stored.open("rb") as source:
        return base64.b64encode(source.read()).decode("ascii")
