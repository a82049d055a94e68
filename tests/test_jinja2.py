"""A shop whose own templates are written for Jinja2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.checks.messages import run_vton_checks
from tests.tryons import create_tryon, get_start, product_ref

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

PAGE = """<head>{{ tryon_assets() }}</head>
{% for product in products %}
{{ tryon(product, cart="cart-form", price=price, cart_label="Add & go") }}
{% endfor %}
{{ tryon("no product") }}{{ tryon_gallery("no product") }}<a href="{{ tryon_url("history") }}">Mine</a>"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def jinja2(settings: Settings, tmp_path: Path) -> dict[str, Any]:
    """Jinja2 is the first template engine, with autoescape and one page. Return its configuration."""
    (tmp_path / "page.html").write_text(PAGE)
    backend: dict[str, Any] = {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [tmp_path],
        "APP_DIRS": True,
        "OPTIONS": {"extensions": ["django_vton.contrib.jinja2.TryOnExtension"]},
    }
    settings.TEMPLATES = [backend, *settings.TEMPLATES]
    return backend


def page(*products: Product, **context: Any) -> str:
    return render_to_string("page.html", {"products": products, **context}, RequestFactory().get("/"))


@pytest.mark.usefixtures("jinja2")
def test_a_jinja2_page_has_the_button_and_its_script(shirt: Product) -> None:
    shown = page(shirt, price=89)
    assert shown.count("<vton-try-on") == 1
    for part in ('cart="cart-form"', 'price="89"', 'cart-label="Add &amp; go"', product_ref(shirt)):
        assert part in shown
    assert f'<a href="{reverse("vton:history")}">' in shown
    assert 'src="/static/vton/button.js"' in shown
    assert "&lt;" not in shown


@pytest.mark.usefixtures("jinja2")
def test_two_buttons_of_a_jinja2_page_need_no_more_queries_than_one(
    shirt: Product, glasses: Product, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with CaptureQueriesContext(connection) as one:
        page(shirt)
    with CaptureQueriesContext(connection) as two:
        assert page(shirt, glasses).count("<vton-try-on") == 2
    assert len(one) == len(two) > 0


@pytest.mark.usefixtures("jinja2")
def test_a_jinja2_template_without_a_request_has_the_button(shirt: Product) -> None:
    assert "<vton-try-on" in render_to_string("page.html", {"products": [shirt]})


@pytest.mark.usefixtures("jinja2")
def test_the_nonce_of_the_request_is_used(shirt: Product) -> None:
    assert page(shirt, csp_nonce="n0nce").count('nonce="n0nce"') == 2


@pytest.mark.usefixtures("jinja2")
def test_our_own_pages_do_not_need_jinja2_templates(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    start = get_start(guest, shirt).json()
    assert start["enabled"]
    row = create_tryon(guest, shirt, phone_photo())
    for name, *args in (("try", product_ref(shirt)), ("result", row.pk), ("history",), ("privacy",)):
        response = guest.get(reverse(f"vton:{name}", args=args))
        assert response.status_code == 200, name
        assert "vton-page" in response.content.decode()
    assert guest.get(reverse("vton:dialog"), {"product": product_ref(shirt)}).status_code == 200
    assert run_vton_checks() == {}


def test_templates_without_a_django_backend_are_reported(settings: Settings, jinja2: dict[str, Any]) -> None:
    settings.TEMPLATES = [jinja2]
    assert set(run_vton_checks()) == {"vton.E007"}
    django = {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": False}
    settings.TEMPLATES = [jinja2, django]
    assert set(run_vton_checks()) == {"vton.E007"}
