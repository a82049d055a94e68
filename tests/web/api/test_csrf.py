from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from django_vton.models import Attempt
from tests.tryons import error_code, get_start, post_tryon

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

WRITES = [
    ("post", "tryons", []),
    ("delete", "tryon", [uuid4()]),
    ("post", "cancel", [uuid4()]),
    ("put", "feedback", [uuid4()]),
    ("delete", "photo", [uuid4()]),
    ("delete", "me", []),
    ("delete", "consent", []),
]


@pytest.fixture(params=["guest", "user"])
def browser(request: pytest.FixtureRequest) -> Client:
    client = Client(enforce_csrf_checks=True)
    if request.param == "user":
        client.force_login(get_user_model().objects.create_user("ada"))
    return client


@pytest.mark.parametrize(("method", "name", "args"), WRITES)
def test_every_write_needs_the_csrf_token(browser: Client, method: str, name: str, args: list[Any]) -> None:
    response = getattr(browser, method)(reverse(f"vton:{name}", args=args))
    assert error_code(response) == (403, "csrf_failed")


def test_only_the_csrf_token_of_the_start_from_this_origin_is_accepted(
    browser: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    token = get_start(browser, shirt).json()["csrf_token"]
    headers = {"X-CSRFToken": token}

    assert error_code(post_tryon(browser, shirt, phone_photo(), headers={"X-CSRFToken": "x" * 64})) == (
        403,
        "csrf_failed",
    )
    assert error_code(post_tryon(browser, shirt, phone_photo(), csrfmiddlewaretoken="x" * 64)) == (
        403,
        "csrf_failed",
    )
    foreign = headers | {"Origin": "https://evil.example"}
    assert error_code(post_tryon(browser, shirt, phone_photo(), headers=foreign)) == (403, "csrf_failed")
    assert not Attempt.objects.exists()

    response = post_tryon(browser, shirt, phone_photo(), headers=headers)
    assert response.status_code == 202
    assert post_tryon(browser, shirt, phone_photo(shade=1), csrfmiddlewaretoken=token).status_code == 202
    cancel = response["Location"] + "cancel/"
    assert browser.post(cancel, headers=headers).status_code == 200
    assert browser.delete(response["Location"], headers=headers).status_code == 204


def test_the_csrf_token_is_checked_without_the_shops_csrf_middleware(
    shirt: Product, settings: Settings
) -> None:
    settings.MIDDLEWARE = [it for it in settings.MIDDLEWARE if "csrf" not in it]
    browser = Client(enforce_csrf_checks=True)
    token = get_start(browser, shirt).json()["csrf_token"]
    assert "csrftoken" in browser.cookies
    assert error_code(post_tryon(browser, shirt)) == (403, "csrf_failed")
    assert error_code(post_tryon(browser, shirt, headers={"X-CSRFToken": token})) == (400, "photo_required")
