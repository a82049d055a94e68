"""The limits for one client of the API: guests without cookies, behind a Unix socket, in an IPv6 network."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import Tags, run_checks
from django.test import Client

from django_vton import lifecycle
from django_vton.models import Attempt, Quota, TryOnRequest
from django_vton.utils import decoding

from ..tryons import complete_tryon, post_tryon

if TYPE_CHECKING:
    from pytest_django import Settings

    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def order(product: Product, photo: bytes | None, address: str = "192.0.2.1", **fields: Any) -> Any:
    """Order as a new guest, who keeps no cookies."""
    return post_tryon(Client(REMOTE_ADDR=address), product, photo, **fields)


def codes(responses: list[Any]) -> list[str]:
    return [response.json().get("code", str(response.status_code)) for response in responses]


def test_guests_behind_a_unix_socket_count_as_one_client(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IP_QUOTA="2/day")
    responses = [order(shirt, phone_photo(shade=shade), "") for shade in range(4)]
    assert codes(responses) == ["202", "202", "quota_exceeded", "quota_exceeded"]


def test_quotas_count_images_instead_of_try_ons(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(IP_QUOTA="10/day", QUOTA="9/day")
    four = {"options": '{"num_samples": 4}'}
    responses = [order(shirt, phone_photo(shade=shade), **four) for shade in range(3)]
    assert codes(responses) == ["202", "202", "quota_exceeded"]
    assert order(shirt, phone_photo(shade=9), options='{"num_samples": 2}').status_code == 202
    assert Quota.objects.get(key__startswith="ip:").used == 10
    row = TryOnRequest.objects.filter(options__num_samples=4).first()
    assert row is not None
    assert lifecycle.cancel(row)
    assert Quota.objects.get(key__startswith="ip:").used == 6


def test_the_addresses_of_an_ipv6_network_share_its_quotas(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IP_QUOTA="1/day")
    shades = iter(range(100))

    def accepted(address: str) -> bool:
        return bool(order(shirt, phone_photo(shade=next(shades)), address).status_code == 202)

    assert [accepted(f"2001:db8::{host}") for host in range(3)] == [True, False, False]  # One /64.
    assert sum(accepted(f"2001:db8:0:{subnet}::1") for subnet in range(1, 9)) == 1  # Its /56: two in total.
    assert accepted("2001:db8:0:100::1")  # The same /48.
    assert accepted("2001:db8:1::1")  # Another /48.


def test_ten_times_as_many_try_ons_may_run_for_one_address_as_for_a_shopper(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=1, IP_QUOTA="32/day")
    responses = [order(shirt, phone_photo(400, 400, shade=shade)) for shade in range(11)]
    assert codes(responses) == ["202"] * 10 + ["in_flight_limit"]
    assert order(shirt, phone_photo(shade=99), "192.0.2.2").status_code == 202
    row = TryOnRequest.objects.get(pk=responses[0].json()["id"])
    assert lifecycle.cancel(row)
    row.refresh_from_db()
    assert row.address_key == ""
    assert order(shirt, phone_photo(shade=98)).status_code == 202


def test_the_default_budget_is_25_usd_a_day(
    shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    settings.VTON = {name: value for name, value in settings.VTON.items() if name != "DAILY_BUDGET"} | {
        "IP_QUOTA": None,
        "IN_FLIGHT": 1000,
        "PRICES": {"fashn-v1.6": Decimal("9.99")},
        "PIXAZO_BASE_URL": "https://gateway.pixazo.ai",
    }
    responses = [order(shirt, phone_photo(shade=shade)) for shade in range(4)]
    assert codes(responses) == ["202", "202", "budget_exhausted", "budget_exhausted"]
    assert sum(Attempt.objects.values_list("amount", flat=True)) <= 25_000_000
    messages = {message.id: str(message.msg) for message in run_checks(tags=["vton"])}
    assert "25 USD a day" in messages["vton.W003"]


def test_shared_renders_have_a_quota_ten_times_as_high(
    shirt: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    vton(IP_QUOTA="1/day", IN_FLIGHT=1000)
    body = {"photo_id": str(house_model.pk)}
    responses = [order(shirt, None, **body) for _ in range(12)]
    # The first one is paid, and ten more share its render.
    assert codes(responses) == ["202"] * 11 + ["quota_exceeded"]
    assert Attempt.objects.count() == 1
    source = TryOnRequest.objects.get(shopper=None)
    complete_tryon(source)
    assert codes([order(shirt, None, "192.0.2.2", **body)]) == ["200"]


hook_calls: list[tuple[object, ...]] = []


def hook(*arguments: object) -> bool:
    hook_calls.append(arguments)
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
def test_requests_over_a_limit_are_refused_without_decoding_the_photo_or_calling_hooks(
    shirt: Product, vton: Vton, change: dict[str, Any]
) -> None:
    hook_calls.clear()
    vton(MODERATE=f"{__name__}.hook", CAPTCHA=f"{__name__}.hook", **change)
    response = order(shirt, b"not an image")  # Decoding it would answer `photo_unreadable`.
    assert response.json()["code"] in {"quota_exceeded", "budget_exhausted", "not_configured"}
    assert hook_calls == []


def test_a_photo_is_not_decoded_without_consent(shirt: Product) -> None:
    assert order(shirt, b"not an image", consent="false").json()["code"] == "consent_required"


def test_too_many_photos_to_decode_at_once_are_refused_with_retry_after(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_SLOTS", threading.BoundedSemaphore(1))
    monkeypatch.setattr(decoding, "WAIT_SECONDS", 0.01)
    with decoding.decoding_slot():
        response = order(shirt, phone_photo())
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        assert int(response["Retry-After"]) > 0
    assert order(shirt, phone_photo()).status_code == 202


def proxy_warnings() -> str:
    messages = run_checks(tags=[Tags.database], databases=["default"])
    return " ".join(str(message.msg) for message in messages if message.id == "vton.W004")


def test_a_check_warns_about_a_wrong_number_of_trusted_proxies(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    assert proxy_warnings() == ""
    forwarded = {"headers": {"X-Forwarded-For": "203.0.113.1"}}
    assert order(shirt, phone_photo(shade=1), "10.0.0.1", **forwarded).status_code == 202
    assert "X-Forwarded-For while VTON['TRUSTED_PROXIES'] is 0" in proxy_warnings()
    vton(TRUSTED_PROXIES=1)
    assert proxy_warnings() == ""
    assert order(shirt, phone_photo(shade=2), "").status_code == 202
    assert "without a client address" in proxy_warnings()
