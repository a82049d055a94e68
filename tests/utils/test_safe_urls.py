"""What a shop's product says its page is: shown as a link only where it is a path, or http(s)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from django_vton.models import TryOnRequest
from django_vton.utils.safe_urls import safe_url
from django_vton.web.pages.links import product_link
from shop.tryon import ProductTryOn
from tests.doors import TRY_ONS, asked, ref, render, start

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
def test_a_path_and_a_web_address_are_kept(url: str) -> None:
    assert safe_url(url) == url


@pytest.mark.parametrize("url", UNSAFE)
def test_anything_else_is_dropped(url: str) -> None:
    assert safe_url(url) == ""


def test_blanks_around_a_url_are_none_of_it() -> None:
    assert safe_url(" /shirt/\n") == "/shirt/"


@pytest.mark.parametrize("url", UNSAFE)
def test_no_page_leads_there(url: str) -> None:
    assert product_link(RequestFactory().get("/"), url) == ""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`seen(url)`: what the shop says that its product's page is."""

    def change(url: str) -> None:
        monkeypatch.setattr(ProductTryOn, "get_url", lambda *_: url)

    return change


HOSTILE = ["javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "/\\evil.example/"]


def texts(client: Client, product: Product, row: TryOnRequest, *, is_export_read: bool = True) -> list[str]:
    """All that tells the product's page: JSON, pages, and the admin."""
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    answers: list[Any] = [
        start(client, product),
        client.get(TRY_ONS),
        client.get(reverse("vton:tryon", args=[row.pk])),
        *([client.get(reverse("vton:me"))] if is_export_read else []),
        client.get(reverse("vton:try", args=[ref(product)])),
        client.get(reverse("vton:result", args=[row.pk])),
        client.get(reverse("vton:history")),
        staff.get(reverse("admin:vton_tryonrequest_change", args=[row.pk])),
    ]
    assert all(answer.status_code == 200 for answer in answers), [it.status_code for it in answers]
    return [answer.content.decode() for answer in answers]


@pytest.mark.django_db
@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_of_a_product_is_nowhere_to_be_seen(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, seen: Callable[[str], None], url: str
) -> None:
    seen(url)
    row = render(asked(guest, shirt, phone_photo()))
    assert row.product_url == ""
    for text in texts(guest, shirt, row):
        assert not any(word in text for word in ("alert(1)", "data:text/html", "evil.example")), text


@pytest.mark.django_db
@pytest.mark.parametrize("url", HOSTILE)
def test_nor_one_that_was_stored_before(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, url: str
) -> None:
    row = render(asked(guest, shirt, phone_photo()))
    TryOnRequest.objects.update(product_url=url)
    for text in texts(guest, shirt, row, is_export_read=False):  # It tells what is stored, as it is.
        assert not any(word in text for word in ("alert(1)", "data:text/html", "evil.example")), text
