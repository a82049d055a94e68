"""Links from the pages into the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from django.http import HttpRequest

TRY_ON = "try-on"
"""The fragment at which a product page opens the dialog with the newest try-on of its product."""


def product_link(request: HttpRequest, url: str) -> str:
    """The product's page with the dialog open; a URL of another site stays as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    origin = (parts.scheme, parts.netloc)
    is_path = origin == ("", "") and url.startswith("/")
    if is_path or origin == (request.scheme, request.get_host()):
        return parts._replace(fragment=TRY_ON).geturl()
    return url
