"""What of a link is stored, for how long, and what its owner's erasure takes along."""

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
from tests.doors import TRY_ONS, ask, asked, code, ref, start
from tests.people import meanwhile
from tests.web.phone.steps import HOST, connect, new_link

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_asking_for_a_code_is_the_first_thing_that_is_stored(desktop: Client, shirt: Product) -> None:
    start(desktop, shirt)
    assert not Shopper.objects.exists()
    new_link(desktop, shirt)
    assert PhoneLink.objects.get().shopper == Shopper.objects.get()
    assert SESSION_KEY in desktop.session


def test_the_policy_tells_of_codes_where_there_are_any(
    desktop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = reverse("vton:privacy")
    assert "a code for your phone" in desktop.get(policy).content.decode()
    monkeypatch.setattr(phone_links, "is_installed", lambda: False)
    assert "a code for your phone" not in desktop.get(policy).content.decode()


def test_an_unused_code_leaves_nothing_behind(desktop: Client, shirt: Product) -> None:
    new_link(desktop, shirt)
    assert privacy.purge()["phone_links"] == 0
    done = privacy.purge(timezone.now() + phone_links.LIFETIME + timedelta(seconds=1))
    assert done["phone_links"] == 1
    assert not PhoneLink.objects.exists()
    assert not Shopper.objects.exists()


def test_a_code_that_led_somewhere_leaves_the_try_on_and_its_owner(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())
    privacy.purge(timezone.now() + phone_links.LIFETIME + timedelta(minutes=1))
    assert PhoneLink.objects.exists(), "the phone still has most of its hour"
    privacy.purge(timezone.now() + phone_links.GRANT + timedelta(minutes=1))
    assert not PhoneLink.objects.exists()
    row.refresh_from_db()
    assert row.shopper == Shopper.objects.get()


def test_the_purge_takes_no_user_and_no_guest_who_came_back(
    desktop: Client, shirt: Product, ada: User
) -> None:
    new_link(desktop, shirt)
    client = Client(SERVER_NAME=HOST)
    new_link(client, shirt)
    PhoneLink.objects.update(expires_at=timezone.now())
    Shopper.objects.filter(user=None).get().phone_links.create(
        token_hash="another", expires_at=timezone.now() + timedelta(minutes=5)
    )
    assert privacy.purge()["phone_links"] == 2
    assert Shopper.objects.filter(user=ada).exists()
    assert Shopper.objects.filter(user=None).exists()


@pytest.mark.parametrize("erase", ["me", "history"])
def test_the_owner_who_erases_everything_ends_the_phones_right(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker, erase: str
) -> None:
    connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())
    if erase == "me":
        desktop.delete(reverse("vton:me"))
    else:
        desktop.post(reverse("vton:history"), {"action": "erase"})
    assert not PhoneLink.objects.exists()
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404
    row.refresh_from_db()
    assert row.shopper is None
    again = asked(mobile, shirt, phone_photo(shade=1))
    assert again.shopper is not None


def test_no_way_leads_from_an_erased_try_on_to_its_owner(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())
    assert desktop.delete(f"{TRY_ONS}{row.pk}/").status_code == 204
    assert PhoneLink.objects.exists()
    assert not row.phone_links.exists()
    assert mobile.get(f"{TRY_ONS}{row.pk}/").status_code == 404


def test_the_export_tells_of_links_but_opens_none(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    link = connect(desktop, mobile, shirt)
    row = asked(mobile, shirt, phone_photo())
    response = desktop.get(reverse("vton:me"))
    [told] = response.json()["phone_links"]
    assert (told["product"], told["try_ons"]) == (ref(shirt), [str(row.pk)])
    assert told["used_at"]
    assert urlsplit(link["url"]).path.split("/")[-2] not in response.content.decode()


def test_an_owner_who_is_erased_in_that_very_moment_gets_nothing(
    desktop: Client, mobile: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    connect(desktop, mobile, shirt)
    with meanwhile('UPDATE "vton_shopper"', Shopper.objects.all().delete):
        answer = ask(mobile, shirt, phone_photo())
    assert code(answer) == (404, "not_found")
    assert not TryOnRequest.objects.exists()
