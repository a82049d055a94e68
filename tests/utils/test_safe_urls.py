"""A page links to a product's URL only if it is a path or an http(s) URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from django_vton.models import TryOnRequest
from django_vton.utils.safe_urls import safe_url
from django_vton.web.pages.base import product_link
from shop.tryon import ProductTryOn
from tests.tryons import TRY_ONS, complete_tryon, create_tryon, get_start, product_ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from shop.models import Product
    from tests.conftest import PhotoMaker

SAFE = [
    "",
    "/",
    "/shirt/",
    "/a/path?next=//b&c=javascript:d#e",
    "/red shirt/",
    "/größe/",
    "/a:b/",
    "https://shop.example/shirt/",
    "http://shop.example",
    "HTTPS://SHOP.EXAMPLE/",
    "https://[::1]:8000/shirt/",
]
UNSAFE = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript://shop.example/%0aalert(1)",
    "javascript&colon;alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://shop.example/1",
    "file:///etc/passwd",
    "ftp://shop.example/",
    "mailto:mia@example.org",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https://",
    "https://[evil.example",
    "http",
    "shirt/",
    "?product=1",
    "#shirt",
    "/shirt\x00",
    "/shirt\x7f",
]


@pytest.mark.parametrize("url", SAFE)
def test_paths_and_http_urls_are_kept(url: str) -> None:
    assert safe_url(url) == url


@pytest.mark.parametrize("url", UNSAFE)
def test_all_other_urls_are_removed(url: str) -> None:
    assert safe_url(url) == ""


def test_surrounding_whitespace_is_removed() -> None:
    assert safe_url(" /shirt/\n") == "/shirt/"


@pytest.mark.parametrize("url", UNSAFE)
def test_no_page_links_to_an_unsafe_url(url: str) -> None:
    assert product_link(RequestFactory().get("/"), url) == ""


@pytest.fixture
def set_product_url(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that sets the URL of the shop's products."""

    def change(url: str) -> None:
        monkeypatch.setattr(ProductTryOn, "get_url", lambda *_: url)

    return change


HOSTILE = ["javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "/\\evil.example/"]


def response_texts(
    client: Client, product: Product, row: TryOnRequest, *, is_export_read: bool = True
) -> list[str]:
    """Return the texts of all responses that contain a product's URL: JSON, pages, and the admin."""
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    answers: list[Any] = [
        get_start(client, product),
        client.get(TRY_ONS),
        client.get(reverse("vton:tryon", args=[row.pk])),
        *([client.get(reverse("vton:me"))] if is_export_read else []),
        client.get(reverse("vton:try", args=[product_ref(product)])),
        client.get(reverse("vton:result", args=[row.pk])),
        client.get(reverse("vton:history")),
        staff.get(reverse("admin:vton_tryonrequest_change", args=[row.pk])),
    ]
    assert all(answer.status_code == 200 for answer in answers), [
        response.status_code for response in answers
    ]
    return [answer.content.decode() for answer in answers]


@pytest.mark.django_db
@pytest.mark.parametrize("url", HOSTILE)
def test_an_unsafe_product_url_appears_nowhere(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, set_product_url: Callable[[str], None], url: str
) -> None:
    set_product_url(url)
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    assert row.product_url == ""
    for text in response_texts(guest, shirt, row):
        assert not any(word in text for word in ("alert(1)", "data:text/html", "evil.example")), text


@pytest.mark.django_db
@pytest.mark.parametrize("url", HOSTILE)
def test_an_unsafe_product_url_stored_earlier_appears_nowhere(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, url: str
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    TryOnRequest.objects.update(product_url=url)
    for text in response_texts(
        guest, shirt, row, is_export_read=False
    ):  # The export contains the stored URL unchanged.
        assert not any(word in text for word in ("alert(1)", "data:text/html", "evil.example")), text
