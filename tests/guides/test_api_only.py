"""The page for shops without templates: django-ninja's example, and a front end on another origin.

The examples with generated clients run in `tests/browser/test_generated_clients.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import include, path

from django_vton.models import Conversion
from examples.django_ninja.api import api
from tests.guides import code_blocks
from tests.tryons import TRY_ONS, complete_tryon, create_tryon, error_code, get_start, product_ref

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

urlpatterns = [path("shop-api/", api.urls), path("", include("config.urls"))]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.mark.django_db
def test_a_front_end_finds_what_to_try_on_and_its_cart_counts_as_a_conversion(
    browser: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    assert browser.get("/shop-api/products").json() == [
        {"name": "Shirt", "slug": "shirt", "try_on": product_ref(shirt)}
    ]
    csrf = {"X-CSRFToken": get_start(browser, shirt).json()["csrf_token"]}
    complete_tryon(create_tryon(browser, shirt, phone_photo(), headers=csrf))
    assert browser.post("/shop-api/cart/shirt").status_code == 403
    assert browser.post("/shop-api/cart/shirt", headers=csrf).status_code == 204
    assert Conversion.objects.get().product == product_ref(shirt)


@pytest.mark.django_db(transaction=True)
def test_a_merchant_renders_by_the_shops_own_endpoint(
    browser: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    gateway: Gateway,
    live_server: LiveServer,
    vton: Vton,
) -> None:
    vton(PUBLIC_BASE_URL=live_server.url)
    csrf = {"X-CSRFToken": get_start(browser, shirt).json()["csrf_token"]}

    def order(photo: bytes) -> Any:
        upload = {"photo": SimpleUploadedFile("model.jpg", photo, "image/jpeg")}
        return browser.post("/shop-api/products/shirt/render", upload, headers=csrf)

    merchant = User.objects.create_user("ada")
    browser.force_login(merchant)
    assert order(phone_photo()).status_code == 401
    merchant.user_permissions.add(Permission.objects.get(codename="spend"))
    assert order(b"no image").json() == {"code": "photo_format"}

    response = order(phone_photo())
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    call_command("vton_worker", once=True)
    # The same photo is the same render, which is paid once.
    assert order(phone_photo()).json() == response.json() | {"state": "completed"}
    assert gateway.ledger.totals["amount"] == 75_000


@pytest.mark.django_db
def test_a_front_end_on_another_origin(
    browser: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    (block,) = [it for it in code_blocks.blocks_of_page("api-only", "python") if it.file == "settings.py"]
    changes: dict[str, Any] = {}
    exec(block.code, changes)  # noqa: S102 - our own code
    for name in filter(str.isupper, changes):
        setattr(settings, name, changes[name])
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    (origin,) = changes["CORS_ALLOWED_ORIGINS"]

    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key, x-csrftoken",
    }
    allowed = browser.options(TRY_ONS, headers=preflight, secure=True).headers
    assert allowed["Access-Control-Allow-Origin"] == origin
    assert {"idempotency-key", "x-csrftoken"} <= set(allowed["Access-Control-Allow-Headers"].split(", "))

    token = get_start(browser, shirt).json()["csrf_token"]
    headers = {"Origin": origin, "X-CSRFToken": token, "Idempotency-Key": "1"}

    def order(**changed: str) -> Any:
        body = {
            "product": product_ref(shirt),
            "consent": "true",
            "photo": SimpleUploadedFile("me.jpg", phone_photo()),
        }
        return browser.post(TRY_ONS, body, headers=headers | changed, secure=True)

    response = order()
    assert response.status_code == 202
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert {"Location", "Retry-After"} <= set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert error_code(order(Origin="https://evil.example")) == (403, "csrf_failed")
