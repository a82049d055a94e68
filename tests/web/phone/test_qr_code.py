"""The QR code, and when it is available."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zxingcpp
from django.test import Client, RequestFactory

from django_vton.models import Shopper
from django_vton.web import phone_links
from tests.canary import canaries
from tests.tryons import error_code, product_ref
from tests.web.phone.actions import HOST, LINKS_URL, create_link, link_path, render_svg

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import Vton

pytestmark = pytest.mark.django_db


def test_the_qr_code_contains_the_link_and_is_readable(desktop: Client, shirt: Product) -> None:
    link = create_link(desktop, shirt)
    response = desktop.get(link["code_url"])
    assert response["Content-Type"] == "image/svg+xml"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    svg = response.content.decode()
    assert "style" not in svg
    assert "<script" not in svg
    assert 'fill="#fff"' in svg, "without a background it is unreadable in dark mode"
    [found] = zxingcpp.read_barcodes(render_svg(svg))
    assert found.text == link["url"]
    assert found.text.startswith(f"http://{HOST}/try-on/phone/")
    quiet = render_svg(svg, 1).crop((0, 0, 4, 10))
    assert set(quiet.tobytes()) == {255}, "the quiet zone is not white"


def test_the_token_is_not_stored(desktop: Client, shirt: Product) -> None:
    token = link_path(create_link(desktop, shirt)).rstrip("/?").rsplit("/", 1)[-1]
    assert len(token) >= 22, "fewer than 128 bits"
    assert token not in canaries.database_text()


def test_the_scheme_comes_from_the_public_base_url_of_the_same_host(
    desktop: Client, shirt: Product, vton: Vton
) -> None:
    vton(PUBLIC_BASE_URL=f"https://{HOST}")
    assert create_link(desktop, shirt)["url"].startswith(f"https://{HOST}/")
    vton(PUBLIC_BASE_URL="https://vendor-side.example")
    assert create_link(desktop, shirt)["url"].startswith(f"http://{HOST}/")


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "shop.localhost"])
def test_on_localhost_links_for_phones_are_offered_only_in_debug_mode(
    shirt: Product, settings: Settings, host: str
) -> None:
    client = Client(headers={"host": host})
    assert error_code(client.post(LINKS_URL, {"product": product_ref(shirt)})) == (404, "not_found")
    assert not phone_links.is_available(RequestFactory().get("/", headers={"host": host}))
    settings.DEBUG = True
    assert client.post(LINKS_URL, {"product": product_ref(shirt)}).status_code == 201


def test_without_the_qr_library_no_links_can_be_created(
    desktop: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_links, "is_installed", lambda: False)
    assert error_code(desktop.post(LINKS_URL, {"product": product_ref(shirt)})) == (404, "not_found")
    assert not Shopper.objects.exists()


def test_the_phones_page_uses_the_language_of_the_computers_page(
    desktop: Client, mobile: Client, shirt: Product, settings: Settings
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_only"
    link = desktop.post(f"{LINKS_URL}?lang=de", {"product": product_ref(shirt)}).json()
    assert link["url"].endswith("/?lang=de")
    svg = desktop.get(link["code_url"], headers={"accept-language": "en"}).content.decode()
    assert [it.text for it in zxingcpp.read_barcodes(render_svg(svg))] == [link["url"]]
    page = mobile.get(link_path(link), headers={"accept-language": "en"})
    assert page["Content-Language"] == "de"
