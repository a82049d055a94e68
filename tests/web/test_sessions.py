"""Sessions: never on an answer for everybody, and never missed after something was stored."""

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
from tests.doors import TOKEN, ask, asked, code, content, ref, render, start, submit, upload
from tests.web.test_files import image_url, photo_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker
    from tests.people import Files

pytestmark = pytest.mark.django_db

NEED_SESSIONS = ("sessions", "auth", "messages", "cart")


@pytest.fixture
def visitor(settings: Settings) -> Client:
    """A browser with a session of the shop's, which the shop saves with each answer."""
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = Client()
    session = client.session
    session["cart"] = [1]
    session.save()
    assert "sessionid" in client.get("/").cookies
    return client


def read(response: Any) -> Any:
    """The answer, read to its end, which closes its file."""
    if response.streaming:
        content(response)
    return response


@pytest.fixture
def public(guest: Client, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto) -> list[str]:
    """Paths that answer the same to everybody."""
    published = render(asked(guest, shirt, phone_photo()))
    TryOnImage.objects.update(published_at=timezone.now())
    sent = asked(guest, shirt, phone_photo(shade=1))
    [(token, _)] = links.create_links([submit(sent)])
    picture, person = image_url(published), reverse("vton:photo-file", args=[house_model.pk])
    return [
        f"{reverse('vton:dialog')}?product={ref(shirt)}&lang=en",
        f"{reverse('vton:dialog')}?product={ref(shirt)}",
        f"{reverse('vton:dialog')}?product=shop.product:0&lang=en",
        picture, f"{picture}?size=thumbnail", f"{picture}?download=1",
        person, f"{person}?size=thumbnail",
        reverse("vton:vendor-file", args=[token]),
        reverse("vton:vendor-file", args=["guessed"]),
    ]  # fmt: skip


def test_no_public_answer_carries_a_session(visitor: Client, public: list[str]) -> None:
    Session.objects.update(expire_date=timezone.now())
    saved = Session.objects.get(pk=visitor.cookies["sessionid"].value).expire_date
    for path in public:
        # The language comes from the request then, perhaps from its cookie.
        varies = path.startswith(reverse("vton:dialog")) and "lang=" not in path
        for send, headers in ((visitor.get, {}), (visitor.head, {}), (visitor.get, {"If-None-Match": "*"})):
            response = read(send(path, headers=headers))
            assert not response.cookies, path
            assert ("Cookie" in response.get("Vary", "")) == varies, path
    assert Session.objects.get(pk=visitor.cookies["sessionid"].value).expire_date == saved


def test_no_callback_carries_one(
    visitor: Client, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    submit(asked(guest, shirt, phone_photo()))
    for token in (TOKEN, "guessed"):
        response = visitor.post(reverse("vton:callback", args=[token]), {}, content_type="application/json")
        assert response.status_code == (200 if token == TOKEN else 404)
        assert not response.cookies


def test_a_private_answer_does(visitor: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    """So the tests above see what they look for."""
    row = render(asked(visitor, shirt, phone_photo()))
    for path in (image_url(row), photo_url(row)):
        assert "sessionid" in read(visitor.get(path)).cookies


@pytest.mark.parametrize("is_first", [True, False])
def test_a_middleware_of_the_shop_still_has_the_session(
    visitor: Client, public: list[str], settings: Settings, is_first: bool
) -> None:
    own, others = [f"{__name__}.uses_the_cart"], settings.MIDDLEWARE
    settings.MIDDLEWARE = [*own, *others] if is_first else [*others, *own]
    browser = Client()  # The other has the middleware that was there when it was made.
    browser.cookies = visitor.cookies
    for path in public:
        assert read(browser.get(path))["X-Cart"] == "[1] True 1"


def uses_the_cart(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        session = request.session
        session["gone"] = session["seen"] = 1
        del session["gone"]
        response["X-Cart"] = f"{session['cart']} {'cart' in session} {session.get('seen')}"
        return response

    return middleware


def test_the_session_outlives_public_answers(visitor: Client, public: list[str]) -> None:
    for path in public:
        read(visitor.get(path))
    assert visitor.session["cart"] == [1]


@pytest.fixture
def without_sessions(settings: Settings) -> None:
    def left(names: list[str]) -> list[str]:
        return [name for name in names if not any(word in name for word in NEED_SESSIONS)]

    settings.MIDDLEWARE = left(settings.MIDDLEWARE)
    [engine] = settings.TEMPLATES
    options = {"context_processors": left(engine["OPTIONS"]["context_processors"])}
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], **options}}]


@pytest.mark.usefixtures("without_sessions")
def test_without_sessions_nothing_is_stored_of_a_guest(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, files: Files
) -> None:
    body = {"consent": "on", "photo_id": "", "photo": upload(phone_photo())}
    page = reverse("vton:try", args=[ref(shirt)])
    assert code(ask(guest, shirt, phone_photo())) == (503, "not_configured")
    assert code(guest.post(reverse("vton:phone"), {"product": ref(shirt)})) == (503, "not_configured")
    assert guest.post(page, body).status_code == 503
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert not Shopper.objects.exists()
    assert not files.names()


@pytest.mark.usefixtures("without_sessions")
def test_without_sessions_nobody_is_asked_for_a_photo(guest: Client, shirt: Product) -> None:
    response = start(guest, shirt)
    assert response.status_code == 200
    assert (response.json()["enabled"], response.json()["reason"]) == (False, "not_configured")
    assert guest.get(reverse("vton:try", args=[ref(shirt)])).status_code == 503


def test_a_check_names_the_missing_middleware(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", "--tag", "vton")
    assert "vton.W050" not in capsys.readouterr().err
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "sessions" not in name]
    call_command("check", "--tag", "vton")
    said = capsys.readouterr().err
    assert "vton.W050" in said
    assert "django.contrib.sessions.middleware.SessionMiddleware" in said


class Own(SessionMiddleware):
    """A shop's own, under a name that does not tell."""


@pytest.mark.parametrize("name", ["tests.web.test_sessions.Own", "django.contrib.messages", "no.such.Thing"])
def test_a_shops_own_sessions_are_left_to_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    settings.MIDDLEWARE = [name, *(it for it in settings.MIDDLEWARE if "sessions" not in it)]
    call_command("check", "--tag", "vton")
    assert ("vton.W050" in capsys.readouterr().err) == (not name.endswith("Own"))
