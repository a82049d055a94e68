"""What is stored of a link, for how long, and what the owner's erasure deletes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton import privacy
from django_vton.models import PhoneLink, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY
from django_vton.web import phone_links
from tests.intake_helpers import run_before_statement
from tests.tryons import TRY_ONS, create_tryon, error_code, get_start, post_tryon, product_ref
from tests.web.phone.actions import HOST, connect_phone, create_link

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_creating_a_link_creates_the_guests_shopper(desktop: Client, shirt: Product) -> None:
    get_start(desktop, shirt)
    assert not Shopper.objects.exists()
    create_link(desktop, shirt)
    assert PhoneLink.objects.get().shopper == Shopper.objects.get()
    assert SESSION_KEY in desktop.session


def test_the_privacy_policy_mentions_qr_codes_if_they_are_available(
    desktop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = reverse("vton:privacy")
    assert "a code for your phone" in desktop.get(policy).content.decode()
    monkeypatch.setattr(phone_links, "is_installed", lambda: False)
    assert "a code for your phone" not in desktop.get(policy).content.decode()


def test_an_unused_link_is_purged_with_its_guest(desktop: Client, shirt: Product) -> None:
    create_link(desktop, shirt)
    assert privacy.purge()["phone_links"] == 0
    done = privacy.purge(timezone.now() + phone_links.LINK_LIFETIME + timedelta(seconds=1))
    assert done["phone_links"] == 1
    assert not PhoneLink.objects.exists()
    assert not Shopper.objects.exists()


def test_a_used_link_is_purged_without_its_try_on_and_owner(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())
    privacy.purge(timezone.now() + phone_links.LINK_LIFETIME + timedelta(minutes=1))
    assert PhoneLink.objects.exists(), "the phone's access has not ended"
    privacy.purge(timezone.now() + phone_links.ACCESS_LIFETIME + timedelta(minutes=1))
    assert not PhoneLink.objects.exists()
    row.refresh_from_db()
    assert row.shopper == Shopper.objects.get()


def test_the_purge_keeps_users_and_guests_with_a_newer_link(
    desktop: Client, shirt: Product, logged_in_owner: User
) -> None:
    create_link(desktop, shirt)
    client = Client(SERVER_NAME=HOST)
    create_link(client, shirt)
    PhoneLink.objects.update(expires_at=timezone.now())
    Shopper.objects.filter(user=None).get().phone_links.create(
        token_hash="another", expires_at=timezone.now() + timedelta(minutes=5)
    )
    assert privacy.purge()["phone_links"] == 2
    assert Shopper.objects.filter(user=logged_in_owner).exists()
    assert Shopper.objects.filter(user=None).exists()


@pytest.mark.parametrize("erase", ["me", "history"])
def test_erasing_everything_ends_the_phones_access(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, erase: str
) -> None:
    connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())
    if erase == "me":
        desktop.delete(reverse("vton:me"))
    else:
        desktop.post(reverse("vton:history"), {"action": "erase"})
    assert not PhoneLink.objects.exists()
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    row.refresh_from_db()
    assert row.shopper is None
    again = create_tryon(mobile, shirt, phone_photo(shade=1))
    assert again.shopper is not None


def test_an_erased_try_on_has_no_relation_to_its_owner(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())
    assert desktop.delete(f"{TRY_ONS}{row.pk}/").status_code == 204
    assert PhoneLink.objects.exists()
    assert not row.phone_links.exists()
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404


def test_the_export_lists_links_without_tokens(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect_phone(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo())
    response = desktop.get(reverse("vton:me"))
    [exported] = response.json()["phone_links"]
    assert (exported["product"], exported["try_ons"]) == (product_ref(shirt), [str(row.pk)])
    assert exported["used_at"]
    assert urlsplit(link["url"]).path.split("/")[-2] not in response.content.decode()


def test_an_order_for_an_owner_who_is_erased_concurrently_is_refused(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect_phone(desktop, mobile, shirt)
    with run_before_statement('UPDATE "vton_shopper"', Shopper.objects.all().delete):
        answer = post_tryon(mobile, shirt, phone_photo())
    assert error_code(answer) == (404, "not_found")
    assert not TryOnRequest.objects.exists()
