"""URLs contain `?lang=` only if they do not select the language by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.template import Context, Template
from django.urls import reverse, set_script_prefix
from django.utils import translation

from tests.tryons import get_start, product_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

from .german import GermanVisitor, ParsedPage, form_url, product_page_url

pytestmark = pytest.mark.django_db


def tryon_urls(client: Client, page: str, product: Product) -> tuple[str, str, str]:
    """The URLs of the form on the product page, of the history on the form, and of the API's start view."""
    shown = ParsedPage(client.get(page).content.decode())
    (form,) = [link for link in shown.links if product_ref(product) in link]
    (history, *_others) = [
        link for link in ParsedPage(client.get(form).content.decode()).links if "/mine/" in link
    ]
    return form, history, shown.element["vton-try-on"]["start-url"]


def test_with_a_language_prefix_urls_need_no_lang(
    settings: Settings, german: GermanVisitor, shirt: Product
) -> None:
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_and_tryon"
    found = tryon_urls(german.client, product_page_url(shirt), shirt)
    assert found == (f"/de/try-on/try/{product_ref(shirt)}/", "/de/try-on/mine/", "/de/try-on/api/start/")
    german.get(found[0])


def test_a_default_language_without_prefix_needs_no_lang(
    settings: Settings, german: GermanVisitor, shirt: Product
) -> None:
    settings.ROOT_URLCONF = "tests.language_prefixes.default_unprefixed"
    form, history, _start = tryon_urls(german.client, product_page_url(shirt), shirt)
    assert (form, history) == (form_url(shirt), "/try-on/mine/?lang=de")
    german.get(form)
    form, history, _start = tryon_urls(german.client, f"/products/{shirt.slug}/", shirt)
    assert (form, history) == (f"/try-on/try/{product_ref(shirt)}/", "/try-on/mine/")


def test_without_language_prefixes_urls_need_no_lang(german: GermanVisitor, shirt: Product) -> None:
    german.client.cookies["django_language"] = "de"
    found = tryon_urls(german.client, f"/products/{shirt.slug}/", shirt)
    assert found == (f"/try-on/try/{product_ref(shirt)}/", "/try-on/mine/", "/try-on/api/start/")
    german.get(found[0])
    assert get_start(german.client, shirt, lang="de").json()["links"]["history"] == "/try-on/mine/"


@pytest.fixture
def script_prefix() -> Iterator[None]:
    set_script_prefix("/shop/")
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("script_prefix")
@pytest.mark.parametrize(
    ("urls", "history"),
    [("shop_and_tryon", "/shop/de/try-on/mine/"), ("shop_only", "/shop/try-on/mine/?lang=de")],
)
def test_a_script_prefix_is_kept_in_urls(settings: Settings, urls: str, history: str) -> None:
    settings.ROOT_URLCONF = f"tests.language_prefixes.{urls}"
    with translation.override("de"):
        assert reverse("vton:history") in history
        assert Template('{% load vton %}{% tryon_url "history" %}').render(Context()) == history
