"""Rules for all pages without JavaScript: headers, languages, CSRF and overridden templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from django_vton.models import PersonPhoto
from shop.models import Product
from tests.tryons import complete_tryon

from .actions import (
    HISTORY_URL,
    PRIVACY_URL,
    form_url,
    hidden_value,
    nothing_is_stored,
    order_by_form,
    post_action,
    post_order,
    result_url,
    shows_message,
    text,
)

if TYPE_CHECKING:
    from pytest_django import Settings

    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


def test_no_page_is_indexed_or_stored(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = order_by_form(guest, shirt, phone_photo())
    responses = {
        "form": guest.get(form_url(shirt)),
        "unknown product": guest.get(reverse("vton:try", args=["shop.product:0"])),
        "refused": post_order(guest, shirt),
        "accepted": post_order(guest, shirt, phone_photo(shade=1)),
        "result": guest.get(result_url(row)),
        "unknown try-on": guest.get(reverse("vton:result", args=[uuid4()])),
        "confirm": guest.get(result_url(row) + "?confirm=delete"),
        "history": guest.get(HISTORY_URL),
        "policy": guest.get(PRIVACY_URL),
        "method": guest.put(PRIVACY_URL),
        "forged": Client(enforce_csrf_checks=True).post(HISTORY_URL),
    }
    for name, response in responses.items():
        assert response["Cache-Control"] == "no-store", name
        assert response["X-Robots-Tag"] == "noindex", name
        assert response["X-Frame-Options"] == "SAMEORIGIN", name
        if response.content and name != "method":
            assert '<meta name="robots" content="noindex">' in text(response), name


def test_the_pages_have_no_inline_code_or_style(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = complete_tryon(order_by_form(guest, shirt, phone_photo(), keep_photo="on"))
    for url in (form_url(shirt), result_url(row), HISTORY_URL, PRIVACY_URL):
        assert not re.search(
            r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text(guest.get(url))
        )


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_pages_use_the_requested_language_and_its_direction(
    guest: Client, shirt: Product, language: str, direction: str
) -> None:
    html = text(guest.get(form_url(shirt), headers={"Accept-Language": language}))
    assert f'<html lang="{language}" dir="{direction}">' in html


def test_viewing_pages_sets_only_the_csrf_cookie(
    guest: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    for url in (form_url(shirt), HISTORY_URL, PRIVACY_URL, f"{form_url(shirt)}?photo={house_model.pk}"):
        guest.get(url)
    assert set(guest.cookies) == {"csrftoken"}
    assert nothing_is_stored()


def test_forms_are_protected_even_without_the_csrf_middleware(
    settings: Settings, shirt: Product, phone_photo: PhotoMaker
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]
    browser = Client(enforce_csrf_checks=True)
    refused = post_order(browser, shirt, phone_photo())
    assert refused.status_code == 403
    assert shows_message(refused, "csrf_failed")
    assert nothing_is_stored()

    html = text(browser.get(form_url(shirt)))
    token, key = hidden_value(html, "csrfmiddlewaretoken"), hidden_value(html, "key")
    row = order_by_form(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token)
    assert post_action(browser, result_url(row), "cancel").status_code == 403
    token = hidden_value(text(browser.get(result_url(row))), "csrfmiddlewaretoken")
    assert post_action(browser, result_url(row), "cancel", csrfmiddlewaretoken=token).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_charset_that_is_not_a_text_encoding_is_ignored(guest: Client, shirt: Product, method: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="consent"\r\n\r\non\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=base64"
    status = guest.generic(method, form_url(shirt), body, kind).status_code
    assert status == {"GET": 200, "POST": 400}[method]


def test_the_pages_can_be_shown_in_the_shops_base_template(
    guest: Client, settings: Settings, shirt: Product, tmp_path: Any
) -> None:
    template = tmp_path / "vton" / "pages" / "base.html"
    template.parent.mkdir(parents=True)
    template.write_text(
        '{% extends "shop/base.html" %}'
        "{% block title %}{% block vton_title %}{% endblock %}{% endblock %}"
        "{% block main %}{% block vton_head %}{% endblock %}"
        "{% block vton_content %}{% endblock %}{% endblock %}"
    )
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    html = text(guest.get(form_url(shirt)))
    assert 'class="brand"' in html
    assert 'class="vton-page"' in html
    assert "vton/pages.css" in html
    assert "<title>Try it on: Shirt" in html
