"""A form that is sent twice creates one try-on."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.test import Client

from django_vton.models import Attempt, Shopper
from shop.models import Product

from .actions import (
    form_url,
    hidden_value,
    order_by_form,
    post_order,
    shows_message,
    text,
)

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


def test_a_second_submit_with_the_same_key_creates_nothing(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    key = hidden_value(text(guest.get(form_url(shirt))), "key")
    first = post_order(guest, shirt, phone_photo(), key=key)
    assert post_order(guest, shirt, phone_photo(), key=key)["Location"] == first["Location"]
    assert Attempt.objects.count() == 1

    changed = post_order(guest, shirt, phone_photo(shade=1), key=key)
    assert changed.status_code == 409
    assert shows_message(changed, "idempotency_conflict")
    assert hidden_value(text(changed), "key") != key


def test_a_new_guests_double_click_creates_one_try_on_before_the_session_exists(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    browser = Client(enforce_csrf_checks=True)
    html = text(browser.get(form_url(shirt)))
    fields = {name: hidden_value(html, name) for name in ("key", "csrfmiddlewaretoken")}
    before = SimpleCookie(browser.cookies.output(header=""))
    first = post_order(browser, shirt, phone_photo(), **fields)
    browser.cookies = before
    browser.cookies["csrftoken"] = before["csrftoken"].value
    second = post_order(browser, shirt, phone_photo(), **fields)

    assert first["Location"] == second["Location"]
    assert (Attempt.objects.count(), Shopper.objects.count()) == (1, 1)
    assert browser.get(second["Location"]).status_code == 200


def test_the_same_key_in_another_browser_belongs_to_another_guest(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    key = str(uuid4())
    rows = set()
    for _ in range(2):
        browser = Client(enforce_csrf_checks=True)
        token = hidden_value(text(browser.get(form_url(shirt))), "csrfmiddlewaretoken")
        rows.add(order_by_form(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token).pk)
    assert len(rows) == Shopper.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 500, "no uuid", "\0"])
def test_an_invalid_key_is_ignored(guest: Client, shirt: Product, phone_photo: PhotoMaker, key: str) -> None:
    assert order_by_form(guest, shirt, phone_photo(), key=key).idempotency_key_hash is None
