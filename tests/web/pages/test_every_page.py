"""What holds for all pages, without JavaScript: every assertion is about an answer to HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from django_vton.models import PersonPhoto
from shop.models import Product
from tests.doors import render

from .steps import (
    HISTORY,
    PRIVACY,
    act,
    form_of,
    hidden,
    nothing_is_stored,
    order,
    ordered,
    page_of,
    says,
    text,
)

if TYPE_CHECKING:
    from pytest_django import Settings

    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


def test_no_page_is_indexed_or_stored(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = ordered(guest, shirt, phone_photo())
    answers = {
        "form": guest.get(form_of(shirt)),
        "form of nothing": guest.get(form_of(shirt) + "1/"),
        "unknown product": guest.get(reverse("vton:try", args=["shop.product:0"])),
        "refused": order(guest, shirt),
        "accepted": order(guest, shirt, phone_photo(shade=1)),
        "result": guest.get(page_of(row)),
        "nobody's": guest.get(reverse("vton:result", args=[uuid4()])),
        "confirm": guest.get(page_of(row) + "?confirm=delete"),
        "history": guest.get(HISTORY),
        "policy": guest.get(PRIVACY),
        "method": guest.put(PRIVACY),
        "forged": Client(enforce_csrf_checks=True).post(HISTORY),
    }
    del answers["form of nothing"]  # Not an address of ours.
    for name, response in answers.items():
        assert response["Cache-Control"] == "no-store", name
        assert response["X-Robots-Tag"] == "noindex", name
        assert response["X-Frame-Options"] == "SAMEORIGIN", name
        if response.content and name != "method":
            assert '<meta name="robots" content="noindex">' in text(response), name


def test_the_pages_need_nothing_inline(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = render(ordered(guest, shirt, phone_photo(), keep_photo="on"))
    for address in (form_of(shirt), page_of(row), HISTORY, PRIVACY):
        assert not re.search(
            r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text(guest.get(address))
        )


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_language_and_direction(guest: Client, shirt: Product, language: str, direction: str) -> None:
    html = text(guest.get(form_of(shirt), headers={"Accept-Language": language}))
    assert f'<html lang="{language}" dir="{direction}">' in html


def test_looking_sets_only_the_csrf_cookie(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    for address in (form_of(shirt), HISTORY, PRIVACY, f"{form_of(shirt)}?photo={house_model.pk}"):
        guest.get(address)
    assert set(guest.cookies) == {"csrftoken"}
    assert nothing_is_stored()


def test_every_form_holds_without_the_middleware(
    settings: Settings, shirt: Product, phone_photo: PhotoMaker
) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]
    browser = Client(enforce_csrf_checks=True)
    refused = order(browser, shirt, phone_photo())
    assert refused.status_code == 403
    assert says(refused, "csrf_failed")
    assert nothing_is_stored()

    html = text(browser.get(form_of(shirt)))
    token, key = hidden(html, "csrfmiddlewaretoken"), hidden(html, "key")
    row = ordered(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token)
    assert act(browser, page_of(row), "cancel").status_code == 403
    token = hidden(text(browser.get(page_of(row))), "csrfmiddlewaretoken")
    assert act(browser, page_of(row), "cancel", csrfmiddlewaretoken=token).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_charset_breaks_nothing(guest: Client, shirt: Product, method: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="consent"\r\n\r\non\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=base64"
    status = guest.generic(method, form_of(shirt), body, kind).status_code
    assert status == {"GET": 200, "POST": 400}[method]


def test_a_shops_own_frame(guest: Client, settings: Settings, shirt: Product, tmp_path: Any) -> None:
    frame = tmp_path / "vton" / "pages" / "base.html"
    frame.parent.mkdir(parents=True)
    frame.write_text(
        '{% extends "shop/base.html" %}'
        "{% block title %}{% block vton_title %}{% endblock %}{% endblock %}"
        "{% block main %}{% block vton_head %}{% endblock %}"
        "{% block vton_content %}{% endblock %}{% endblock %}"
    )
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    html = text(guest.get(form_of(shirt)))
    assert 'class="brand"' in html
    assert 'class="vton-page"' in html
    assert "vton/pages.css" in html
    assert "<title>Try it on: Shirt" in html
