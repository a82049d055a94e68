"""The callback in shops whose middleware and settings stand in the way of every other POST."""

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
from tests.doors import TOKEN, asked, submit

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


def shops_own(_request: HttpRequest) -> HttpResponse:
    """A view as the shop has them: what the settings do to it shows that they are on."""
    IN_TRANSACTION.append(connection.in_atomic_block)
    return HttpResponse(User.objects.count())


urlpatterns = [path("own/", shops_own), *shop_urls]


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    row = asked(guest, shirt, phone_photo())
    submit(row)
    return row


@pytest.fixture
def outsider() -> Client:
    """A caller without a cookie, whose CSRF token is asked for."""
    return Client(enforce_csrf_checks=True)


def call(client: Client, token: str = TOKEN) -> Any:
    return client.post(reverse("vton:callback", args=[token]), BODY, content_type="application/json")


@pytest.fixture
def strict(settings: Settings) -> None:
    settings.MIDDLEWARE, settings.ROOT_URLCONF = STRICT, __name__


@pytest.mark.usefixtures("strict")
def test_neither_login_nor_csrf_is_asked_of_the_vendor(row: TryOnRequest, outsider: Client) -> None:
    assert outsider.post("/own/").status_code == 403
    assert outsider.get("/own/").status_code == 302
    assert call(outsider).status_code == 200
    assert call(outsider, "guessed").status_code == 404
    row.refresh_from_db()
    assert row.state == "submitted"


@pytest.mark.usefixtures("strict", "row")
def test_no_cookie_is_set_and_no_session_read(outsider: Client, settings: Settings) -> None:
    # Django's own LoginRequiredMiddleware looks at who is logged in before it asks the view.
    settings.MIDDLEWARE = [name for name in STRICT if "LoginRequired" not in name]
    for token in (TOKEN, "guessed"):
        outsider.cookies["sessionid"] = "one-that-was-stolen"
        with CaptureQueriesContext(connection) as queries:
            response = call(outsider, token)
        assert not response.cookies
        assert "Cookie" not in response.get("Vary", "")
        assert not any("session" in it["sql"] or "auth_user" in it["sql"] for it in queries)


@pytest.mark.usefixtures("strict")
def test_no_transaction_spans_a_callback(
    row: TryOnRequest, outsider: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.MIDDLEWARE = [name for name in STRICT if "LoginRequired" not in name]
    IN_TRANSACTION.clear()
    outsider.get("/own/")
    assert IN_TRANSACTION == [True]
    seen: list[tuple[str, bool]] = []

    def look(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append((sql.split(maxsplit=1)[0], connection.in_atomic_block))
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        assert call(outsider, "guessed").status_code == 404
    assert seen == [("SELECT", False)]
    seen.clear()
    with connection.execute_wrapper(look):
        assert call(outsider).status_code == 200
    assert seen[0] == ("SELECT", False)
    row.refresh_from_db()
    assert row.state == "submitted"


@pytest.mark.usefixtures("strict", "row")
def test_what_the_callback_wrote_stays_though_the_response_breaks(
    outsider: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed when it was said, not when the response has left."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.MIDDLEWARE = [f"{__name__}.breaks_afterwards", *STRICT]
    outsider.raise_request_exception = False
    assert call(outsider).status_code == 500
    assert Attempt.objects.get(token_hash=hash_token(TOKEN)).vendor_id == "fashn-019d"


def breaks_afterwards(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        get_response(request)
        raise ValueError("A middleware of the shop's.")

    return middleware


@pytest.mark.usefixtures("strict")
def test_a_middleware_that_reads_the_body_first(
    row: TryOnRequest, outsider: Client, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reads_the_body", *STRICT]
    assert call(outsider).status_code == 200
    row.refresh_from_db()
    assert row.state == "submitted"


def reads_the_body(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        assert request.body
        assert not request.POST
        return get_response(request)

    return middleware
