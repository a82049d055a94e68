"""What all views have in common, whatever the shop's settings for its own views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection
from django.urls import URLPattern, URLResolver, reverse

from django_vton import urls
from tests.checks.messages import run_vton_checks
from tests.tryons import get_start, post_tryon, product_ref

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker


def views(patterns: list[Any]) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.name or "", pattern.callback


VIEWS = list(views(urls.urlpatterns))


def test_url_names_are_public_and_stay_the_same() -> None:
    assert {name for name, _view in VIEWS if name} == {
        "start", "tryons", "tryon", "cancel", "feedback", "photos", "photo", "me", "consent",
        "image", "photo-file", "vendor-file", "callback",
        "phone", "phone-link", "phone-code", "phone-page",
        "dialog", "try", "result", "history", "privacy", "metrics",
    }  # fmt: skip
    assert reverse("vton:callback", args=["t"]) == "/try-on/webhooks/pixazo/t/"
    assert reverse("vton:vendor-file", args=["t"]) == "/try-on/files/t/"


@pytest.mark.parametrize("view", [view for _name, view in VIEWS], ids=[name for name, _view in VIEWS])
def test_no_view_requires_a_login_or_an_atomic_request(view: Any) -> None:
    assert view.login_required is False
    assert DEFAULT_DB_ALIAS in view._non_atomic_requests


@pytest.mark.django_db
@pytest.mark.parametrize("login_url", ["/accounts/login/", "no-such-name", ""])
def test_guests_can_order_in_a_shop_with_login_required_middleware(
    settings: Settings, guest: Client, shirt: Product, phone_photo: PhotoMaker, login_url: str
) -> None:
    settings.LOGIN_URL = login_url
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert run_vton_checks() == {}
    assert get_start(guest, shirt).status_code == 200
    response = post_tryon(guest, shirt, phone_photo())
    assert response.status_code == 202
    pages = [reverse("vton:try", args=[product_ref(shirt)]), reverse("vton:history"), reverse("vton:privacy")]
    for url in (*pages, response.json()["page_url"]):
        assert guest.get(url).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_workers_are_woken_in_a_shop_with_atomic_requests(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    enqueued: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert post_tryon(guest, shirt, phone_photo()).status_code == 202
    assert enqueued
