"""Send images to the vendor: through expiring download links, or as Base64 in the submit."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import get_script_prefix, reverse, set_script_prefix

from ..conf import config
from ..models import Attempt, VendorLink
from ..utils import clock
from ..utils.tokens import hash_token, new_token
from .engines import engines

EXPIRY_MARGIN = timedelta(hours=2)
"""How much longer than `DEADLINE` a link works, since the clock may be set forward during a render."""


def supports_callback(engine_name: str) -> bool:
    """Return whether submits to this engine request a callback. A removed engine supports none."""
    engine = engines().get(engine_name)
    return engine is not None and engine.supports_callbacks and config.uses_callbacks


def public_url(name: str, token: str) -> str:
    """Return the URL of a view for the vendor, below `PUBLIC_BASE_URL`."""
    return shop_url(f"vton:{name}", token)


def shop_url(view: str, *args: Any) -> str:
    """Return the URL of any view, below `PUBLIC_BASE_URL`. Raise `NoReverseMatch` as Django does."""
    return config.PUBLIC_BASE_URL.rstrip("/") + _path(view, *args)


def public_path(name: str, token: str) -> str:
    """Return the path of a view for the vendor in the URLconf, without the script name."""
    return _path(f"vton:{name}", token)


def _path(view: str, *args: Any) -> str:
    """Return the path of a view without the script name.

    Workers create these URLs. A worker has no request, so it does not know the server's SCRIPT_NAME, and its
    threads do not have the prefix that Django sets for FORCE_SCRIPT_NAME.
    """
    prefix = get_script_prefix()
    set_script_prefix("/")
    try:
        return reverse(view, args=args)
    finally:
        set_script_prefix(prefix)


def script_name() -> str:
    """Return the path at which the shop is mounted, such as "/shop", or "".

    It is FORCE_SCRIPT_NAME. If that is not set, it is the server's SCRIPT_NAME, which only requests have.
    """
    forced = settings.FORCE_SCRIPT_NAME
    return (get_script_prefix() if forced is None else forced).rstrip("/")


def missing_script_name() -> str:
    """Return the script name if `PUBLIC_BASE_URL` does not end with it, otherwise ""."""
    name = script_name()
    return "" if has_script_name(name) else name


def has_script_name(name: str) -> bool:
    """Return whether the path of `PUBLIC_BASE_URL` ends with this script name."""
    return urlsplit(config.PUBLIC_BASE_URL).path.rstrip("/").endswith(name)


def with_script_name(name: str) -> str:
    """Return what `PUBLIC_BASE_URL` has to be if the shop is mounted at this script name."""
    return urlsplit(config.PUBLIC_BASE_URL)._replace(path=name).geturl()


def create_links(attempts: Iterable[Attempt]) -> list[tuple[str, str]]:
    """Create links to the photo and the product image of each attempt. Return their tokens as pairs.

    The links work until the render ends, or until `EXPIRY_MARGIN` after `DEADLINE`. Call this in the
    transaction of the claim, so that a try-on that ends at the same time either prevents the claim or deletes
    the links.
    """
    expires_at = clock.now() + config.DEADLINE + EXPIRY_MARGIN
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
