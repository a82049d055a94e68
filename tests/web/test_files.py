from __future__ import annotations

import io
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle, privacy
from django_vton.gateway.links import create_links
from django_vton.models import PersonPhoto, TryOnImage, TryOnRequest, VendorLink
from django_vton.utils.tokens import PROOF_HEADER, shop_proof
from tests.provenance import is_marked
from tests.tryons import claim_for_submit, complete_tryon, create_tryon, error_code, post_tryon, read_stream
from tests.web.files import SECURITY_HEADERS, image_url, photo_url, staff_client

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return complete_tryon(create_tryon(guest, shirt, phone_photo()))


def test_content_and_headers_of_images_and_photos(guest: Client, done: TryOnRequest) -> None:
    response = guest.get(image_url(done))
    data = read_stream(response)

    assert Image.open(io.BytesIO(data)).format == "PNG"
    assert (response["Content-Type"], int(response["Content-Length"])) == ("image/png", len(data))
    assert response["Content-Disposition"] == 'inline; filename="try-on.png"'
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]
    assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS

    response = guest.get(image_url(done), {"size": "thumbnail"})
    assert Image.open(io.BytesIO(read_stream(response))).format == "JPEG"
    assert response["Content-Type"] == "image/jpeg"

    response = guest.get(image_url(done), {"download": "1"})
    assert is_marked(read_stream(response), data)
    assert response["Content-Disposition"] == 'attachment; filename="try-on.png"'

    for query in ({}, {"size": "thumbnail"}):
        response = guest.get(photo_url(done), query)
        assert Image.open(io.BytesIO(read_stream(response))).format == "JPEG"
        assert response["Content-Disposition"] == 'inline; filename="photo.jpg"'
        assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_head_and_conditional_requests(guest: Client, stranger: Client, done: TryOnRequest) -> None:
    head = guest.head(image_url(done))
    assert read_stream(head) == b""
    assert (head.status_code, int(head["Content-Length"]) > 0) == (200, True)
    condition = {"If-None-Match": head["ETag"]}
    response = guest.get(image_url(done), headers=condition)
    assert (response.status_code, response.content) == (304, b"")
    assert response["Cache-Control"] == "private, no-cache"
    # The ETag alone gives no access.
    assert stranger.get(image_url(done), headers=condition).status_code == 404
    thumbnail = guest.get(image_url(done), {"size": "thumbnail"}, headers=condition)
    assert read_stream(thumbnail)
    assert guest.post(image_url(done)).status_code == 405


def test_another_shoppers_files_are_not_found(
    stranger: Client, done: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> None:
    create_tryon(stranger, shirt, phone_photo())
    user = Client()
    user.force_login(get_user_model().objects.create_user("ada"))
    for other in (stranger, user, Client()):
        for url in (image_url(done), photo_url(done)):
            response = other.get(url)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")
            assert response["Cache-Control"] == "no-store"


def test_staff_need_a_permission_to_see_shoppers_files(done: TryOnRequest) -> None:
    without, allowed = staff_client("operate"), staff_client("view_shopper_photos", name="mallory")
    for url in (image_url(done), photo_url(done)):
        assert without.get(url).status_code == 404
        assert read_stream(allowed.get(url))
    customer = get_user_model().objects.create_user("carl")
    customer.user_permissions.set(Permission.objects.filter(codename="view_shopper_photos"))
    client = Client()
    client.force_login(customer)
    assert client.get(image_url(done)).status_code == 404


def test_an_inactive_staff_user_has_no_access(
    guest: Client, shirt: Product, house_model: PersonPhoto, settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    post_tryon(guest, shirt, photo_id=str(house_model.pk))
    url = image_url(complete_tryon(TryOnRequest.objects.get(shopper=None)))
    former = staff_client("view_shopper_photos")
    get_user_model().objects.update(is_active=False)
    assert former.get(url).status_code == 404


def test_a_merchants_render_is_visible_to_staff_until_it_is_published(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    post_tryon(guest, shirt, photo_id=str(house_model.pk))
    source = complete_tryon(TryOnRequest.objects.get(shopper=None))
    url = image_url(source)

    assert read_stream(guest.get(url))  # The guest has ordered the same render.
    assert read_stream(staff_client().get(url))
    assert stranger.get(url).status_code == 404

    TryOnImage.objects.update(published_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        response = stranger.get(url)
    assert read_stream(response)
    assert response["Cache-Control"] == "public, max-age=3600"
    assert "Cookie" not in response.get("Vary", "")
    assert len(queries) == 1


def test_active_house_models_are_public(stranger: Client, house_model: PersonPhoto) -> None:
    url = reverse("vton:photo-file", args=[house_model.pk])
    response = stranger.get(url)
    assert read_stream(response)
    assert response["Cache-Control"] == "public, max-age=3600"

    PersonPhoto.objects.update(is_active=False)
    assert stranger.get(url).status_code == 404
    assert read_stream(staff_client().get(url))


def test_a_missing_expired_or_erased_file_is_not_found(guest: Client, done: TryOnRequest) -> None:
    image = done.images.get()
    assert image.file.name
    storages["vton"].delete(image.file.name)
    assert guest.get(image_url(done)).status_code == 404
    TryOnImage.objects.update(file="")
    assert guest.get(image_url(done)).status_code == 404

    photo = photo_url(done)
    PersonPhoto.objects.update(expires_at=timezone.now())
    assert guest.get(photo).status_code == 404
    url = image_url(done)
    privacy.erase_tryon(done)
    assert guest.get(url, {"size": "thumbnail"}).status_code == 404
    assert staff_client("view_shopper_photos").get(url).status_code == 404


# The vendor's links ---------------------------------------------------------------------------------


@pytest.fixture
def links(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> list[str]:
    """The vendor's paths of photo and product image, of a try-on that is being submitted."""
    row = create_tryon(guest, shirt, phone_photo())
    attempt = claim_for_submit(row)
    assert row.photo
    assert row.product_image
    [tokens] = create_links([attempt])
    return [reverse("vton:vendor-file", args=[token]) for token in tokens]


def statuses(paths: list[str]) -> set[int]:
    found = set()
    for path in paths:
        response = Client().get(path)
        if response.streaming:
            read_stream(response)
        found.add(response.status_code)
    return found


def test_the_vendors_links_return_the_input_images(links: list[str], guest: Client) -> None:
    request = TryOnRequest.objects.get()
    assert request.photo
    assert request.product_image
    stored = [request.photo.file, request.product_image.file]
    for path, file in zip(links, stored, strict=True):
        read_stream(guest.get(path))  # Only the first download is recorded.
        with CaptureQueriesContext(connection) as queries:
            response = guest.get(path)
        data = read_stream(response)
        with file.open("rb") as opened:
            assert data == opened.read()
        assert (response["Content-Type"], int(response["Content-Length"])) == ("image/jpeg", len(data))
        assert (response["Cache-Control"], response["X-Robots-Tag"]) == ("no-store", "noindex")
        assert {name: response[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        # No session: a single query, and the response does not depend on cookies.
        assert len(queries) == 1
        assert "Cookie" not in response.get("Vary", "")
        head = guest.head(path)
        assert read_stream(head) == b""
        assert (head.status_code, head["Content-Length"]) == (200, str(len(data)))
        assert guest.post(path).status_code == 405


def recorded() -> list[bool]:
    """Whether the first download of the photo and that of the product image are recorded."""
    times = VendorLink.objects.order_by("pk").values_list("fetched_at", flat=True)
    return [moment is not None for moment in times]


def test_the_first_download_of_each_image_is_recorded(links: list[str], guest: Client) -> None:
    photo, product_image = links
    read_stream(guest.head(photo))
    assert recorded() == [False, False]
    read_stream(guest.get(photo, headers={"Range": "bytes=0-99"}))
    assert recorded() == [True, False]
    first = VendorLink.objects.get(photo__isnull=False).fetched_at
    assert VendorLink.objects.get(photo__isnull=False).fetched_from == "127.0.0.1"
    read_stream(guest.get(photo))
    assert VendorLink.objects.get(photo__isnull=False).fetched_at == first

    image = TryOnRequest.objects.get().product_image
    assert image
    image.file.delete(save=False)
    assert guest.get(product_image).status_code == 404
    assert recorded() == [True, False]


def test_the_address_of_a_download_is_that_before_the_own_proxies(
    links: list[str], guest: Client, vton: Vton
) -> None:
    vton(TRUSTED_PROXIES=1)
    photo, product_image = links
    read_stream(guest.get(photo, headers={"X-Forwarded-For": "203.0.113.9, 2001:db8::7"}))
    read_stream(guest.get(product_image, REMOTE_ADDR=""))  # As behind a Unix socket.
    addresses = VendorLink.objects.order_by("pk").values_list("fetched_from", flat=True)
    assert (list(addresses), recorded()) == (["2001:db8::7", None], [True, True])


READ_ONLY = {
    "sqlite": ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
    "postgresql": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    ),
}


@pytest.mark.django_db(transaction=True)
def test_the_vendor_gets_an_image_whose_download_cannot_be_recorded(
    links: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    begin, end = READ_ONLY[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            assert statuses(links) == {200}
        finally:
            cursor.execute(end)
    assert recorded() == [False, False]
    assert caplog.text.count("A download by the vendor could not be recorded: ") == 2
    assert statuses(links) == {200}
    assert recorded() == [True, True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases lock single rows")
def test_a_locked_database_delays_the_vendor_only_a_little(links: list[str]) -> None:
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        assert statuses(links[:1]) == {200}
        assert time.monotonic() - begun < 5
        other.rollback()
    assert statuses(links) == {200}
    assert recorded() == [True, True]
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (20_000,)


def test_the_vendors_links_expire(links: list[str]) -> None:
    VendorLink.objects.update(expires_at=timezone.now())
    assert statuses(links) == {404}
    VendorLink.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert statuses(links) == {200}


@pytest.mark.parametrize("end", ["cancel", "erase", "unknown", "answered"])
def test_the_vendors_links_end_with_the_render(links: list[str], end: str) -> None:
    row = TryOnRequest.objects.get()
    saved = [VendorLink.objects.get(photo__isnull=False), VendorLink.objects.get(photo__isnull=True)]
    is_active = end in {"unknown", "answered"}
    if end == "cancel":
        lifecycle.cancel(row)
    elif end == "erase":
        privacy.erase_tryon(row)
    elif end == "unknown":
        lifecycle.mark_unknown(lifecycle.current_attempt(row), timeout=timedelta(minutes=1))
    else:
        TryOnRequest.objects.update(state="submitted")
    assert statuses(links) == ({200} if is_active else {404})
    # Even if a link's row still exists after the render.
    for link in saved:
        if not is_active and end == "cancel":
            link.save(force_insert=True)
    assert statuses(links) == ({200} if is_active else {404})


@pytest.mark.parametrize("token", ["x", "0" * 43, "ä", "%00", "a" * 5000])
def test_an_unknown_token_is_not_found(links: list[str], token: str) -> None:
    assert links
    response = Client().get(f"/try-on/files/{token}/")
    assert error_code(response) == (404, "not_found")
    assert response[PROOF_HEADER] == shop_proof(unquote(token))
    assert response["Cache-Control"] == "no-store"
