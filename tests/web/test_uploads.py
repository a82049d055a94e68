"""Request bodies: photos stay in memory and never reach the disk; other bodies are small."""

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
from tests.tryons import TRY_ONS, create_tryon, error_code, post_tryon, product_ref, uploaded_photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

TOO_LONG = uploads.MAX_BODY_BYTES + 1


@pytest.fixture
def temporary_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The temporary files that Django creates for uploads."""
    created: list[str] = []
    create = tempfile.NamedTemporaryFile

    def record(*args: Any, **more: Any) -> Any:
        file = create(*args, **more)
        created.append(file.name)
        return file

    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", record)
    return created


def enlarge(photo: bytes) -> bytes:
    """Make a photo so large that Django would use a temporary file. Bytes after its end are ignored."""
    return photo + bytes(4_000_000)


def is_read(response: Any) -> bool:
    """Whether the request's body was read."""
    return bool(response.wsgi_request._read_started)


def post_form(client: Client, product: Product, **fields: Any) -> Any:
    """Order on the page without JavaScript."""
    path = reverse("vton:try", args=[product_ref(product)])
    return client.post(path, {"consent": "on", "photo_id": ""} | fields)


def test_a_large_photo_is_accepted_without_a_temporary_file(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, temporary_files: list[str]
) -> None:
    assert post_tryon(guest, shirt, enlarge(phone_photo())).status_code == 202
    assert post_form(guest, shirt, photo=uploaded_photo(enlarge(phone_photo(shade=1)))).status_code == 303
    assert not temporary_files


@pytest.mark.parametrize("order", [post_tryon, post_form])
def test_the_first_of_many_photos_is_used_and_none_creates_a_temporary_file(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    temporary_files: list[str],
    order: Callable[..., Any],
) -> None:
    photos = [
        uploaded_photo(enlarge(phone_photo())),
        *(uploaded_photo(enlarge(b"no picture")) for _ in range(20)),
    ]
    response = (
        order(guest, shirt, photo=photos) if order is post_form else post_api(guest, shirt, photo=photos)
    )
    assert response.status_code in {202, 303}, response.content[:500]
    assert len(response.wsgi_request.FILES.getlist("photo")) == 1
    assert not temporary_files


def post_api(client: Client, product: Product, **fields: Any) -> Any:
    return client.post(TRY_ONS, {"product": product_ref(product), "consent": "true"} | fields)


def test_a_photo_after_a_too_large_one_is_not_used(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    photos = [uploaded_photo(bytes(images.MAX_BYTES + 1)), uploaded_photo(phone_photo())]
    assert error_code(post_api(guest, shirt, photo=photos)) == (413, "photo_too_large")


def test_no_view_creates_temporary_files_for_unexpected_uploads(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, temporary_files: list[str]
) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    names = ["tryon", "cancel", "feedback", "result", "photo"]
    paths = [reverse(f"vton:{name}", args=[row.pk]) for name in names]
    paths += [reverse(f"vton:{name}") for name in ("me", "consent", "history", "privacy", "start", "phone")]
    for path in paths:
        for method in ("POST", "PUT", "DELETE"):
            fields = {
                "value": "like",
                "photo": uploaded_photo(bytes(4_000_000)),
                "x": uploaded_photo(bytes(4_000_000)),
            }
            body = encode_multipart(BOUNDARY, fields)
            assert guest.generic(method, path, body, content_type=MULTIPART_CONTENT).status_code < 500
    assert not temporary_files


def test_the_shops_upload_handlers_are_not_used(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings, temporary_files: list[str]
) -> None:
    settings.FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
    assert post_tryon(guest, shirt, phone_photo()).status_code == 202
    assert not temporary_files


def test_a_middleware_may_read_the_form_before_the_view(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    settings.MIDDLEWARE = [f"{__name__}.form_parsing_middleware", *settings.MIDDLEWARE]
    assert post_tryon(guest, shirt, phone_photo()).status_code == 202
    assert post_form(guest, shirt, photo=uploaded_photo(phone_photo(shade=1))).status_code == 303


def form_parsing_middleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
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
    assert error_code(response) == (413, "request_invalid")
    assert not is_read(response)


def test_a_body_longer_than_its_content_length_is_not_read_further(guest: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    settings.MIDDLEWARE = [f"{__name__}.short_content_length_middleware", *settings.MIDDLEWARE]
    body = b'{"product": "' + b"x" * TOO_LONG + b'"}'
    assert error_code(guest.post(TRY_ONS, body, content_type="application/json")) == (413, "request_invalid")


def short_content_length_middleware(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Under ASGI, nothing cuts the body at its Content-Length."""

    def middleware(request: Any) -> Any:
        request.META["CONTENT_LENGTH"] = "20"
        return get_response(request)

    return middleware


def test_a_long_form_is_refused_with_a_page(guest: Client, shirt: Product) -> None:
    path = reverse("vton:try", args=[product_ref(shirt)])
    response = guest.post(path, "a=" + "x" * TOO_LONG, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413
    assert not is_read(response)


def test_an_upload_above_the_limit_is_refused_before_it_is_read(guest: Client, shirt: Product) -> None:
    headers = {"Content-Length": str(uploads.MAX_UPLOAD_BYTES + 1)}
    for path in (TRY_ONS, reverse("vton:try", args=[product_ref(shirt)])):
        response = guest.post(path, {"product": product_ref(shirt)}, headers=headers)
        assert response.status_code == 413
        assert not is_read(response)


def test_json_of_the_maximum_length_is_read(guest: Client, shirt: Product) -> None:
    body = json.dumps({"product": product_ref(shirt)})
    body = body.ljust(uploads.MAX_BODY_BYTES)
    response = guest.post(TRY_ONS, body, content_type="application/json")
    assert error_code(response) == (400, "photo_required")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({f"field{number}": "x" for number in range(2000)}, 400),
        ({"options": "x" * 3_000_000}, 413),
        ({f"file{number}": b"x" for number in range(200)}, 400),
    ],
)
def test_forms_with_many_or_long_parts_are_refused(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, fields: dict[str, Any], status: int
) -> None:
    sent = {
        name: uploaded_photo(value) if isinstance(value, bytes) else value for name, value in fields.items()
    }
    response = post_api(guest, shirt, **sent, photo=uploaded_photo(phone_photo()))
    assert error_code(response) == (status, "request_invalid")
    for value in sent.values():
        if not isinstance(value, str):
            value.seek(0)
    assert post_form(guest, shirt, **sent).status_code in {400, 413}
    assert not PersonPhoto.objects.exists()
    assert not TryOnRequest.objects.exists()
