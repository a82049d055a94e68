"""Erase a shopper who used every feature. No table, session or file may contain the shopper's data then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from django_vton import lifecycle, privacy
from django_vton.models import (
    Attempt,
    Consent,
    Conversion,
    PersonPhoto,
    PhoneLink,
    PhotoAccess,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.shoppers import SESSION_KEY
from django_vton.utils.tokens import hash_token
from shop.models import Kind

from ..tryons import (
    TRY_ONS,
    complete_tryon,
    create_tryon,
    error_code,
    make_product,
    post_tryon,
)
from ..web.phone.actions import HOST, connect_phone

if TYPE_CHECKING:
    from collections.abc import Callable

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton
    from ..intake_helpers import StoredFiles

from .shopper_data import NAME, ShopperData, create_shopper_data, find_references, find_values, stored_values

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def data(
    shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker, files: StoredFiles, vton: Vton
) -> ShopperData:
    return create_shopper_data(shirt, house_model, phone_photo, files, vton)


def erase_by_api(data: ShopperData) -> None:
    assert data.browser.delete("/try-on/api/me/").status_code == 204


def erase_by_command(_data: ShopperData) -> None:
    call_command("vton_erase", NAME)


def delete_the_user(data: ShopperData) -> None:
    data.user.delete()


def erase_one_by_one(data: ShopperData) -> None:
    """Erase each try-on by itself, then the other data."""
    for pk in data.try_ons:
        assert data.browser.delete(f"{TRY_ONS}{pk}/").status_code == 204
    assert data.browser.delete("/try-on/api/me/").status_code == 204


def erase_in_reverse_order(data: ShopperData) -> None:
    data.try_ons.reverse()
    erase_one_by_one(data)


WAYS = [erase_by_api, erase_by_command, delete_the_user, erase_one_by_one, erase_in_reverse_order]


def test_the_search_finds_all_data_before_the_erasure(data: ShopperData) -> None:
    """Without this, the tests below could pass because the search never finds anything."""
    expected = set(data.values.values()) - {"a name"}
    replaced_by_the_login = {"a guest's token", "a guest's session"}
    assert {what for _table, _name, what in find_values(data)} == expected - replaced_by_the_login
    shoppers = set(Shopper.objects.values_list("pk", flat=True))
    assert {
        ("vton.tryonevent", "actor"),
        ("vton.tryonrequest", "shopper"),
        ("vton.personphoto", "shopper"),
        ("vton.consent", "shopper"),
        ("vton.phonelink", "shopper"),
        ("vton.shopper", "user"),
    } == find_references(data.user.pk, shoppers)


@pytest.mark.parametrize("erase", WAYS, ids=[way.__name__ for way in WAYS])
def test_nothing_of_an_erased_shopper_is_left_anywhere(
    data: ShopperData, files: StoredFiles, erase: Callable[[ShopperData], None]
) -> None:
    shoppers = set(Shopper.objects.values_list("pk", flat=True))
    user_pk = data.user.pk
    before = attempts()
    erase(data)
    lifecycle.finish_followers()

    assert find_values(data) == set()
    assert find_references(user_pk, shoppers) == set()
    assert not any(value in name for name in files.names() for value in data.values)
    assert not Consent.objects.exists()
    # Costs and the actions of staff are kept.
    assert attempts() == before
    assert PhotoAccess.objects.values_list("actor_name", flat=True).first() == "eve"


def attempts() -> list[Any]:
    rows = Attempt.objects.order_by("pk")
    return list(rows.values_list("request", "engine", "amount", "budget_day", "vendor_id"))


KEPT_FIELDS = {
    *("id", "product", "main_product", "product_title", "product_url", "product_digest", "engine", "options"),
    *("product_image_id", "batch_id", "cached", "state", "error_code", "image_count"),
    *("created_at", "started_at", "rendered_at", "finished_at", "expires_at", "erased_at", "called_back_at"),
    *("current_attempt_number", "download_failures"),
}
"""The fields that an erased try-on may keep: what was rendered, when, and how it ended."""


@pytest.mark.parametrize("erase", WAYS, ids=[way.__name__ for way in WAYS])
def test_an_erased_try_on_does_not_refer_to_its_owner_or_the_owners_other_try_ons(
    data: ShopperData, erase: Callable[[ShopperData], None]
) -> None:
    user_pk = data.user.pk
    erase(data)
    lifecycle.finish_followers()

    rows = TryOnRequest.objects.filter(pk__in=data.try_ons)
    assert rows.count() == len(data.try_ons)
    for row in rows:
        empty = TryOnRequest()
        kept = {
            column.attname: getattr(row, column.attname)
            for column in row._meta.concrete_fields
            if column.attname not in KEPT_FIELDS
        }
        assert kept == {name: getattr(empty, name) for name in kept}
        for event in row.events.all():
            assert (event.detail, event.actor_id == user_pk) == ({}, False), event.name
            for other in data.try_ons:
                assert str(other) not in str(event.detail)
    assert not PhoneLink.try_ons.through._default_manager.exists()
    assert set(Conversion.objects.values_list("reference", "order")) <= {(None, "")}


def test_the_owners_other_try_ons_do_not_refer_to_an_erased_one(data: ShopperData) -> None:
    again = TryOnRequest.objects.get(source__shopper__user=data.user)
    source = again.source
    assert source is not None
    assert data.browser.delete(f"{TRY_ONS}{source.pk}/").status_code == 204
    again.refresh_from_db()
    assert (again.state, len(again.shown_images)) == (State.COMPLETED, 1)
    assert str(source.pk) not in str(privacy.export_shopper(again.shopper))
    own = TryOnEvent.objects.exclude(request=source)
    assert not [event for event in own if str(source.pk) in str(event.detail)]


def test_an_erased_try_on_does_not_tell_who_canceled_it_or_from_which_phone(data: ShopperData) -> None:
    [phoned] = TryOnRequest.objects.filter(phone_links__shopper__user=data.user)
    assert data.browser.post(f"{TRY_ONS}{phoned.pk}/cancel/").status_code == 200
    assert phoned.events.filter(actor=data.user).exists()
    assert data.browser.delete(f"{TRY_ONS}{phoned.pk}/").status_code == 204
    assert not phoned.events.filter(actor=data.user).exists()
    assert not phoned.phone_links.exists()


def test_staff_actions_stay_in_the_history(data: ShopperData) -> None:
    eve = User.objects.get(username="eve")
    row = TryOnRequest.objects.filter(pk__in=data.try_ons, state=State.QUEUED, source=None).first()
    assert row is not None
    assert lifecycle.cancel(row, actor_id=eve.pk)
    erase_by_api(data)
    assert TryOnEvent.objects.filter(request=row, name="canceled", actor=eve).exists()


def test_a_user_who_canceled_another_shoppers_try_on_by_phone_is_erased_from_it(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    desktop, mobile = Client(SERVER_NAME=HOST), Client(SERVER_NAME=HOST)
    bob = User.objects.create_user("bob")
    mobile.force_login(bob)
    own = create_tryon(mobile, make_product("coat", Kind.TOP), phone_photo(shade=1))
    connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo(shade=2))
    assert row.shopper != own.shopper
    assert mobile.post(f"{TRY_ONS}{row.pk}/cancel/").status_code == 200
    assert TryOnEvent.objects.filter(actor=bob).exists()
    assert mobile.delete("/try-on/api/me/").status_code == 204
    assert not TryOnEvent.objects.filter(actor=bob).exists()


def test_only_the_quotas_of_the_ip_address_are_kept_of_an_erased_guest(
    shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto, guest: Client
) -> None:
    create_tryon(guest, shirt, phone_photo())
    token = guest.session[SESSION_KEY]
    for _ in range(2):
        assert post_tryon(guest, shirt, photo_id=str(house_model.pk)).status_code == 202
    assert guest.delete("/try-on/api/me/").status_code == 204
    keys = Quota.objects.values_list("key", flat=True)
    assert keys
    assert all(key.removeprefix("shared:").startswith("ip:") for key in keys), list(keys)
    assert not [where for *where, text in stored_values() if token in text or hash_token(token) in text]


def test_a_users_quota_is_kept_after_an_erasure(
    shirt: Product, phone_photo: PhotoMaker, guest: Client, vton: Vton
) -> None:
    vton(QUOTA="1/day")
    user = User.objects.create_user("ada")
    guest.force_login(user)
    complete_tryon(create_tryon(guest, shirt, phone_photo(shade=1)))
    [shopper] = Shopper.objects.all()
    assert privacy.export_shopper(shopper)["quotas"][0]["used"] == 1
    assert guest.delete("/try-on/api/me/").status_code == 204
    assert error_code(post_tryon(guest, shirt, phone_photo(shade=2))) == (429, "quota_exceeded")
    assert not Quota.objects.filter(key__endswith=f":{shopper.pk}").exists()
    assert not Quota.objects.filter(key__endswith=f":{user.pk}").exists()


def test_no_data_of_the_guest_is_kept_after_a_login(
    shirt: Product, phone_photo: PhotoMaker, guest: Client
) -> None:
    create_tryon(guest, shirt, phone_photo())
    [shopper] = Shopper.objects.all()
    connect_phone(Client(SERVER_NAME=HOST), guest, shirt)
    guest.force_login(User.objects.create_user("ada"))
    assert not Quota.objects.filter(key__endswith=f":{shopper.pk}").exists()
    assert not PersonPhoto.objects.filter(shopper=shopper.pk).exists()
