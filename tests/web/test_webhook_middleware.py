"""The webhook in shops whose middleware or settings would refuse any other POST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

from config.urls import urlpatterns as shop_urls
from django_vton.models import Attempt
from django_vton.utils.tokens import hash_token
from tests.tryons import TOKEN, claim_for_submit, create_tryon

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from pytest_django import Settings

    from django_vton.models import TryOnRequest
    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db(transaction=True)

STRICT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
BODY = b'{"request_id": "fashn-019d"}'
IN_TRANSACTION: list[bool] = []


def shop_view(_request: HttpRequest) -> HttpResponse:
    """A view of the shop, which shows that the settings are in effect."""
    IN_TRANSACTION.append(connection.in_atomic_block)
    return HttpResponse(User.objects.count())


urlpatterns = [path("own/", shop_view), *shop_urls]


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    row = create_tryon(guest, shirt, phone_photo())
    claim_for_submit(row)
    return row


@pytest.fixture
def anonymous_client() -> Client:
    """A client without cookies, with CSRF checks."""
    return Client(enforce_csrf_checks=True)


def call(client: Client, token: str = TOKEN) -> Any:
    return client.post(reverse("vton:callback", args=[token]), BODY, content_type="application/json")


@pytest.fixture
def strict(settings: Settings) -> None:
    settings.MIDDLEWARE, settings.ROOT_URLCONF = STRICT, __name__


@pytest.mark.usefixtures("strict")
def test_the_webhook_needs_neither_login_nor_csrf_token(row: TryOnRequest, anonymous_client: Client) -> None:
    assert anonymous_client.post("/own/").status_code == 403
    assert anonymous_client.get("/own/").status_code == 302
    assert call(anonymous_client).status_code == 200
    assert call(anonymous_client, "guessed").status_code == 404
    row.refresh_from_db()
    assert row.state == "submitted"


@pytest.mark.usefixtures("strict", "row")
def test_the_webhook_sets_no_cookie_and_reads_no_session(
    anonymous_client: Client, settings: Settings
) -> None:
    # LoginRequiredMiddleware reads the user before it checks the view.
    settings.MIDDLEWARE = [name for name in STRICT if "LoginRequired" not in name]
    for token in (TOKEN, "guessed"):
        anonymous_client.cookies["sessionid"] = "stolen"
        with CaptureQueriesContext(connection) as queries:
            response = call(anonymous_client, token)
        assert not response.cookies
        assert "Cookie" not in response.get("Vary", "")
        assert not any("session" in it["sql"] or "auth_user" in it["sql"] for it in queries)


@pytest.mark.usefixtures("strict")
def test_the_webhook_runs_outside_of_the_requests_transaction(
    row: TryOnRequest, anonymous_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.MIDDLEWARE = [name for name in STRICT if "LoginRequired" not in name]
    IN_TRANSACTION.clear()
    anonymous_client.get("/own/")
    assert IN_TRANSACTION == [True]
    seen: list[tuple[str, bool]] = []

    def record(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append((sql.split(maxsplit=1)[0], connection.in_atomic_block))
        return execute(sql, *rest)

    with connection.execute_wrapper(record):
        assert call(anonymous_client, "guessed").status_code == 404
    assert seen == [("SELECT", False)]
    seen.clear()
    with connection.execute_wrapper(record):
        assert call(anonymous_client).status_code == 200
    assert seen[0] == ("SELECT", False)
    row.refresh_from_db()
    assert row.state == "submitted"


@pytest.mark.usefixtures("strict", "row")
def test_a_callback_is_stored_even_if_a_middleware_fails_afterwards(
    anonymous_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.MIDDLEWARE = [f"{__name__}.failing_middleware", *STRICT]
    anonymous_client.raise_request_exception = False
    assert call(anonymous_client).status_code == 500
    assert Attempt.objects.get(token_hash=hash_token(TOKEN)).vendor_id == "fashn-019d"


def failing_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        get_response(request)
        raise ValueError("middleware failed")

    return middleware


@pytest.mark.usefixtures("strict")
def test_a_middleware_may_read_the_body_before_the_webhook(
    row: TryOnRequest, anonymous_client: Client, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.body_parsing_middleware", *STRICT]
    assert call(anonymous_client).status_code == 200
    row.refresh_from_db()
    assert row.state == "submitted"


def body_parsing_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        assert request.body
        assert not request.POST
        return get_response(request)

    return middleware
