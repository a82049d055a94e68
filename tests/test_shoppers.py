from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.billing import quotas
from django_vton.models import Consent, PersonPhoto, Quota, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY, UNKNOWN_ADDRESS, Visitor, address_keys, merge_guest
from django_vton.utils.tokens import hash_token

from .intake_helpers import get_shopper, order_tryon, run_before_statement, run_concurrently, user_visitor
from .tryons import complete_tryon, create_tryon

if TYPE_CHECKING:
    from shop.models import Product

    from .conftest import PhotoMaker, Vton


def keys(vton: Vton, proxies: int, remote: str, forwarded: str | None = None) -> tuple[str, ...]:
    vton(TRUSTED_PROXIES=proxies)
    request = RequestFactory().get("/", REMOTE_ADDR=remote)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return address_keys(request)


def key(vton: Vton, proxies: int, remote: str, forwarded: str | None = None) -> str:
    return keys(vton, proxies, remote, forwarded)[0]


@pytest.fixture
def user(db: None) -> User:  # noqa: ARG001 - enables the database
    return User.objects.create_user("ada", password="x")


# Addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        (0, "192.0.2.1", "198.51.100.9", "192.0.2.1"),  # no proxy is trusted
        (1, "10.0.0.1", "203.0.113.7, 198.51.100.9", "198.51.100.9"),  # the client sent the first entry
        (2, "10.0.0.1", "6.6.6.6, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        (2, "10.0.0.1", "198.51.100.9", "10.0.0.1"),  # the request bypassed a proxy
        (1, "192.0.2.1", None, "192.0.2.1"),
        (1, "192.0.2.1", "", "192.0.2.1"),
        (1, "192.0.2.1", "unknown", "192.0.2.1"),
        (1, "192.0.2.1", "198.51.100.9, <script>", "192.0.2.1"),
        (1, "10.0.0.1", " 198.51.100.9 ", "198.51.100.9"),
        (1, "10.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
        (1, "10.0.0.1", "[2001:db8::1]:443", "2001:db8::"),
        (1, "10.0.0.1", "[2001:db8::1]", "2001:db8::"),
    ],
)
def test_only_the_entries_of_trusted_proxies_are_used(
    vton: Vton, proxies: int, remote: str, forwarded: str | None, expected: str
) -> None:
    found = key(vton, proxies, remote, forwarded)
    assert found == key(vton, 0, expected)
    assert found.startswith("ip:")
    assert expected not in found
    assert len(found) <= 80


def test_a_64_bit_ipv6_network_counts_as_one_client(vton: Vton) -> None:
    home = key(vton, 0, "2001:db8:1:2::1")
    assert home == key(vton, 0, "2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert home != key(vton, 0, "2001:db8:1:3::1")
    assert key(vton, 0, "::ffff:192.0.2.1") == key(vton, 0, "192.0.2.1")
    assert key(vton, 0, "::ffff:192.0.2.1") != key(vton, 0, "::ffff:192.0.2.2")


def test_the_wider_networks_of_an_ipv6_address_are_counted_too(vton: Vton) -> None:
    one, other = keys(vton, 0, "2001:db8:1:201::1"), keys(vton, 0, "2001:db8:1:2ff::1")
    assert [key.partition(":")[0] for key in one] == ["ip", "ip56", "ip48"]
    assert [it == its for it, its in zip(one, other, strict=True)] == [False, True, True]
    assert one[2] == keys(vton, 0, "2001:db8:1:ffff::1")[2]
    assert len(keys(vton, 0, "192.0.2.1")) == 1


@pytest.mark.parametrize("remote", ["", "unix:", "localhost", "1.2.3", "1.2.3.4.5"])
def test_clients_without_a_known_address_count_as_one_client(vton: Vton, remote: str) -> None:
    assert keys(vton, 0, remote) == (UNKNOWN_ADDRESS,)


# Visitors -------------------------------------------------------------------------------------------


def test_viewing_a_product_stores_nothing(guest: Client, shirt: Product) -> None:
    guest.get(reverse("vton:start"), {"product": f"shop.product:{shirt.pk}"})
    assert not Shopper.objects.exists()
    assert "sessionid" not in guest.cookies
    assert Visitor().find_shopper() is None
    assert Visitor(token="guessed").find_shopper() is None


def test_a_guests_token_is_stored_as_a_hash_only(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo(shade=1))
    token = guest.session[SESSION_KEY]
    shopper = Shopper.objects.get()
    assert shopper.token_hash == hash_token(token)
    assert token not in str(vars(shopper))
    again = create_tryon(guest, shirt, phone_photo(shade=2))
    assert again.shopper == row.shopper == shopper


@pytest.mark.django_db
def test_an_unknown_token_is_replaced_by_a_new_one() -> None:
    visitor = Visitor(token="chosen by an attacker")
    assert visitor.lock_or_create().token_hash != hash_token("chosen by an attacker")
    assert visitor.token != "chosen by an attacker"


@pytest.mark.django_db(transaction=True)
def test_the_first_two_concurrent_requests_of_a_user_create_one_shopper() -> None:
    user_visitor()
    first, second = run_concurrently(*[lambda: user_visitor().lock_or_create()] * 2)
    assert first == second == Shopper.objects.get()


# Login ----------------------------------------------------------------------------------------------


def test_a_login_gives_the_guests_try_ons_to_the_user(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, user: User
) -> None:
    row = create_tryon(guest, shirt, phone_photo(), keep_photo="true", headers={"Idempotency-Key": "k1"})
    token = guest.session[SESSION_KEY]
    assert guest.login(username="ada", password="x")

    row.refresh_from_db()
    user_shopper = Shopper.objects.get()
    assert (user_shopper.user, user_shopper.token_hash) == (user, None)
    # The try-on still needs its photo, but it may not be reused.
    assert row.photo
    assert (row.shopper, row.photo.shopper, row.photo.is_reusable) == (user_shopper, user_shopper, False)
    assert Consent.objects.get().shopper == user_shopper
    assert SESSION_KEY not in guest.session
    assert Visitor(token=token).find_shopper() is None
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 200
    # The idempotency key still identifies the request.
    assert (
        create_tryon(guest, shirt, phone_photo(), keep_photo="true", headers={"Idempotency-Key": "k1"}) == row
    )
    assert Client().get(reverse("vton:tryon", args=[row.pk])).status_code == 404


@pytest.mark.usefixtures("user")
def test_a_login_gives_neither_the_guests_photos_nor_consent_to_the_user(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    done = complete_tryon(create_tryon(guest, shirt, phone_photo(shade=1), keep_photo="true"))
    running = create_tryon(guest, shirt, phone_photo(shade=2), keep_photo="true")
    assert guest.login(username="ada", password="x")
    other_device = Client()
    assert other_device.login(username="ada", password="x")
    start = other_device.get(reverse("vton:start"), {"product": f"shop.product:{shirt.pk}"}).json()
    assert start["photos"] == []
    assert start["consent"]["required"]
    assert other_device.get(reverse("vton:tryon", args=[done.pk])).json()["photo"] is None
    # A running try-on continues with its photo.
    assert other_device.get(reverse("vton:tryon", args=[running.pk])).json()["status"] == "queued"
    assert PersonPhoto.objects.get().try_ons.get() == running


def test_a_login_keeps_try_ons_of_guest_and_user_with_the_same_idempotency_key(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, user: User
) -> None:
    older = order_tryon(shirt, Visitor(user_id=user.pk), phone_photo(shade=1), idempotency_key="k1").request
    create_tryon(guest, shirt, phone_photo(shade=2), headers={"Idempotency-Key": "k1"})
    newest = create_tryon(guest, shirt, phone_photo(shade=3), headers={"Idempotency-Key": "k2"})
    assert guest.login(username="ada", password="x")
    user_shopper = Shopper.objects.get()
    assert older.shopper == user_shopper
    keys = (
        TryOnRequest.objects.filter(shopper=user_shopper)
        .order_by("created_at")
        .values_list("idempotency_key_hash", flat=True)
    )
    assert list(keys) == [older.idempotency_key_hash, None, newest.idempotency_key_hash]


def test_a_login_adds_the_guests_usage_to_the_users_quota(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, user: User
) -> None:
    order_tryon(shirt, Visitor(user_id=user.pk), phone_photo(shade=1))
    row = create_tryon(guest, shirt, phone_photo(shade=2))
    create_tryon(guest, shirt, phone_photo(shade=3))
    assert guest.login(username="ada", password="x")
    user_shopper = Shopper.objects.get()
    assert quotas.quota_status(user_shopper)["remaining"] == 7
    assert Quota.objects.filter(key__startswith="shopper:").count() == 1
    # Canceling a guest's try-on is refunded to the user.
    assert lifecycle.cancel(row)
    assert quotas.quota_status(user_shopper)["remaining"] == 8
    assert Quota.objects.get(key__startswith="ip:").used == 1


def test_merging_the_same_guest_twice_does_nothing(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, user: User
) -> None:
    create_tryon(guest, shirt, phone_photo())
    token = guest.session[SESSION_KEY]
    assert guest.login(username="ada", password="x")
    user_shopper = Shopper.objects.get()
    request = HttpRequest()
    request.session = Client().session
    request.session[SESSION_KEY] = token
    merge_guest(request, user)
    assert Shopper.objects.get() == user_shopper
    assert quotas.quota_status(user_shopper)["remaining"] == 9


@pytest.mark.usefixtures("user")
def test_another_user_in_the_same_browser_gets_none_of_the_try_ons(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
) -> None:
    User.objects.create_user("bob", password="x")
    assert guest.login(username="ada", password="x")
    row = create_tryon(guest, shirt, phone_photo())
    assert guest.login(username="bob", password="x")
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 404
    guest.logout()
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 404
    assert SESSION_KEY not in guest.session


def test_a_login_without_a_session_or_a_guest_does_nothing(user: User) -> None:
    merge_guest(HttpRequest(), user)
    request = HttpRequest()
    request.session = Client().session
    login(request, user)
    assert not Shopper.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_login_during_a_request_loses_no_try_on(shirt: Product, phone_photo: PhotoMaker) -> None:
    user = User.objects.create_user("ada", password="x")
    visitor = Visitor()
    order_tryon(shirt, visitor, phone_photo(shade=1))
    token, session = visitor.token, Client().session
    request = HttpRequest()
    request.session = session
    request.session[SESSION_KEY] = token
    results = run_concurrently(
        lambda: merge_guest(request, user),
        lambda: order_tryon(shirt, Visitor(token=token), phone_photo(shade=2)).is_ready,
    )
    assert results == [None, False]
    assert TryOnRequest.objects.filter(shopper=None).count() == 0
    assert TryOnRequest.objects.count() == 2
    assert Shopper.objects.get(user=user).try_ons.exists()


def test_an_erased_guest_who_returns_is_a_new_guest(shirt: Product, phone_photo: PhotoMaker) -> None:
    visitor = Visitor()
    order_tryon(shirt, visitor, phone_photo(shade=1))
    old = visitor.token
    privacy.erase_shopper(get_shopper(visitor))
    order_tryon(shirt, visitor, phone_photo(shade=2))
    assert visitor.token != old
    assert get_shopper(visitor).seen_at <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["guest", "user"])
def test_a_shopper_who_is_erased_during_a_request_is_created_again(kind: str) -> None:
    visitor = user_visitor() if kind == "user" else Visitor()
    old = visitor.lock_or_create()
    with run_before_statement('UPDATE "vton_shopper"', old.delete):
        new = visitor.lock_or_create()
    assert Shopper.objects.get() == new == visitor.find_shopper()
