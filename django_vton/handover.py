"""How pictures get to the vendor: by expiring links that it fetches, or inside the submit as Base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from .conf import config
from .engines import engines
from .models import Attempt, TryOnRequest, VendorLink
from .states import State
from .tokens import hash_token, new_token

if TYPE_CHECKING:
    from .models import PersonPhoto, ProductPicture


def calls_back(engine_name: str) -> bool:
    """Whether a submit to this engine orders a callback; no for one that the shop has no more."""
    engine = engines().get(engine_name)
    return engine is not None and engine.callbacks and config.callbacks


def public_url(name: str, token: str) -> str:
    """The address of one of our doors as the vendor reaches it; never taken from a request."""
    return config.PUBLIC_BASE_URL.rstrip("/") + reverse(f"vton:{name}", args=[token])


def links(attempt: Attempt, photo: PersonPhoto, picture: ProductPicture) -> tuple[str, str]:
    """Fresh addresses of the photo and of the product's picture; they die with the render.

    Raises ValueError where the try-on was canceled since its claim: it need not be sent, nor paid.
    """
    person, product = new_token(), new_token()
    expires_at = timezone.now() + config.DEADLINE
    rows = [
        VendorLink(token_hash=hash_token(person), attempt=attempt, photo=photo, expires_at=expires_at),
        VendorLink(
            token_hash=hash_token(product),
            attempt=attempt,
            product_picture=picture,
            expires_at=expires_at,
        ),
    ]
    with transaction.atomic():
        # Whoever ends it takes its links away: before these are there, or after.
        locked = TryOnRequest.objects.select_for_update().filter(pk=attempt.request_id)
        if locked.values_list("state", flat=True).get() != State.SUBMITTING:
            raise ValueError("The try-on has ended.")
        VendorLink.objects.bulk_create(rows)
    return public_url("vendor-file", person), public_url("vendor-file", product)


def encoded(stored: Any) -> str:
    """A stored file as Base64, without the `data:` prefix that the vendor does not take."""
    with stored.open("rb") as source:
        return base64.b64encode(source.read()).decode("ascii")
