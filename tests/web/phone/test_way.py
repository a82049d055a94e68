"""The whole way from the computer to the phone, and back to both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from django_vton.models import Consent, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY
from shop.models import Kind
from tests.doors import TRY_ONS, asked, content, make_product, ref, render, start, upload
from tests.web.phone.steps import connect, ids, new_link, path_of, status

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_a_guests_try_on_begins_at_the_computer_and_comes_back_to_both(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = new_link(desktop, shirt)
    assert status(desktop, link) == ("waiting", None)

    page = mobile.get(path_of(link))
    assert page.status_code == 200
    assert shirt.name in page.content.decode()
    assert "whoever shows it to you will see your photo" in page.content.decode()
    assert status(desktop, link) == ("opened", None)

    answer = mobile.post(path_of(link))
    assert (answer.status_code, answer["Location"]) == (303, f"{shirt.get_absolute_url()}#try-on")
    assert status(desktop, link) == ("used", None)

    row = asked(mobile, shirt, phone_photo())
    assert status(desktop, link) == ("used", str(row.pk))
    assert row.shopper == Shopper.objects.get()
    assert Consent.objects.get().shopper == row.shopper
    render(row)
    for client in (desktop, mobile):
        found = client.get(f"{TRY_ONS}{row.pk}/").json()
        assert found["status"] == "completed"
        assert start(client, shirt).json()["latest"]["id"] == str(row.pk)
        assert client.get(found["page_url"]).status_code == 200
        for url in (found["images"][0]["url"], found["photo"]["url"]):
            picture = client.get(url)
            assert picture.status_code == 200
            assert content(picture)
        assert ids(client) == [str(row.pk)]
    # The phone is still nobody.
    assert SESSION_KEY not in mobile.session
    assert (
        mobile.put(f"{TRY_ONS}{row.pk}/feedback/", '{"value": "like"}', "application/json").status_code == 200
    )
    assert mobile.delete(f"{TRY_ONS}{row.pk}/").status_code == 204
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 404


def test_the_same_by_the_form_without_javascript(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, ada: User
) -> None:
    asked(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    # What the phone keeps for itself cannot be sent for the owner.
    asked(mobile, make_product("coat", Kind.TOP), phone_photo(shade=2), keep_photo="true")
    link = connect(desktop, mobile, shirt)
    address = reverse("vton:try", args=[ref(shirt)])
    form = mobile.get(address).content.decode()
    assert 'name="consent"' in form
    assert "photo_id" not in form
    without = mobile.post(address, {"photo": upload(phone_photo())})
    assert without.status_code == 400
    assert "photo_id" not in without.content.decode()
    sent = mobile.post(address, {"photo": upload(phone_photo()), "consent": "on"})
    assert sent.status_code == 303
    row = TryOnRequest.objects.order_by("created_at").last()
    assert row is not None
    assert row.shopper is not None
    assert row.shopper.user == ada
    assert status(desktop, link) == ("used", str(row.pk))
    assert mobile.get(sent["Location"]).status_code == 200


def test_a_product_without_a_page_of_the_shops_own_goes_to_the_form(
    desktop: Client, mobile: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shirt), "get_absolute_url", lambda _self: "https://elsewhere.example/shirt/")
    link = new_link(desktop, shirt)
    answer = mobile.post(path_of(link))
    assert answer["Location"] == reverse("vton:try", args=[ref(shirt)])
