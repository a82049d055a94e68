from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

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
from tests.doors import ask, asked, code, content, render, submit

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "none",
}


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return render(asked(guest, shirt, phone_photo()))


def image_url(row: TryOnRequest) -> str:
    return reverse("vton:image", args=[row.images.get().pk])


def photo_url(row: TryOnRequest) -> str:
    return reverse("vton:photo-file", args=[row.photo_id])


def staff(*permissions: str, name: str = "eve") -> Client:
    user = get_user_model().objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


# Pictures and photos --------------------------------------------------------------------------------


def test_bytes_and_headers(guest: Client, done: TryOnRequest) -> None:
    response = guest.get(image_url(done))
    data = content(response)

    assert Image.open(io.BytesIO(data)).format == "PNG"
    assert (response["Content-Type"], int(response["Content-Length"])) == ("image/png", len(data))
    assert response["Content-Disposition"] == 'inline; filename="try-on.png"'
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]
    assert {name: response[name] for name in HEADERS} == HEADERS

    response = guest.get(image_url(done), {"size": "thumbnail"})
    assert Image.open(io.BytesIO(content(response))).format == "JPEG"
    assert response["Content-Type"] == "image/jpeg"

    response = guest.get(image_url(done), {"download": "1"})
    assert content(response) == data
    assert response["Content-Disposition"] == 'attachment; filename="try-on.png"'

    for query in ({}, {"size": "thumbnail"}):
        response = guest.get(photo_url(done), query)
        assert Image.open(io.BytesIO(content(response))).format == "JPEG"
        assert response["Content-Disposition"] == 'inline; filename="photo.jpg"'
        assert {name: response[name] for name in HEADERS} == HEADERS


def test_head_and_304(guest: Client, stranger: Client, done: TryOnRequest) -> None:
    head = guest.head(image_url(done))
    assert content(head) == b""
    assert (head.status_code, int(head["Content-Length"]) > 0) == (200, True)
    known = {"If-None-Match": head["ETag"]}
    response = guest.get(image_url(done), headers=known)
    assert (response.status_code, response.content) == (304, b"")
    assert response["Cache-Control"] == "private, no-cache"
    # Who knows the tag and is not the owner learns nothing.
    assert stranger.get(image_url(done), headers=known).status_code == 404
    small = guest.get(image_url(done), {"size": "thumbnail"}, headers=known)
    assert content(small)
    assert guest.post(image_url(done)).status_code == 405


def test_somebody_elses_are_not_found(
    stranger: Client, done: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> None:
    asked(stranger, shirt, phone_photo())
    user = Client()
    user.force_login(get_user_model().objects.create_user("ada"))
    for other in (stranger, user, Client()):
        for url in (image_url(done), photo_url(done)):
            response = other.get(url)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")
            assert response["Cache-Control"] == "no-store"


def test_staff_need_the_permission_for_shoppers_pictures(done: TryOnRequest) -> None:
    without, allowed = staff("operate"), staff("view_shopper_photos", name="mallory")
    for url in (image_url(done), photo_url(done)):
        assert without.get(url).status_code == 404
        assert content(allowed.get(url))
    customer = get_user_model().objects.create_user("carl")
    customer.user_permissions.set(Permission.objects.filter(codename="view_shopper_photos"))
    client = Client()
    client.force_login(customer)
    assert client.get(image_url(done)).status_code == 404


def test_who_is_no_longer_on_the_staff_sees_nothing(
    guest: Client, shirt: Product, house_model: PersonPhoto, settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    ask(guest, shirt, photo_id=str(house_model.pk))
    url = image_url(render(TryOnRequest.objects.get(shopper=None)))
    former = staff("view_shopper_photos")
    get_user_model().objects.update(is_active=False)
    assert former.get(url).status_code == 404


def test_a_merchants_render_is_for_staff_until_it_is_published(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    ask(guest, shirt, photo_id=str(house_model.pk))
    source = render(TryOnRequest.objects.get(shopper=None))
    url = image_url(source)

    assert content(guest.get(url))  # Who asked for it shares it.
    assert content(staff().get(url))
    assert stranger.get(url).status_code == 404

    TryOnImage.objects.update(published_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        response = stranger.get(url)
    assert content(response)
    assert response["Cache-Control"] == "public, max-age=3600"
    assert "Cookie" not in response.get("Vary", "")
    assert len(queries) == 1


def test_house_models_are_anyones_while_they_are_active(stranger: Client, house_model: PersonPhoto) -> None:
    url = reverse("vton:photo-file", args=[house_model.pk])
    response = stranger.get(url)
    assert content(response)
    assert response["Cache-Control"] == "public, max-age=3600"

    PersonPhoto.objects.update(is_active=False)
    assert stranger.get(url).status_code == 404
    assert content(staff().get(url))


def test_what_is_gone_is_not_found(guest: Client, done: TryOnRequest) -> None:
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
    privacy.erase(done)
    assert guest.get(url, {"size": "thumbnail"}).status_code == 404
    assert staff("view_shopper_photos").get(url).status_code == 404


# The vendor's links ---------------------------------------------------------------------------------


@pytest.fixture
def links(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> list[str]:
    """Paths of the photo and of the product's picture, of a try-on that is being sent."""
    row = asked(guest, shirt, phone_photo())
    attempt = submit(row)
    assert row.photo
    assert row.product_image
    [tokens] = create_links([attempt])
    return [reverse("vton:vendor-file", args=[token]) for token in tokens]


def statuses(paths: list[str]) -> set[int]:
    found = set()
    for path in paths:
        response = Client().get(path)
        if response.streaming:
            content(response)
        found.add(response.status_code)
    return found


def test_the_vendor_fetches_what_it_was_sent(links: list[str], guest: Client) -> None:
    request = TryOnRequest.objects.get()
    assert request.photo
    assert request.product_image
    stored = [request.photo.file, request.product_image.file]
    for path, file in zip(links, stored, strict=True):
        with CaptureQueriesContext(connection) as queries:
            response = guest.get(path)
        data = content(response)
        with file.open("rb") as opened:
            assert data == opened.read()
        assert (response["Content-Type"], int(response["Content-Length"])) == ("image/jpeg", len(data))
        assert (response["Cache-Control"], response["X-Robots-Tag"]) == ("no-store", "noindex")
        assert {name: response[name] for name in HEADERS} == HEADERS
        # No session: one query, and nothing that hangs on a cookie.
        assert len(queries) == 1
        assert "Cookie" not in response.get("Vary", "")
        head = guest.head(path)
        assert content(head) == b""
        assert (head.status_code, head["Content-Length"]) == (200, str(len(data)))
        assert guest.post(path).status_code == 405


def test_links_expire(links: list[str]) -> None:
    VendorLink.objects.update(expires_at=timezone.now())
    assert statuses(links) == {404}
    VendorLink.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert statuses(links) == {200}


@pytest.mark.parametrize("end", ["cancel", "erase", "unknown", "answered"])
def test_links_die_with_the_render(links: list[str], end: str) -> None:
    row = TryOnRequest.objects.get()
    kept = [VendorLink.objects.get(photo__isnull=False), VendorLink.objects.get(photo__isnull=True)]
    alive = end in {"unknown", "answered"}
    if end == "cancel":
        lifecycle.cancel(row)
    elif end == "erase":
        privacy.erase(row)
    elif end == "unknown":
        lifecycle.submit_unknown(lifecycle.current_attempt(row), grace=timedelta(minutes=1))
    else:
        TryOnRequest.objects.update(state="submitted")
    assert statuses(links) == ({200} if alive else {404})
    # Even where a row of a link outlives its render.
    for link in kept:
        if not alive and end == "cancel":
            link.save(force_insert=True)
    assert statuses(links) == ({200} if alive else {404})


@pytest.mark.parametrize("token", ["x", "0" * 43, "ä", "%00", "a" * 5000])
def test_tokens_cannot_be_guessed(links: list[str], token: str) -> None:
    assert links
    response = Client().get(f"/try-on/files/{token}/")
    assert code(response) == (404, "not_found")
    assert response["Cache-Control"] == "no-store"
