"""Requests that a browser without JavaScript sends to the pages, and queries on the responses."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.urls import reverse
from django.utils.html import escape

from django_vton.messages import MESSAGES, RENDER_MESSAGES
from django_vton.models import Attempt, Consent, Shopper, TryOnRequest
from tests.tryons import product_ref, uploaded_photo

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product

HISTORY_URL = "/try-on/mine/"
PRIVACY_URL = "/try-on/privacy/"


def form_url(product: Product) -> str:
    return reverse("vton:try", args=[product_ref(product)])


def post_order(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> Any:
    """Post the form with all of its fields, as a browser does."""
    body: dict[str, Any] = {"key": str(uuid4()), "photo_id": "", "consent": "on"} | fields
    if photo is not None:
        body["photo"] = uploaded_photo(photo)
    return client.post(form_url(product), {name: value for name, value in body.items() if value is not None})


def order_by_form(
    client: Client, product: Product, photo: bytes | None = None, **fields: Any
) -> TryOnRequest:
    response = post_order(client, product, photo, **fields)
    assert response.status_code == 303, text(response)
    return TryOnRequest.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


def result_url(row: TryOnRequest) -> str:
    return reverse("vton:result", args=[row.pk])


def post_action(client: Client, url: str, action: str, **fields: str) -> Any:
    return client.post(url, {"action": action} | fields)


def text(response: Any) -> str:
    return str(response.content.decode())


def shows_message(response: Any, code: str) -> bool:
    message = MESSAGES.get(code) or RENDER_MESSAGES[code]
    return escape(str(message)) in text(response)


def hidden_value(html: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found, html
    return found[1]


def nothing_is_stored() -> bool:
    return not any(model.objects.exists() for model in (TryOnRequest, Attempt, Shopper, Consent))


class Elements(HTMLParser):
    """The elements of a page in order."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []
        self.feed(text(response))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, {name: value or "" for name, value in attrs}))

    def find(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """Return the attributes of all elements with this tag that have these attributes."""
        return [it for name, it in self.all if name == tag and attributes.items() <= it.items()]


def link_urls(response: Any) -> list[str]:
    return [it["href"] for it in Elements(response).find("a")]
