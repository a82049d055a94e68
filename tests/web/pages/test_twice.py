"""A form that is sent twice is paid once."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.test import Client

from django_vton.models import Attempt, Shopper
from shop.models import Product

from .steps import (
    form_of,
    hidden,
    order,
    ordered,
    says,
    text,
)

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


def test_a_second_click_pays_nothing(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    key = hidden(text(guest.get(form_of(shirt))), "key")
    first = order(guest, shirt, phone_photo(), key=key)
    assert order(guest, shirt, phone_photo(), key=key)["Location"] == first["Location"]
    assert Attempt.objects.count() == 1

    changed = order(guest, shirt, phone_photo(shade=1), key=key)
    assert changed.status_code == 409
    assert says(changed, "idempotency_conflict")
    assert hidden(text(changed), "key") != key


def test_a_new_guests_second_click_leaves_before_the_session_comes(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    browser = Client(enforce_csrf_checks=True)
    html = text(browser.get(form_of(shirt)))
    fields = {name: hidden(html, name) for name in ("key", "csrfmiddlewaretoken")}
    before = SimpleCookie(browser.cookies.output(header=""))
    first = order(browser, shirt, phone_photo(), **fields)
    browser.cookies = before
    browser.cookies["csrftoken"] = before["csrftoken"].value
    second = order(browser, shirt, phone_photo(), **fields)

    assert first["Location"] == second["Location"]
    assert (Attempt.objects.count(), Shopper.objects.count()) == (1, 1)
    assert browser.get(second["Location"]).status_code == 200


def test_the_same_key_of_another_browser_is_another_guest(shirt: Product, phone_photo: PhotoMaker) -> None:
    key = str(uuid4())
    rows = set()
    for _ in range(2):
        browser = Client(enforce_csrf_checks=True)
        token = hidden(text(browser.get(form_of(shirt))), "csrfmiddlewaretoken")
        rows.add(ordered(browser, shirt, phone_photo(), key=key, csrfmiddlewaretoken=token).pk)
    assert len(rows) == Shopper.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 500, "no uuid", "\0"])
def test_a_broken_key_is_no_key(guest: Client, shirt: Product, phone_photo: PhotoMaker, key: str) -> None:
    assert ordered(guest, shirt, phone_photo(), key=key).idempotency_key is None
