"""Attacks on the file views: ranges, conditions, odd paths and queries, path traversal, logs."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from django_vton import privacy
from django_vton.gateway import links
from django_vton.models import PersonPhoto, TryOnImage, TryOnRequest, VendorLink
from django_vton.utils.tokens import hash_token
from tests.tryons import claim_for_submit, complete_tryon, create_tryon, error_code, read_stream
from tests.web.files import image_url, photo_url

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return complete_tryon(create_tryon(guest, shirt, phone_photo()))


@pytest.fixture
def link(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> str:
    """The vendor's path of the photo of a try-on that is being submitted."""
    row = create_tryon(guest, shirt, phone_photo(shade=1))
    attempt = claim_for_submit(row)
    assert row.photo
    assert row.product_image
    [(token, _)] = links.create_links([attempt])
    return reverse("vton:vendor-file", args=[token])


@pytest.mark.parametrize(
    "value",
    [
        "bytes=0-0", "bytes=0-9", "bytes=-5", "bytes=5-", "bytes=0-0,2-3,5-9", "bytes=9-1", "bytes=abc",
        "bytes=999999999999999999999-",
        "bytes=" + ",".join(["0-1"] * 2000), "lines=1-2", "", "bytes", "bytes=--",
    ],
)  # fmt: skip
def test_a_range_request_gets_the_whole_file(
    guest: Client, done: TryOnRequest, link: str, value: str
) -> None:
    for path in (image_url(done), photo_url(done), link):
        whole = read_stream(guest.get(path))
        response = guest.get(path, headers={"Range": value, "If-Range": '"x"'})
        data = read_stream(response)
        assert (response.status_code, data == whole) == (200, True)
        assert (response["Accept-Ranges"], response["Content-Length"]) == ("none", str(len(whole)))
        assert "Content-Range" not in response


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("If-None-Match", "*", 304),
        ("If-None-Match", "W/{etag}", 304),
        ("If-None-Match", '"a", {etag}', 304),
        ("If-None-Match", '"a"', 200),
        ("If-None-Match", "garbage", 200),
        ("If-None-Match", '"' * 5000, 200),
        ("If-None-Match", "", 200),
        ("If-Modified-Since", "Sat, 21 Nov 2099 00:00:00 GMT", 200),
        ("If-Modified-Since", "yesterday", 200),
        ("If-Unmodified-Since", "Sat, 21 Nov 1999 00:00:00 GMT", 412),
        ("If-Match", "{etag}", 200),
        ("If-Match", '"a"', 412),
    ],
)
def test_conditional_requests_need_access_too(
    guest: Client, stranger: Client, done: TryOnRequest, name: str, value: str, status: int
) -> None:
    for path in (image_url(done), photo_url(done)):
        head = guest.head(path)
        assert read_stream(head) == b""
        headers = {name: value.format(etag=head["ETag"])}
        response = guest.get(path, headers=headers)
        body = read_stream(response) if response.streaming else response.content
        assert (response.status_code, bool(body)) == (status, status == 200)
        assert response["Cache-Control"] == "private, no-cache"
        assert error_code(stranger.get(path, headers=headers)) == (404, "not_found")


def test_a_conditional_request_for_an_erased_file_is_not_found(guest: Client, done: TryOnRequest) -> None:
    path = image_url(done)
    TryOnImage.objects.update(file="")
    assert error_code(guest.get(path, headers={"If-None-Match": "*"})) == (404, "not_found")
    privacy.erase_tryon(done)
    assert error_code(guest.get(path, headers={"If-None-Match": "*"})) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    ["size=", "size=full", "size=../../etc/passwd", "size=%00", "size=9999999999", "size[]=thumbnail",
     "size=" + "a" * 5000, "size=thumbnail&size=x", "%ff=%fe", "download=yes", "&" * 200],
)  # fmt: skip
def test_an_odd_query_is_ignored(guest: Client, done: TryOnRequest, query: str) -> None:
    whole = read_stream(guest.get(image_url(done)))
    response = guest.get(f"{image_url(done)}?{query}")
    assert (response.status_code, read_stream(response) == whole) == (200, True)
    assert response["Content-Disposition"] == 'inline; filename="try-on.png"'


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused_alike_for_existing_and_missing_files(
    guest: Client, done: TryOnRequest, link: str, method: str
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = guest.cookies
    existing = [image_url(done), photo_url(done), link]
    missing = [reverse("vton:image", args=[uuid.uuid4()]), reverse("vton:photo-file", args=[uuid.uuid4()])]
    answers = set()
    for path in (*existing, *missing, "/try-on/files/x/"):
        response = strict.generic(method, path)
        answers.add((response.status_code, response["Allow"], response.content))
    assert len(answers) == 1
    assert next(iter(answers))[:2] == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "images/../photos/", "images/%2e%2e/%2e%2e/etc/passwd/", "images/1/", "images/1%20OR%201=1/",
        "images/{upper}/", "images/{bare}/", "photos/{upper}/", "photos/{image}/", "images/{photo}/",
        "files/../images/{image}/", "files/{image}/", "files/vton/photos/", "files/%2e%2e%2f/",
        "files/{name}/",
    ],
)  # fmt: skip
def test_a_manipulated_path_is_not_found(guest: Client, done: TryOnRequest, path: str) -> None:
    image = done.images.get()
    path = path.format(
        upper=str(image.pk).upper(),
        bare=image.pk.hex,
        image=image.pk,
        photo=done.photo_id,
        name=image.file.name,
    )
    assert guest.get(f"/try-on/{path}").status_code == 404


def test_neither_the_hash_nor_a_changed_token_opens_a_file(guest: Client, link: str) -> None:
    token = link.rstrip("/").rpartition("/")[2]
    for guess in (hash_token(token), token[:-1], token + "=", token.swapcase(), token + "%20"):
        assert error_code(guest.get(f"/try-on/files/{guess}/")) == (404, "not_found")
    assert VendorLink.objects.filter(token_hash=hash_token(token)).exists()


@pytest.mark.parametrize("nginx_location", ["", "/vton-private/"])
@pytest.mark.parametrize("name", ["../../../../etc/passwd", "/etc/passwd", "vton/../../../etc/passwd"])
def test_a_file_name_outside_of_the_storage_is_not_served(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    settings: Settings,
    tmp_path: Path,
    nginx_location: str,
    name: str,
) -> None:
    options = {"location": tmp_path / "private", "nginx_location": nginx_location}
    backend = {"BACKEND": "django_vton.storage.PrivateFileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "vton": backend}
    done = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    TryOnImage.objects.update(file=name)
    PersonPhoto.objects.update(file=name)
    for path in (image_url(done), photo_url(done)):
        response = guest.get(path)
        assert response.status_code in {404, 503}
        assert "X-Accel-Redirect" not in response


@pytest.mark.usefixtures("unreadable_storage")
def test_no_refusal_logs_a_token(guest: Client, link: str, caplog: pytest.LogCaptureFixture) -> None:
    token = link.rstrip("/").rpartition("/")[2]
    with caplog.at_level(logging.DEBUG):
        assert guest.post(link).status_code == 405
        assert guest.get(link).status_code == 503
        VendorLink.objects.all().delete()
        assert guest.get(link).status_code == 404
    assert caplog.records
    for record in caplog.records:
        assert token not in record.getMessage() + str(vars(record)), record


@pytest.fixture
def unreadable_storage(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage's folder cannot be read."""
    assert link

    def fail(*_args: Any, **_more: Any) -> None:
        raise PermissionError(13, "Permission denied", link)

    for call in ("_open", "exists"):
        monkeypatch.setattr(f"django.core.files.storage.FileSystemStorage.{call}", fail)


@pytest.mark.django_db(transaction=True)
def test_login_required_and_atomic_requests_do_not_affect_the_file_views(
    guest: Client, done: TryOnRequest, link: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    in_transaction = []

    def record(execute: Any, *rest: Any) -> Any:
        in_transaction.append(connection.in_atomic_block)
        return execute(*rest)

    with connection.execute_wrapper(record):
        for path in (image_url(done), photo_url(done), link):
            assert read_stream(guest.get(path))
            if path != link:
                assert Client().get(path).status_code == 404
    assert in_transaction
    assert not any(in_transaction)
