"""A link works once and in time, and a preview of it uses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton.models import PhoneLink
from django_vton.shoppers import PHONE_KEY
from tests.doors import TRY_ONS, asked, render
from tests.people import at_once
from tests.web.phone.steps import HOST, LINKS, connect, ids, new_link, path_of, status

if TYPE_CHECKING:
    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_link_preview_uses_nothing(desktop: Client, mobile: Client, shirt: Product, method: str) -> None:
    link = new_link(desktop, shirt)
    scanner = Client(SERVER_NAME=HOST)
    for _ in range(3):
        response = getattr(scanner, method)(path_of(link))
        assert response.status_code == 200
        assert "sessionid" not in response.cookies
    assert ids(scanner) == []
    assert mobile.post(path_of(link)).status_code == 303


def test_the_page_is_neither_kept_nor_found_nor_told(desktop: Client, mobile: Client, shirt: Product) -> None:
    link = new_link(desktop, shirt)
    for response in (mobile.get(path_of(link)), mobile.get("/try-on/phone/unknown/")):
        assert response["Cache-Control"] == "no-store"
        assert response["X-Robots-Tag"] == "noindex"
        # With "no-referrer" a browser sends "Origin: null" with the form, and Django refuses it.
        assert response["Referrer-Policy"] == "strict-origin"


def test_a_second_phone_is_told_so_and_gets_nothing(
    desktop: Client, mobile: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect(desktop, mobile, shirt)
    for response in (stranger.post(path_of(link)), stranger.get(path_of(link))):
        assert response.status_code == 410
        assert "already been used" in response.content.decode()
    assert PHONE_KEY not in stranger.session
    asked(stranger, shirt, phone_photo())
    assert status(desktop, link) == ("used", None)
    # The phone that was first may come again.
    assert mobile.get(path_of(link))["Location"].endswith("#try-on")
    assert mobile.post(path_of(link))["Location"].endswith("#try-on")


@pytest.mark.django_db(transaction=True)
def test_of_two_phones_at_once_one_wins(desktop: Client, shirt: Product) -> None:
    link = new_link(desktop, shirt)
    phones = [Client(SERVER_NAME=HOST), Client(SERVER_NAME=HOST)]
    answers = at_once(*[lambda it=it: it.post(path_of(link)).status_code for it in phones])
    assert sorted(answers, key=str) == [303, 410]


def test_a_new_session_key_comes_with_the_right(desktop: Client, mobile: Client, shirt: Product) -> None:
    session = mobile.session
    session["cart"] = {"1": 2}
    session.save()
    before = session.session_key
    connect(desktop, mobile, shirt)
    assert mobile.session.session_key != before
    assert mobile.session["cart"] == {"1": 2}


def test_after_ten_minutes_it_is_over(desktop: Client, mobile: Client, shirt: Product) -> None:
    link = new_link(desktop, shirt)
    PhoneLink.objects.update(expires_at=timezone.now())
    assert status(desktop, link) == ("expired", None)
    assert desktop.get(link["code_url"]).status_code == 404
    for response in (mobile.get(path_of(link)), mobile.post(path_of(link))):
        assert response.status_code == 410
        assert "no longer works" in response.content.decode()
    assert PHONE_KEY not in mobile.session


def test_the_times_are_ten_minutes_and_an_hour(desktop: Client, mobile: Client, shirt: Product) -> None:
    link = new_link(desktop, shirt)
    row = PhoneLink.objects.get()
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert link["expires_at"] == row.expires_at.isoformat()
    mobile.post(path_of(link))
    row.refresh_from_db()
    assert row.used_at is not None
    assert row.expires_at - row.used_at == timedelta(hours=1)


def test_after_its_hour_the_phone_is_a_stranger_again(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect(desktop, mobile, shirt)
    row = render(asked(mobile, shirt, phone_photo()))
    PhoneLink.objects.update(expires_at=timezone.now())
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    assert mobile.get(reverse("vton:image", args=[row.images.get().pk])).status_code == 404
    assert mobile.get(reverse("vton:photo-file", args=[row.photo_id])).status_code == 404
    assert mobile.get(path_of(link)).status_code == 410
    assert ids(mobile) == []
    again = asked(mobile, shirt, phone_photo(shade=1))
    assert again.shopper != row.shopper
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 200


def test_a_new_code_ends_the_one_before_and_its_phone(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    unused = new_link(desktop, shirt)
    used = connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())
    assert mobile.post(path_of(unused)).status_code == 404
    newest = new_link(desktop, shirt)
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    assert desktop.get(f"{LINKS}{used['id']}/").status_code == 404
    assert status(desktop, newest) == ("waiting", None)
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 200
