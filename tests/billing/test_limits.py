"""What one caller can take, through the API: guests without cookies, behind a socket, in an IPv6 network."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import Tags, run_checks
from django.test import Client

from django_vton import lifecycle
from django_vton.intake import decoding
from django_vton.models import Attempt, Quota, TryOnRequest

from ..tryons import complete_tryon, post_tryon

if TYPE_CHECKING:
    from pytest_django import Settings

    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def order(product: Product, photo: bytes | None, address: str = "192.0.2.1", **fields: Any) -> Any:
    """A guest whom nobody knows, since no cookie is kept."""
    return post_tryon(Client(REMOTE_ADDR=address), product, photo, **fields)


def codes(answers: list[Any]) -> list[str]:
    return [it.json().get("code", str(it.status_code)) for it in answers]


def test_behind_a_unix_socket_all_guests_are_one_caller(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IP_QUOTA="2/day")
    answers = [order(shirt, phone_photo(shade=it), "") for it in range(4)]
    assert codes(answers) == ["202", "202", "quota_exceeded", "quota_exceeded"]


def test_quotas_count_pictures_and_not_try_ons(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(IP_QUOTA="10/day", QUOTA="9/day")
    wish = {"options": '{"num_samples": 4}'}
    answers = [order(shirt, phone_photo(shade=it), **wish) for it in range(3)]
    assert codes(answers) == ["202", "202", "quota_exceeded"]
    assert order(shirt, phone_photo(shade=9), options='{"num_samples": 2}').status_code == 202
    assert Quota.objects.get(key__startswith="ip:").used == 10
    row = TryOnRequest.objects.filter(options__num_samples=4).first()
    assert row is not None
    assert lifecycle.cancel(row)
    assert Quota.objects.get(key__startswith="ip:").used == 6


def test_an_ipv6_network_takes_no_more_by_having_many_addresses(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IP_QUOTA="1/day")
    shades = iter(range(100))

    def accepted(address: str) -> bool:
        return bool(order(shirt, phone_photo(shade=next(shades)), address).status_code == 202)

    assert [accepted(f"2001:db8::{it}") for it in range(3)] == [True, False, False]  # One /64.
    assert sum(accepted(f"2001:db8:0:{it}::1") for it in range(1, 9)) == 1  # Its /56: two in all.
    assert accepted("2001:db8:0:100::1")  # The same /48.
    assert accepted("2001:db8:1::1")  # Another one.


def test_as_many_as_may_run_for_one_address(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(IN_FLIGHT=1, IP_QUOTA="32/day")
    answers = [order(shirt, phone_photo(100 + 300, 400, shade=it)) for it in range(11)]
    assert codes(answers) == ["202"] * 10 + ["in_flight_limit"]
    assert order(shirt, phone_photo(shade=99), "192.0.2.2").status_code == 202
    row = TryOnRequest.objects.exclude(address_key="").first()
    assert row is not None
    assert lifecycle.cancel(row)
    row.refresh_from_db()
    assert row.address_key == ""
    assert order(shirt, phone_photo(shade=98)).status_code == 202


def test_without_a_budget_of_its_own_a_shop_loses_25_usd_a_day_at_most(
    shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    settings.VTON = {name: it for name, it in settings.VTON.items() if name != "DAILY_BUDGET"} | {
        "IP_QUOTA": None,
        "IN_FLIGHT": 1000,
        "PRICES": {"fashn-v1.6": Decimal("9.99")},
        "PIXAZO_BASE_URL": "https://gateway.pixazo.ai",
    }
    answers = [order(shirt, phone_photo(shade=it)) for it in range(4)]
    assert codes(answers) == ["202", "202", "budget_exhausted", "budget_exhausted"]
    assert sum(Attempt.objects.values_list("amount", flat=True)) <= 25_000_000
    found = {it.id: str(it.msg) for it in run_checks(tags=["vton"])}
    assert "25 USD a day" in found["vton.W003"]


def test_renders_that_are_shared_count_loosely(shirt: Product, house_model: PersonPhoto, vton: Vton) -> None:
    vton(IP_QUOTA="1/day", IN_FLIGHT=1000)
    body = {"photo_id": str(house_model.pk)}
    answers = [order(shirt, None, **body) for _ in range(12)]
    # The first pays; ten more share it; then it is enough.
    assert codes(answers) == ["202"] * 11 + ["quota_exceeded"]
    assert Attempt.objects.count() == 1
    source = TryOnRequest.objects.get(shopper=None)
    complete_tryon(source)
    assert codes([order(shirt, None, "192.0.2.2", **body)]) == ["200"]


SEEN: list[int] = []


def look(*_asked: object) -> bool:
    SEEN.append(1)
    return True


@pytest.mark.parametrize(
    "change",
    [
        {"QUOTA": "0/day"},
        {"IP_QUOTA": "0/day"},
        {"DAILY_BUDGET": Decimal("0.01")},
        {"PIXAZO_API_KEY": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_can_be_refused_by_reading_is_refused_before_a_photo_is_decoded_or_moderated(
    shirt: Product, vton: Vton, change: dict[str, Any]
) -> None:
    SEEN.clear()
    vton(MODERATE=f"{__name__}.look", CAPTCHA=f"{__name__}.look", **change)
    answer = order(shirt, b"no picture at all")  # Decoding it would be refused as unreadable.
    assert answer.json()["code"] in {"quota_exceeded", "budget_exhausted", "not_configured"}
    assert SEEN == []


def test_without_consent_no_photo_is_decoded(shirt: Product) -> None:
    assert order(shirt, b"no picture", consent="false").json()["code"] == "consent_required"


def test_more_photos_than_a_process_may_decode_at_once_are_told_to_come_again(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_SLOTS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(decoding, "WAIT_SECONDS", 0.01)
    with decoding.decoding_slot():
        answer = order(shirt, phone_photo())
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer["Retry-After"]) > 0
    assert order(shirt, phone_photo()).status_code == 202


def seen_by_checks() -> str:
    messages = run_checks(tags=[Tags.database], databases=["default"])
    return " ".join(str(it.msg) for it in messages if it.id == "vton.W004")


def test_a_proxy_that_nobody_trusts_is_told_of(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    assert seen_by_checks() == ""
    forwarded = {"headers": {"X-Forwarded-For": "203.0.113.1"}}
    assert order(shirt, phone_photo(shade=1), "10.0.0.1", **forwarded).status_code == 202
    assert "X-Forwarded-For while VTON['TRUSTED_PROXIES'] is 0" in seen_by_checks()
    vton(TRUSTED_PROXIES=1)
    assert seen_by_checks() == ""
    assert order(shirt, phone_photo(shade=2), "").status_code == 202
    assert "without a client address" in seen_by_checks()
