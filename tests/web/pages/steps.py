"""What the tests of the pages do again and again: they walk as a browser without JavaScript does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.urls import reverse
from django.utils.html import escape

from django_vton.messages import MESSAGES, RENDER_MESSAGES
from django_vton.models import Attempt, Consent, Shopper, TryOnRequest
from tests.doors import ref, upload

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product

HISTORY = "/try-on/mine/"
PRIVACY = "/try-on/privacy/"


def form_of(product: Product) -> str:
    return reverse("vton:try", args=[ref(product)])


def order(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> Any:
    """Post the form as a browser would that knows its fields."""
    body: dict[str, Any] = {"key": str(uuid4()), "photo_id": "", "consent": "on"} | fields
    if photo is not None:
        body["photo"] = upload(photo)
    return client.post(form_of(product), {name: value for name, value in body.items() if value is not None})


def ordered(client: Client, product: Product, photo: bytes | None = None, **fields: Any) -> TryOnRequest:
    response = order(client, product, photo, **fields)
    assert response.status_code == 303, text(response)
    return TryOnRequest.objects.get(pk=response["Location"].rstrip("/").rpartition("/")[2])


def page_of(row: TryOnRequest) -> str:
    return reverse("vton:result", args=[row.pk])


def act(client: Client, url: str, action: str, **fields: str) -> Any:
    return client.post(url, {"action": action} | fields)


def text(response: Any) -> str:
    return str(response.content.decode())


def says(response: Any, code: str) -> bool:
    sentence = MESSAGES.get(code) or RENDER_MESSAGES[code]
    return escape(str(sentence)) in text(response)


def hidden(html: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found, html
    return found[1]


def nothing_is_stored() -> bool:
    return not any(model.objects.exists() for model in (TryOnRequest, Attempt, Shopper, Consent))


class Elements(HTMLParser):
    """The elements of a page with their attributes, in order."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []
        self.feed(text(response))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, {name: value or "" for name, value in attrs}))

    def of(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """Those of one tag that have all of these attributes."""
        return [it for name, it in self.all if name == tag and attributes.items() <= it.items()]


def links(response: Any) -> list[str]:
    return [it["href"] for it in Elements(response).of("a")]
