"""Links from the pages into the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...utils.safe_urls import safe_url

if TYPE_CHECKING:
    from django.http import HttpRequest

TRY_ON = "try-on"
"""The fragment at which a product page opens the dialog with the newest try-on of its product."""


def product_link(request: HttpRequest, url: str) -> str:
    """The product's page with the dialog open; a URL of another site stays as it is; "" where it is none."""
    url = safe_url(url)
    parts = urlsplit(url)
    origin = (parts.scheme, parts.netloc)
    if url.startswith("/") or origin == (request.scheme, request.get_host()):
        return parts._replace(fragment=TRY_ON).geturl()
    return url
