"""How pictures get to the vendor: through expiring download links, or as Base64 in the submit."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from ..conf import config
from ..models import Attempt, VendorLink
from ..utils.tokens import hash_token, new_token
from .engines import engines


def supports_callback(engine_name: str) -> bool:
    """Whether a submit to this engine requests a callback. False for an engine the shop no longer has."""
    engine = engines().get(engine_name)
    return engine is not None and engine.supports_callbacks and config.uses_callbacks


def public_url(name: str, token: str) -> str:
    """The absolute URL of a view for the vendor, under `PUBLIC_BASE_URL`; never taken from a request."""
    return config.PUBLIC_BASE_URL.rstrip("/") + reverse(f"vton:{name}", args=[token])


def create_links(attempts: Iterable[Attempt]) -> list[tuple[str, str]]:
    """Create links to the photo and the product image of each attempt; return their tokens as pairs.

    The links work until `DEADLINE` has passed or the render ends. Call this in the transaction of the claim:
    then a try-on that ends at the same time either prevents the claim, or deletes the links.
    """
    expires_at = timezone.now() + config.DEADLINE
    tokens, links = [], []
    for attempt in attempts:
        photo_token, product_token = new_token(), new_token()
        tokens.append((photo_token, product_token))
        request = attempt.request
        links += [
            _link(attempt, photo_token, expires_at, photo_id=request.photo_id),
            _link(attempt, product_token, expires_at, product_image_id=request.product_image_id),
        ]
    VendorLink.objects.bulk_create(links)
    return tokens


def _link(attempt: Attempt, token: str, expires_at: datetime, **picture: Any) -> VendorLink:
    return VendorLink(token_hash=hash_token(token), attempt=attempt, expires_at=expires_at, **picture)


def as_base64(stored: Any) -> str:
    """A stored file as Base64, without a `data:` prefix, which the vendor does not accept."""
    with stored.open("rb") as source:
        return base64.b64encode(source.read()).decode("ascii")
