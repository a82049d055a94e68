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
from django_vton.shoppers import SESSION_KEY, UNKNOWN_ADDRESS, Visitor, address_keys, claim
from django_vton.utils.tokens import hash_token

from .doors import asked as asked_by
from .doors import render
from .people import asked, at_once, meanwhile, shopper_of, user_visitor

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
def person(db: None) -> User:  # noqa: ARG001 - the fixture opens the database
    return User.objects.create_user("ada", password="x")


# Addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        (0, "192.0.2.1", "198.51.100.9", "192.0.2.1"),  # nobody is believed
        (1, "10.0.0.1", "203.0.113.7, 198.51.100.9", "198.51.100.9"),  # the first is the client's own lie
        (2, "10.0.0.1", "6.6.6.6, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        (2, "10.0.0.1", "198.51.100.9", "10.0.0.1"),  # fewer hops than proxies: somebody came another way
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
def test_only_trusted_proxies_are_believed(
    vton: Vton, proxies: int, remote: str, forwarded: str | None, expected: str
) -> None:
    found = key(vton, proxies, remote, forwarded)
    assert found == key(vton, 0, expected)
    assert found.startswith("ip:")
    assert expected not in found
    assert len(found) <= 80


def test_an_ipv6_network_is_one_caller(vton: Vton) -> None:
    home = key(vton, 0, "2001:db8:1:2::1")
    assert home == key(vton, 0, "2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert home != key(vton, 0, "2001:db8:1:3::1")
    assert key(vton, 0, "::ffff:192.0.2.1") == key(vton, 0, "192.0.2.1")
    assert key(vton, 0, "::ffff:192.0.2.1") != key(vton, 0, "::ffff:192.0.2.2")


def test_the_wider_networks_of_an_ipv6_address_count_as_well(vton: Vton) -> None:
    one, other = keys(vton, 0, "2001:db8:1:201::1"), keys(vton, 0, "2001:db8:1:2ff::1")
    assert [it.partition(":")[0] for it in one] == ["ip", "ip56", "ip48"]
    assert [it == its for it, its in zip(one, other, strict=True)] == [False, True, True]
    assert one[2] == keys(vton, 0, "2001:db8:1:ffff::1")[2]
    assert len(keys(vton, 0, "192.0.2.1")) == 1


@pytest.mark.parametrize("remote", ["", "unix:", "localhost", "1.2.3", "1.2.3.4.5"])
def test_callers_without_an_address_are_one_caller(vton: Vton, remote: str) -> None:
    assert keys(vton, 0, remote) == (UNKNOWN_ADDRESS,)


# Visitors -------------------------------------------------------------------------------------------


def test_looking_stores_nothing(guest: Client, shirt: Product) -> None:
    guest.get(reverse("vton:start"), {"product": f"shop.product:{shirt.pk}"})
    assert not Shopper.objects.exists()
    assert "sessionid" not in guest.cookies
    assert Visitor().shopper() is None
    assert Visitor(token="guessed").shopper() is None


def test_a_guest_is_known_by_a_token_that_the_database_does_not_know(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = asked_by(guest, shirt, phone_photo(shade=1))
    token = guest.session[SESSION_KEY]
    shopper = Shopper.objects.get()
    assert shopper.token_hash == hash_token(token)
    assert token not in str(vars(shopper))
    again = asked_by(guest, shirt, phone_photo(shade=2))
    assert again.shopper == row.shopper == shopper


@pytest.mark.django_db
def test_an_unknown_token_is_not_taken_over() -> None:
    visitor = Visitor(token="chosen by an attacker")
    assert visitor.lock_or_create().token_hash != hash_token("chosen by an attacker")
    assert visitor.token != "chosen by an attacker"


@pytest.mark.django_db(transaction=True)
def test_a_users_first_two_requests_make_one_shopper() -> None:
    user_visitor()
    first, second = at_once(*[lambda: user_visitor().lock_or_create()] * 2)
    assert first == second == Shopper.objects.get()


# Login ----------------------------------------------------------------------------------------------


def test_on_login_all_becomes_the_users(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, person: User
) -> None:
    row = asked_by(guest, shirt, phone_photo(), keep_photo="true", headers={"Idempotency-Key": "k1"})
    token = guest.session[SESSION_KEY]
    assert guest.login(username="ada", password="x")

    row.refresh_from_db()
    mine = Shopper.objects.get()
    assert (mine.user, mine.token_hash) == (person, None)
    # Its photo is still needed, and nobody agreed to keep it for the user.
    assert row.photo
    assert (row.shopper, row.photo.shopper, row.photo.keep) == (mine, mine, False)
    assert Consent.objects.get().shopper == mine
    assert SESSION_KEY not in guest.session
    assert Visitor(token=token).shopper() is None
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 200
    # The same key is still the same request.
    assert asked_by(guest, shirt, phone_photo(), keep_photo="true", headers={"Idempotency-Key": "k1"}) == row
    assert Client().get(reverse("vton:tryon", args=[row.pk])).status_code == 404


@pytest.mark.usefixtures("person")
def test_a_guests_photos_and_consent_are_not_the_next_logins(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    done = render(asked_by(guest, shirt, phone_photo(shade=1), keep_photo="true"))
    running = asked_by(guest, shirt, phone_photo(shade=2), keep_photo="true")
    assert guest.login(username="ada", password="x")
    elsewhere = Client()
    assert elsewhere.login(username="ada", password="x")
    begun = elsewhere.get(reverse("vton:start"), {"product": f"shop.product:{shirt.pk}"}).json()
    assert begun["photos"] == []
    assert begun["consent"]["required"]
    assert elsewhere.get(reverse("vton:tryon", args=[done.pk])).json()["photo"] is None
    # What still runs is brought to its end.
    assert elsewhere.get(reverse("vton:tryon", args=[running.pk])).json()["status"] == "queued"
    assert PersonPhoto.objects.get().try_ons.get() == running


def test_a_user_with_try_ons_and_the_same_keys_keeps_both(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, person: User
) -> None:
    older = asked(shirt, Visitor(user_id=person.pk), phone_photo(shade=1), idempotency_key="k1").request
    asked_by(guest, shirt, phone_photo(shade=2), headers={"Idempotency-Key": "k1"})
    asked_by(guest, shirt, phone_photo(shade=3), headers={"Idempotency-Key": "k2"})
    assert guest.login(username="ada", password="x")
    mine = Shopper.objects.get()
    assert older.shopper == mine
    keys = (
        TryOnRequest.objects.filter(shopper=mine)
        .order_by("created_at")
        .values_list("idempotency_key", flat=True)
    )
    assert list(keys) == ["k1", None, "k2"]


def test_the_guests_quota_is_the_users_from_then_on(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, person: User
) -> None:
    asked(shirt, Visitor(user_id=person.pk), phone_photo(shade=1))
    row = asked_by(guest, shirt, phone_photo(shade=2))
    asked_by(guest, shirt, phone_photo(shade=3))
    assert guest.login(username="ada", password="x")
    mine = Shopper.objects.get()
    assert quotas.state_of(mine)["remaining"] == 7
    assert Quota.objects.filter(key__startswith="shopper:").count() == 1
    # What was asked as a guest and costs nothing comes off the user's count.
    assert lifecycle.cancel(row)
    assert quotas.state_of(mine)["remaining"] == 8
    assert Quota.objects.get(key__startswith="ip:").used == 1


def test_a_second_claim_does_nothing(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, person: User
) -> None:
    asked_by(guest, shirt, phone_photo())
    token = guest.session[SESSION_KEY]
    assert guest.login(username="ada", password="x")
    mine = Shopper.objects.get()
    request = HttpRequest()
    request.session = Client().session
    request.session[SESSION_KEY] = token
    claim(request, person)
    assert Shopper.objects.get() == mine
    assert quotas.state_of(mine)["remaining"] == 9


@pytest.mark.usefixtures("person")
def test_another_persons_login_in_the_same_browser_gets_nothing(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
) -> None:
    User.objects.create_user("bob", password="x")
    assert guest.login(username="ada", password="x")
    row = asked_by(guest, shirt, phone_photo())
    assert guest.login(username="bob", password="x")
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 404
    guest.logout()
    assert guest.get(reverse("vton:tryon", args=[row.pk])).status_code == 404
    assert SESSION_KEY not in guest.session


def test_a_login_without_a_session_or_a_guest_is_left_alone(person: User) -> None:
    claim(HttpRequest(), person)
    request = HttpRequest()
    request.session = Client().session
    login(request, person)
    assert not Shopper.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_claim_and_a_request_at_once_lose_nothing(shirt: Product, phone_photo: PhotoMaker) -> None:
    person = User.objects.create_user("ada", password="x")
    visitor = Visitor()
    asked(shirt, visitor, phone_photo(shade=1))
    token, session = visitor.token, Client().session
    request = HttpRequest()
    request.session = session
    request.session[SESSION_KEY] = token
    results = at_once(
        lambda: claim(request, person),
        lambda: asked(shirt, Visitor(token=token), phone_photo(shade=2)).is_ready,
    )
    assert results == [None, False]
    assert TryOnRequest.objects.filter(shopper=None).count() == 0
    assert TryOnRequest.objects.count() == 2
    assert Shopper.objects.get(user=person).try_ons.exists()


def test_an_erased_guest_who_asks_again_is_a_new_one(shirt: Product, phone_photo: PhotoMaker) -> None:
    visitor = Visitor()
    asked(shirt, visitor, phone_photo(shade=1))
    old = visitor.token
    privacy.erase_shopper(shopper_of(visitor))
    asked(shirt, visitor, phone_photo(shade=2))
    assert visitor.token != old
    assert shopper_of(visitor).seen_at <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["guest", "user"])
def test_who_is_erased_while_asking_is_a_new_one(kind: str) -> None:
    visitor = user_visitor() if kind == "user" else Visitor()
    old = visitor.lock_or_create()
    with meanwhile('UPDATE "vton_shopper"', old.delete):
        new = visitor.lock_or_create()
    assert Shopper.objects.get() == new == visitor.shopper()
