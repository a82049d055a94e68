"""A link works once and expires. Opening it does not use it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton.models import PhoneLink
from django_vton.shoppers import PHONE_SESSION_KEY
from tests.intake_helpers import run_concurrently
from tests.tryons import TRY_ONS, complete_tryon, create_tryon
from tests.web.phone.actions import (
    HOST,
    LINKS_URL,
    connect_phone,
    create_link,
    link_path,
    link_status,
    tryon_ids,
)

if TYPE_CHECKING:
    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_a_link_does_not_use_it(desktop: Client, mobile: Client, shirt: Product, method: str) -> None:
    link = create_link(desktop, shirt)
    scanner = Client(SERVER_NAME=HOST)
    for _ in range(3):
        response = getattr(scanner, method)(link_path(link))
        assert response.status_code == 200
        assert "sessionid" not in response.cookies
    assert tryon_ids(scanner) == []
    assert mobile.post(link_path(link)).status_code == 303


def test_the_page_is_not_cached_not_indexed_and_its_url_not_sent_to_other_sites(
    desktop: Client, mobile: Client, shirt: Product
) -> None:
    link = create_link(desktop, shirt)
    for response in (mobile.get(link_path(link)), mobile.get("/try-on/phone/unknown/")):
        assert response["Cache-Control"] == "no-store"
        assert response["X-Robots-Tag"] == "noindex"
        # With "no-referrer", browsers would send "Origin: null" with the form, which Django refuses.
        assert response["Referrer-Policy"] == "strict-origin"


def test_a_second_phone_gets_no_access(
    desktop: Client, mobile: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect_phone(desktop, mobile, shirt)
    for response in (stranger.post(link_path(link)), stranger.get(link_path(link))):
        assert response.status_code == 410
        assert "already been used" in response.content.decode()
    assert PHONE_SESSION_KEY not in stranger.session
    create_tryon(stranger, shirt, phone_photo())
    assert link_status(desktop, link) == ("used", None)
    # The first phone may open the link again.
    assert mobile.get(link_path(link))["Location"].endswith("#try-on")
    assert mobile.post(link_path(link))["Location"].endswith("#try-on")


@pytest.mark.django_db(transaction=True)
def test_only_one_of_two_concurrent_phones_gets_access(desktop: Client, shirt: Product) -> None:
    link = create_link(desktop, shirt)
    phones = [Client(SERVER_NAME=HOST), Client(SERVER_NAME=HOST)]
    answers = run_concurrently(*[lambda it=it: it.post(link_path(link)).status_code for it in phones])
    assert sorted(answers, key=str) == [303, 410]


def test_using_a_link_changes_the_session_key(desktop: Client, mobile: Client, shirt: Product) -> None:
    session = mobile.session
    session["cart"] = {"1": 2}
    session.save()
    before = session.session_key
    connect_phone(desktop, mobile, shirt)
    assert mobile.session.session_key != before
    assert mobile.session["cart"] == {"1": 2}


def test_an_expired_link_cannot_be_used(desktop: Client, mobile: Client, shirt: Product) -> None:
    link = create_link(desktop, shirt)
    PhoneLink.objects.update(expires_at=timezone.now())
    assert link_status(desktop, link) == ("expired", None)
    assert desktop.get(link["code_url"]).status_code == 404
    for response in (mobile.get(link_path(link)), mobile.post(link_path(link))):
        assert response.status_code == 410
        assert "no longer works" in response.content.decode()
    assert PHONE_SESSION_KEY not in mobile.session


def test_a_link_lives_ten_minutes_and_its_access_one_hour(
    desktop: Client, mobile: Client, shirt: Product
) -> None:
    link = create_link(desktop, shirt)
    row = PhoneLink.objects.get()
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert link["expires_at"] == row.expires_at.isoformat()
    mobile.post(link_path(link))
    row.refresh_from_db()
    assert row.used_at is not None
    assert row.expires_at - row.used_at == timedelta(hours=1)


def test_after_an_hour_the_phone_has_no_access(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect_phone(desktop, mobile, shirt)
    row = complete_tryon(create_tryon(mobile, shirt, phone_photo()))
    PhoneLink.objects.update(expires_at=timezone.now())
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    assert mobile.get(reverse("vton:image", args=[row.images.get().pk])).status_code == 404
    assert mobile.get(reverse("vton:photo-file", args=[row.photo_id])).status_code == 404
    assert mobile.get(link_path(link)).status_code == 410
    assert tryon_ids(mobile) == []
    again = create_tryon(mobile, shirt, phone_photo(shade=1))
    assert again.shopper != row.shopper
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 200


def test_a_new_link_ends_the_earlier_ones_and_their_access(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    unused = create_link(desktop, shirt)
    used = connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())
    assert mobile.post(link_path(unused)).status_code == 404
    newest = create_link(desktop, shirt)
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    assert desktop.get(f"{LINKS_URL}{used['id']}/").status_code == 404
    assert link_status(desktop, newest) == ("waiting", None)
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 200
