"""Sessions: no cookie on public responses, and no stored data without session middleware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton.gateway import links
from django_vton.models import PersonPhoto, Shopper, TryOnImage, TryOnRequest
from tests.tryons import (
    TOKEN,
    claim_for_submit,
    complete_tryon,
    create_tryon,
    error_code,
    get_start,
    post_tryon,
    product_ref,
    read_stream,
    uploaded_photo,
)
from tests.web.files import image_url, photo_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker
    from tests.intake_helpers import StoredFiles

pytestmark = pytest.mark.django_db

NEED_SESSIONS = ("sessions", "auth", "messages", "cart")


@pytest.fixture
def visitor(settings: Settings) -> Client:
    """A browser with a session that the shop saves with each response."""
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = Client()
    session = client.session
    session["cart"] = [1]
    session.save()
    assert "sessionid" in client.get("/").cookies
    return client


def consume(response: Any) -> Any:
    """Read a streaming response to its end, which closes the file. Return the response."""
    if response.streaming:
        read_stream(response)
    return response


@pytest.fixture
def public_paths(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto
) -> list[str]:
    """Paths whose responses are the same for everyone."""
    published = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    TryOnImage.objects.update(published_at=timezone.now())
    sent = create_tryon(guest, shirt, phone_photo(shade=1))
    [(token, _)] = links.create_links([claim_for_submit(sent)])
    picture, person = image_url(published), reverse("vton:photo-file", args=[house_model.pk])
    return [
        f"{reverse('vton:dialog')}?product={product_ref(shirt)}&lang=en",
        f"{reverse('vton:dialog')}?product={product_ref(shirt)}",
        f"{reverse('vton:dialog')}?product=shop.product:0&lang=en",
        picture, f"{picture}?size=thumbnail", f"{picture}?download=1",
        person, f"{person}?size=thumbnail",
        reverse("vton:vendor-file", args=[token]),
        reverse("vton:vendor-file", args=["guessed"]),
    ]  # fmt: skip


def test_public_responses_set_no_session_cookie(visitor: Client, public_paths: list[str]) -> None:
    Session.objects.update(expire_date=timezone.now())
    saved = Session.objects.get(pk=visitor.cookies["sessionid"].value).expire_date
    for path in public_paths:
        # Without `lang`, the language comes from the request and possibly from a cookie.
        varies = path.startswith(reverse("vton:dialog")) and "lang=" not in path
        for send, headers in ((visitor.get, {}), (visitor.head, {}), (visitor.get, {"If-None-Match": "*"})):
            response = consume(send(path, headers=headers))
            assert not response.cookies, path
            assert ("Cookie" in response.get("Vary", "")) == varies, path
    assert Session.objects.get(pk=visitor.cookies["sessionid"].value).expire_date == saved


def test_the_webhook_sets_no_session_cookie(
    visitor: Client, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    claim_for_submit(create_tryon(guest, shirt, phone_photo()))
    for token in (TOKEN, "guessed"):
        response = visitor.post(reverse("vton:callback", args=[token]), {}, content_type="application/json")
        assert response.status_code == (200 if token == TOKEN else 404)
        assert not response.cookies


def test_private_responses_set_the_session_cookie(
    visitor: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    """Shows that the tests above would notice a cookie."""
    row = complete_tryon(create_tryon(visitor, shirt, phone_photo()))
    for path in (image_url(row), photo_url(row)):
        assert "sessionid" in consume(visitor.get(path)).cookies


@pytest.mark.parametrize("is_first", [True, False])
def test_a_middleware_of_the_shop_can_still_use_the_session(
    visitor: Client, public_paths: list[str], settings: Settings, is_first: bool
) -> None:
    own, other = [f"{__name__}.cart_middleware"], settings.MIDDLEWARE
    settings.MIDDLEWARE = [*own, *other] if is_first else [*other, *own]
    browser = Client()  # A client keeps the middleware of its creation.
    browser.cookies = visitor.cookies
    for path in public_paths:
        assert consume(browser.get(path))["X-Cart"] == "[1] True 1"


def cart_middleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        session = request.session
        session["deleted"] = session["seen"] = 1
        del session["deleted"]
        response["X-Cart"] = f"{session['cart']} {'cart' in session} {session.get('seen')}"
        return response

    return middleware


def test_the_session_survives_public_responses(visitor: Client, public_paths: list[str]) -> None:
    for path in public_paths:
        consume(visitor.get(path))
    assert visitor.session["cart"] == [1]


@pytest.fixture
def without_sessions(settings: Settings) -> None:
    def remaining(names: list[str]) -> list[str]:
        return [name for name in names if not any(word in name for word in NEED_SESSIONS)]

    settings.MIDDLEWARE = remaining(settings.MIDDLEWARE)
    [engine] = settings.TEMPLATES
    options = {"context_processors": remaining(engine["OPTIONS"]["context_processors"])}
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], **options}}]


@pytest.mark.usefixtures("without_sessions")
def test_without_sessions_a_guests_order_is_refused_and_nothing_is_stored(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    body = {"consent": "on", "photo_id": "", "photo": uploaded_photo(phone_photo())}
    page = reverse("vton:try", args=[product_ref(shirt)])
    assert error_code(post_tryon(guest, shirt, phone_photo())) == (503, "not_configured")
    assert error_code(guest.post(reverse("vton:phone"), {"product": product_ref(shirt)})) == (
        503,
        "not_configured",
    )
    assert guest.post(page, body).status_code == 503
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert not Shopper.objects.exists()
    assert not files.names()


@pytest.mark.usefixtures("without_sessions")
def test_without_sessions_the_try_on_is_not_offered(guest: Client, shirt: Product) -> None:
    response = get_start(guest, shirt)
    assert response.status_code == 200
    assert (response.json()["enabled"], response.json()["reason"]) == (False, "not_configured")
    assert guest.get(reverse("vton:try", args=[product_ref(shirt)])).status_code == 503


def test_a_system_check_reports_the_missing_middleware(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("check", "--tag", "vton")
    assert "vton.W050" not in capsys.readouterr().err
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "sessions" not in name]
    call_command("check", "--tag", "vton")
    output = capsys.readouterr().err
    assert "vton.W050" in output
    assert "django.contrib.sessions.middleware.SessionMiddleware" in output


class CustomMiddleware(SessionMiddleware):
    """A session middleware of the shop with another name."""


@pytest.mark.parametrize(
    "name", ["tests.web.test_sessions.CustomMiddleware", "django.contrib.messages", "no.such.Thing"]
)
def test_a_subclass_of_the_session_middleware_is_accepted_by_the_check(
    settings: Settings, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    settings.MIDDLEWARE = [name, *(it for it in settings.MIDDLEWARE if "sessions" not in it)]
    call_command("check", "--tag", "vton")
    assert ("vton.W050" in capsys.readouterr().err) == (not name.endswith("CustomMiddleware"))
