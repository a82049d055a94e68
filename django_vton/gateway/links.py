"""How pictures get to the vendor: by expiring links that it fetches, or inside the submit as Base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from ..conf import config
from ..models import VendorLink
from ..utils.tokens import hash_token, new_token
from .engines import engines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..models import Attempt


def supports_callback(engine_name: str) -> bool:
    """Whether a submit to this engine orders a callback; no for one that the shop has no more."""
    engine = engines().get(engine_name)
    return engine is not None and engine.callbacks and config.callbacks


def public_url(name: str, token: str) -> str:
    """The address of one of our doors as the vendor reaches it; never taken from a request."""
    return config.PUBLIC_BASE_URL.rstrip("/") + reverse(f"vton:{name}", args=[token])


def create_links(attempts: Iterable[Attempt]) -> list[tuple[str, str]]:
    """Of each, tokens for its photo and its product's picture to be fetched; they die with the render.

    Made in the transaction that claims: whoever ends the try-on comes before it, or takes them away.
    """
    expires_at = timezone.now() + config.DEADLINE
    tokens, rows = [], []
    for attempt in attempts:
        person, product = new_token(), new_token()
        tokens.append((person, product))
        request = attempt.request
        rows += [
            _link(attempt, person, expires_at, photo_id=request.photo_id),
            _link(attempt, product, expires_at, product_image_id=request.product_image_id),
        ]
    VendorLink.objects.bulk_create(rows)
    return tokens


def _link(attempt: Attempt, token: str, expires_at: datetime, **picture: Any) -> VendorLink:
    return VendorLink(token_hash=hash_token(token), attempt=attempt, expires_at=expires_at, **picture)


def as_base64(stored: Any) -> str:
    """A stored file as Base64, without the `data:` prefix that the vendor does not take."""
    with stored.open("rb") as source:
        return base64.b64encode(source.read()).decode("ascii")
