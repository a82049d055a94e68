"""What a body may be: a photo in memory and never on a disk, few small fields, and short JSON."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse

from django_vton import images
from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.web import uploads
from tests.doors import TRY_ONS, ask, asked, code, ref, upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

TOO_LONG = uploads.MAX_BODY + 1


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The temporary files that Django has made for uploads."""
    made: list[str] = []
    make = tempfile.NamedTemporaryFile

    def record(*args: Any, **more: Any) -> Any:
        file = make(*args, **more)
        made.append(file.name)
        return file

    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", record)
    return made


def large(photo: bytes) -> bytes:
    """A photo that Django would write into a temporary file: what follows its end is not read."""
    return photo + bytes(4_000_000)


def is_read(response: Any) -> bool:
    """Whether anything of the request's body was read."""
    return bool(response.wsgi_request._read_started)


def form(client: Client, product: Product, **fields: Any) -> Any:
    """The order on the page without JavaScript."""
    path = reverse("vton:try", args=[ref(product)])
    return client.post(path, {"consent": "on", "photo_id": ""} | fields)


def test_a_large_photo_is_accepted_and_never_on_a_disk(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, on_disk: list[str]
) -> None:
    assert ask(guest, shirt, large(phone_photo())).status_code == 202
    assert form(guest, shirt, photo=upload(large(phone_photo(shade=1)))).status_code == 303
    assert not on_disk


@pytest.mark.parametrize("order", [ask, form])
def test_of_many_photos_the_first_is_taken_and_none_is_on_a_disk(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, on_disk: list[str], order: Callable[..., Any]
) -> None:
    photos = [upload(large(phone_photo())), *(upload(large(b"no picture")) for _ in range(20))]
    response = order(guest, shirt, photo=photos) if order is form else post(guest, shirt, photo=photos)
    assert response.status_code in {202, 303}, response.content[:500]
    assert len(response.wsgi_request.FILES.getlist("photo")) == 1
    assert not on_disk


def post(client: Client, product: Product, **fields: Any) -> Any:
    return client.post(TRY_ONS, {"product": ref(product), "consent": "true"} | fields)


def test_a_photo_after_one_that_is_too_large_is_not_taken(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    photos = [upload(bytes(images.MAX_BYTES + 1)), upload(phone_photo())]
    assert code(post(guest, shirt, photo=photos)) == (413, "photo_too_large")


def test_no_address_writes_a_file_that_it_does_not_want(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, on_disk: list[str]
) -> None:
    row = asked(guest, shirt, phone_photo())
    names = ["tryon", "cancel", "feedback", "result", "photo"]
    paths = [reverse(f"vton:{name}", args=[row.pk]) for name in names]
    paths += [reverse(f"vton:{name}") for name in ("me", "consent", "history", "privacy", "start", "phone")]
    for path in paths:
        for method in ("POST", "PUT", "DELETE"):
            fields = {"value": "like", "photo": upload(bytes(4_000_000)), "x": upload(bytes(4_000_000))}
            body = encode_multipart(BOUNDARY, fields)
            assert guest.generic(method, path, body, content_type=MULTIPART_CONTENT).status_code < 500
    assert not on_disk


def test_handlers_of_the_shop_are_not_asked(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings, on_disk: list[str]
) -> None:
    settings.FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
    assert ask(guest, shirt, phone_photo()).status_code == 202
    assert not on_disk


def test_a_shop_that_has_read_the_form_before_is_served_nevertheless(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.reads_the_form", *settings.MIDDLEWARE]
    assert ask(guest, shirt, phone_photo()).status_code == 202
    assert form(guest, shirt, photo=upload(phone_photo(shade=1))).status_code == 303


def reads_the_form(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        assert request.POST is not None
        return get_response(request)

    return middleware


@pytest.mark.parametrize("limit", [2_621_440, None])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_long_body_is_refused_before_it_is_read(
    guest: Client, settings: Settings, kind: str, limit: int | None
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = limit
    response = guest.post(TRY_ONS, b"[" + b"1," * TOO_LONG, content_type=kind)
    assert code(response) == (413, "request_invalid")
    assert not is_read(response)


def test_a_long_body_that_claims_to_be_short_is_read_no_further(guest: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    settings.MIDDLEWARE = [f"{__name__}.says_it_is_short", *settings.MIDDLEWARE]
    body = b'{"product": "' + b"x" * TOO_LONG + b'"}'
    assert code(guest.post(TRY_ONS, body, content_type="application/json")) == (413, "request_invalid")


def says_it_is_short(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As a client may under ASGI, where nothing cuts the body at the length that its header tells."""

    def middleware(request: Any) -> Any:
        request.META["CONTENT_LENGTH"] = "20"
        return get_response(request)

    return middleware


def test_a_long_form_is_a_page_that_says_so(guest: Client, shirt: Product) -> None:
    path = reverse("vton:try", args=[ref(shirt)])
    response = guest.post(path, "a=" + "x" * TOO_LONG, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413
    assert not is_read(response)


def test_what_is_much_larger_than_a_photo_is_not_even_heard(guest: Client, shirt: Product) -> None:
    headers = {"Content-Length": str(uploads.MAX_UPLOAD + 1)}
    for path in (TRY_ONS, reverse("vton:try", args=[ref(shirt)])):
        response = guest.post(path, {"product": ref(shirt)}, headers=headers)
        assert response.status_code == 413
        assert not is_read(response)


def test_json_as_long_as_it_may_be_is_read(guest: Client, shirt: Product) -> None:
    body = json.dumps({"product": ref(shirt)})
    assert code(guest.post(TRY_ONS, body.ljust(uploads.MAX_BODY), content_type="application/json")) == (
        400, "photo_required",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({f"field{number}": "x" for number in range(2000)}, 400),
        ({"options": "x" * 3_000_000}, 413),
        ({f"file{number}": b"x" for number in range(200)}, 400),
    ],
)
def test_many_or_long_parts_are_refused(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, fields: dict[str, Any], status: int
) -> None:
    sent = {name: upload(value) if isinstance(value, bytes) else value for name, value in fields.items()}
    response = post(guest, shirt, **sent, photo=upload(phone_photo()))
    assert code(response) == (status, "request_invalid")
    for value in sent.values():
        if not isinstance(value, str):
            value.seek(0)
    assert form(guest, shirt, **sent).status_code in {400, 413}
    assert not PersonPhoto.objects.exists()
    assert not TryOnRequest.objects.exists()
