"""How pictures get to the vendor: by expiring links that it fetches, or inside the submit as Base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from .conf import config
from .engines import engines
from .models import VendorLink
from .tokens import hash_token, new_token

if TYPE_CHECKING:
    from .models import Attempt, PersonPhoto, ProductPicture


def calls_back(engine_name: str) -> bool:
    """Whether a submit to this engine orders a callback; no for one that the shop has no more."""
    engine = engines().get(engine_name)
    return engine is not None and engine.callbacks and config.callbacks


def public_url(name: str, token: str) -> str:
    """The address of one of our doors as the vendor reaches it; never taken from a request."""
    return config.PUBLIC_BASE_URL.rstrip("/") + reverse(f"vton:{name}", args=[token])


def links(attempt: Attempt, photo: PersonPhoto, picture: ProductPicture) -> tuple[str, str]:
    """Tokens under which the photo and the product's picture may be fetched; they die with the render.

    Made in the transaction that claims: whoever ends the try-on comes before it, or takes them away.
    """
    person, product = new_token(), new_token()
    common = {"attempt": attempt, "expires_at": timezone.now() + config.DEADLINE}
    VendorLink.objects.bulk_create(
        [
            VendorLink(token_hash=hash_token(person), photo=photo, **common),
            VendorLink(token_hash=hash_token(product), product_picture=picture, **common),
        ]
    )
    return person, product


def encoded(stored: Any) -> str:
    """A stored file as Base64, without the `data:` prefix that the vendor does not take."""
    with stored.open("rb") as source:
        return base64.b64encode(source.read()).decode("ascii")
