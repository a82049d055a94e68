"""The whole flow: from the computer to the phone, and the result on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from django_vton.models import Consent, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY
from shop.models import Kind
from tests.tryons import (
    TRY_ONS,
    complete_tryon,
    create_tryon,
    get_start,
    make_product,
    product_ref,
    read_stream,
    uploaded_photo,
)
from tests.web.phone.actions import connect_phone, create_link, link_path, link_status, tryon_ids

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_a_guests_try_on_starts_on_the_computer_and_ends_on_both(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = create_link(desktop, shirt)
    assert link_status(desktop, link) == ("waiting", None)

    page = mobile.get(link_path(link))
    assert page.status_code == 200
    assert shirt.name in page.content.decode()
    assert "whoever shows it to you will see your photo" in page.content.decode()
    assert link_status(desktop, link) == ("opened", None)

    answer = mobile.post(link_path(link))
    assert (answer.status_code, answer["Location"]) == (303, f"{shirt.get_absolute_url()}#try-on")
    assert link_status(desktop, link) == ("used", None)

    row = create_tryon(mobile, shirt, phone_photo())
    assert link_status(desktop, link) == ("used", str(row.pk))
    assert row.shopper == Shopper.objects.get()
    assert Consent.objects.get().shopper == row.shopper
    complete_tryon(row)
    for client in (desktop, mobile):
        found = client.get(f"{TRY_ONS}{row.pk}/").json()
        assert found["status"] == "completed"
        assert get_start(client, shirt).json()["latest"]["id"] == str(row.pk)
        assert client.get(found["page_url"]).status_code == 200
        for url in (found["images"][0]["url"], found["photo"]["url"]):
            picture = client.get(url)
            assert picture.status_code == 200
            assert read_stream(picture)
        assert tryon_ids(client) == [str(row.pk)]
    # The phone has no shopper of its own.
    assert SESSION_KEY not in mobile.session
    assert (
        mobile.put(f"{TRY_ONS}{row.pk}/feedback/", '{"value": "like"}', "application/json").status_code == 200
    )
    assert mobile.delete(f"{TRY_ONS}{row.pk}/").status_code == 204
    assert desktop.get(f"{TRY_ONS}{row.pk}/").status_code == 404


def test_the_phone_can_order_by_the_form_without_javascript(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, logged_in_owner: User
) -> None:
    create_tryon(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    # The phone's own kept photos cannot be used for the owner.
    create_tryon(mobile, make_product("coat", Kind.TOP), phone_photo(shade=2), keep_photo="true")
    link = connect_phone(desktop, mobile, shirt)
    url = reverse("vton:try", args=[product_ref(shirt)])
    form = mobile.get(url).content.decode()
    assert 'name="consent"' in form
    assert "photo_id" not in form
    without = mobile.post(url, {"photo": uploaded_photo(phone_photo())})
    assert without.status_code == 400
    assert "photo_id" not in without.content.decode()
    sent = mobile.post(url, {"photo": uploaded_photo(phone_photo()), "consent": "on"})
    assert sent.status_code == 303
    row = TryOnRequest.objects.order_by("created_at").last()
    assert row is not None
    assert row.shopper is not None
    assert row.shopper.user == logged_in_owner
    assert link_status(desktop, link) == ("used", str(row.pk))
    assert mobile.get(sent["Location"]).status_code == 200


def test_a_product_whose_page_is_on_another_site_leads_to_the_form(
    desktop: Client, mobile: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shirt), "get_absolute_url", lambda _self: "https://elsewhere.example/shirt/")
    link = create_link(desktop, shirt)
    answer = mobile.post(link_path(link))
    assert answer["Location"] == reverse("vton:try", args=[product_ref(shirt)])
