"""What a phone may see and do in its owner's name, and what it may not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from django_vton import privacy
from django_vton.house_models import add
from django_vton.models import Conversion, Shopper
from shop.models import Kind
from tests.doors import TRY_ONS, ask, asked, code, make_product, render, start
from tests.web.phone.steps import LINKS, connect, ids, status

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def test_the_link_is_its_owners_alone(
    desktop: Client, mobile: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect(desktop, mobile, shirt)
    asked(mobile, shirt, phone_photo())
    asked(stranger, shirt, phone_photo(shade=1))
    for client in (stranger, mobile):
        assert client.get(f"{LINKS}{link['id']}/").status_code == 404
        assert client.get(link["code_url"]).status_code == 404


def test_the_phone_sees_nothing_else_of_the_owners(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, ada: User
) -> None:
    earlier = render(asked(desktop, shirt, phone_photo(shade=1), keep_photo="true"))
    connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())

    opened = start(mobile, shirt).json()
    assert opened["photos"] == []
    assert opened["latest"] is None
    assert [it["id"] for it in opened["active"]] == [str(row.pk)]
    assert opened["consent"]["required"], "whoever holds the phone agrees"
    assert ids(mobile) == [str(row.pk)]
    assert mobile.get(reverse("vton:photos")).json()["photos"] == []
    assert not any(mobile.get(reverse("vton:me")).json().values())
    assert str(earlier.pk) not in mobile.get(reverse("vton:history")).content.decode()
    for address in (
        f"{TRY_ONS}{earlier.pk}/",
        reverse("vton:result", args=[earlier.pk]),
        reverse("vton:image", args=[earlier.images.get().pk]),
        reverse("vton:photo-file", args=[earlier.photo_id]),
    ):
        assert mobile.get(address).status_code == 404, address
    assert mobile.delete(reverse("vton:photo", args=[earlier.photo_id])).status_code == 404
    assert mobile.delete(reverse("vton:consent")).status_code == 204
    assert mobile.delete(reverse("vton:me")).status_code == 204
    mobile.post(reverse("vton:history"), {"action": "erase"})
    shopper = Shopper.objects.get(user=ada)
    assert shopper.try_ons.count() == 2
    assert privacy.has_consented(shopper)
    assert mobile.get("/admin/").status_code == 302
    assert "_auth_user_id" not in mobile.session


def test_an_owners_photo_is_not_sent_by_its_id(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    earlier = asked(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    connect(desktop, mobile, shirt)
    stolen = ask(mobile, shirt, photo_id=str(earlier.photo_id))
    assert code(stolen) == (400, "photo_gone")
    row = asked(mobile, shirt, phone_photo())
    render(row)
    own = ask(mobile, shirt, photo_id=str(row.photo_id), options='{"num_samples": 2}')
    assert own.status_code == 202
    house = add(name="Noa", file=io.BytesIO(phone_photo(shade=50)))
    assert ask(mobile, shirt, photo_id=str(house.pk)).status_code == 202


def test_without_consent_on_the_phone_no_photo_is_taken(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    asked(desktop, shirt, phone_photo(shade=1))
    connect(desktop, mobile, shirt)
    assert code(ask(mobile, shirt, phone_photo(), consent="false")) == (400, "consent_required")


def test_a_repeated_order_is_one_and_the_owners_own_key_is_a_conflict(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    asked(desktop, shirt, phone_photo(), headers={"Idempotency-Key": "owners"})
    connect(desktop, mobile, shirt)
    stolen = ask(mobile, shirt, phone_photo(), headers={"Idempotency-Key": "owners"})
    assert code(stolen) == (409, "idempotency_conflict")
    first = asked(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"})
    assert asked(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"}) == first
    # Also while the shop takes no new ones: the answer was lost, not the order.
    vton(ENABLED=False)
    assert asked(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"}) == first


def test_it_counts_in_the_owners_quota(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(QUOTA="2/day")
    asked(desktop, shirt, phone_photo(shade=1))
    connect(desktop, mobile, shirt)
    assert start(mobile, shirt).json()["quota"]["remaining"] == 1
    asked(mobile, shirt, phone_photo())
    assert code(ask(mobile, shirt, phone_photo(shade=2))) == (429, "quota_exceeded")
    assert start(desktop, shirt).json()["quota"]["remaining"] == 0
    assert Shopper.objects.count() == 1


def test_a_phone_with_a_history_keeps_it_and_is_itself_with_other_products(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    before = asked(mobile, shirt, phone_photo(shade=1), keep_photo="true")
    other = make_product("coat", Kind.TOP)
    link = connect(desktop, mobile, shirt)
    by_link = asked(mobile, shirt, phone_photo())
    own = asked(mobile, other, phone_photo(shade=2))
    assert own.shopper == before.shopper != by_link.shopper
    assert status(desktop, link) == ("used", str(by_link.pk))
    assert set(ids(mobile)) == {str(it.pk) for it in (before, by_link, own)}
    assert ids(desktop) == [str(by_link.pk)]
    assert start(mobile, other).json()["photos"] != []
    assert start(mobile, shirt).json()["photos"] == []
    assert mobile.delete(reverse("vton:me")).status_code == 204
    assert ids(mobile) == [str(by_link.pk)]


def test_the_owner_who_is_logged_in_on_the_phone_misses_nothing(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, ada: User
) -> None:
    asked(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    mobile.force_login(ada)
    link = connect(desktop, mobile, shirt)
    opened = start(mobile, shirt).json()
    assert len(opened["photos"]) == 1
    assert not opened["consent"]["required"]
    row = asked(mobile, shirt, phone_photo())
    assert status(desktop, link) == ("used", str(row.pk))
    assert len(ids(mobile)) == 2


def test_a_guest_who_logs_in_meanwhile_keeps_the_link(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    user = User.objects.create_user("ada", password="x")
    link = connect(desktop, mobile, shirt)
    assert desktop.login(username="ada", password="x")
    row = asked(mobile, shirt, phone_photo())
    assert row.shopper == Shopper.objects.get(user=user)
    assert status(desktop, link) == ("used", str(row.pk))


def test_what_goes_into_the_basket_on_the_phone_is_put_down_to_the_try_on(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect(desktop, mobile, shirt)
    row = render(asked(mobile, shirt, phone_photo()))
    mobile.post(reverse("shop:cart_add", args=[shirt.slug]))
    assert Conversion.objects.get().request == row
