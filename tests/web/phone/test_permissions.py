"""What a phone may see and do for its owner."""

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
from tests.tryons import (
    TRY_ONS,
    complete_tryon,
    create_tryon,
    error_code,
    get_start,
    make_product,
    post_tryon,
)
from tests.web.phone.actions import LINKS_URL, connect_phone, link_status, tryon_ids

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def test_only_the_owner_can_read_the_link(
    desktop: Client, mobile: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect_phone(desktop, mobile, shirt)
    create_tryon(mobile, shirt, phone_photo())
    create_tryon(stranger, shirt, phone_photo(shade=1))
    for client in (stranger, mobile):
        assert client.get(f"{LINKS_URL}{link['id']}/").status_code == 404
        assert client.get(link["code_url"]).status_code == 404


def test_the_phone_sees_nothing_of_the_owner_but_its_own_try_ons(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, logged_in_owner: User
) -> None:
    earlier = complete_tryon(create_tryon(desktop, shirt, phone_photo(shade=1), keep_photo="true"))
    connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())

    opened = get_start(mobile, shirt).json()
    assert opened["photos"] == []
    assert opened["latest"] is None
    assert [it["id"] for it in opened["active"]] == [str(row.pk)]
    assert opened["consent"]["required"], "the person with the phone must consent"
    assert tryon_ids(mobile) == [str(row.pk)]
    assert mobile.get(reverse("vton:photos")).json()["photos"] == []
    assert not any(mobile.get(reverse("vton:me")).json().values())
    assert str(earlier.pk) not in mobile.get(reverse("vton:history")).content.decode()
    for url in (
        f"{TRY_ONS}{earlier.pk}/",
        reverse("vton:result", args=[earlier.pk]),
        reverse("vton:image", args=[earlier.images.get().pk]),
        reverse("vton:photo-file", args=[earlier.photo_id]),
    ):
        assert mobile.get(url).status_code == 404, url
    assert mobile.delete(reverse("vton:photo", args=[earlier.photo_id])).status_code == 404
    assert mobile.delete(reverse("vton:consent")).status_code == 204
    assert mobile.delete(reverse("vton:me")).status_code == 204
    mobile.post(reverse("vton:history"), {"action": "erase"})
    shopper = Shopper.objects.get(user=logged_in_owner)
    assert shopper.try_ons.count() == 2
    assert privacy.has_consented(shopper)
    assert mobile.get("/admin/").status_code == 302
    assert "_auth_user_id" not in mobile.session


def test_the_phone_cannot_use_the_owners_photo_by_its_id(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    earlier = create_tryon(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    connect_phone(desktop, mobile, shirt)
    stolen = post_tryon(mobile, shirt, photo_id=str(earlier.photo_id))
    assert error_code(stolen) == (400, "photo_gone")
    row = create_tryon(mobile, shirt, phone_photo())
    complete_tryon(row)
    own = post_tryon(mobile, shirt, photo_id=str(row.photo_id), options='{"num_samples": 2}')
    assert own.status_code == 202
    house = add(name="Noa", file=io.BytesIO(phone_photo(shade=50)))
    assert post_tryon(mobile, shirt, photo_id=str(house.pk)).status_code == 202


def test_a_photo_from_the_phone_needs_consent(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    create_tryon(desktop, shirt, phone_photo(shade=1))
    connect_phone(desktop, mobile, shirt)
    assert error_code(post_tryon(mobile, shirt, phone_photo(), consent="false")) == (400, "consent_required")


def test_idempotency_keys_of_phone_and_owner_are_independent(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    create_tryon(desktop, shirt, phone_photo(), headers={"Idempotency-Key": "owners"})
    connect_phone(desktop, mobile, shirt)
    stolen = post_tryon(mobile, shirt, phone_photo(), headers={"Idempotency-Key": "owners"})
    assert error_code(stolen) == (409, "idempotency_conflict")
    first = create_tryon(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"})
    assert create_tryon(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"}) == first
    # Even while the shop accepts no orders: this one was already accepted.
    vton(ENABLED=False)
    assert create_tryon(mobile, shirt, phone_photo(shade=1), headers={"Idempotency-Key": "k"}) == first


def test_the_phones_try_ons_count_in_the_owners_quota(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(QUOTA="2/day")
    create_tryon(desktop, shirt, phone_photo(shade=1))
    connect_phone(desktop, mobile, shirt)
    assert get_start(mobile, shirt).json()["quota"]["remaining"] == 1
    create_tryon(mobile, shirt, phone_photo())
    assert error_code(post_tryon(mobile, shirt, phone_photo(shade=2))) == (429, "quota_exceeded")
    assert get_start(desktop, shirt).json()["quota"]["remaining"] == 0
    assert Shopper.objects.count() == 1


def test_a_phone_keeps_its_own_history_and_identity_for_other_products(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    before = create_tryon(mobile, shirt, phone_photo(shade=1), keep_photo="true")
    other = make_product("coat", Kind.TOP)
    link = connect_phone(desktop, mobile, shirt)
    by_link = create_tryon(mobile, shirt, phone_photo())
    own = create_tryon(mobile, other, phone_photo(shade=2))
    assert own.shopper == before.shopper != by_link.shopper
    assert link_status(desktop, link) == ("used", str(by_link.pk))
    assert set(tryon_ids(mobile)) == {str(it.pk) for it in (before, by_link, own)}
    assert tryon_ids(desktop) == [str(by_link.pk)]
    assert get_start(mobile, other).json()["photos"] != []
    assert get_start(mobile, shirt).json()["photos"] == []
    assert mobile.delete(reverse("vton:me")).status_code == 204
    assert tryon_ids(mobile) == [str(by_link.pk)]


def test_an_owner_who_is_logged_in_on_the_phone_has_full_access(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, logged_in_owner: User
) -> None:
    create_tryon(desktop, shirt, phone_photo(shade=1), keep_photo="true")
    mobile.force_login(logged_in_owner)
    link = connect_phone(desktop, mobile, shirt)
    opened = get_start(mobile, shirt).json()
    assert len(opened["photos"]) == 1
    assert not opened["consent"]["required"]
    row = create_tryon(mobile, shirt, phone_photo())
    assert link_status(desktop, link) == ("used", str(row.pk))
    assert len(tryon_ids(mobile)) == 2


def test_a_guest_who_logs_in_keeps_the_link(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    user = User.objects.create_user("ada", password="x")
    link = connect_phone(desktop, mobile, shirt)
    assert desktop.login(username="ada", password="x")
    row = create_tryon(mobile, shirt, phone_photo())
    assert row.shopper == Shopper.objects.get(user=user)
    assert link_status(desktop, link) == ("used", str(row.pk))


def test_adding_to_the_cart_on_the_phone_counts_as_a_conversion(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect_phone(desktop, mobile, shirt)
    row = complete_tryon(create_tryon(mobile, shirt, phone_photo()))
    mobile.post(reverse("shop:cart_add", args=[shirt.slug]))
    assert Conversion.objects.get().request == row
