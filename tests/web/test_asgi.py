"""ASGI servers send files part by part, without Django's warning about synchronous iterators."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.urls import reverse

from django_vton.gateway.links import create_links
from django_vton.models import TryOnImage
from tests.tryons import claim_for_submit, complete_tryon, create_tryon
from tests.web.files import image_url, photo_url

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

# In all tests, a warning is an error.
pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT_SECONDS = 30


def get(client: Client, url: str, root_path: str = "") -> tuple[int, list[bytes]]:
    """Request a URL from Django's ASGI application. Return the status and the parts of the body."""
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    path, _separator, query = url.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode())],
    }

    async def run() -> list[dict[str, Any]]:
        shop: Any = ApplicationCommunicator(ASGIHandler(), scope)  # type: ignore[no-untyped-call] # no stubs
        await shop.send_input({"type": "http.request"})
        events = [await shop.receive_output(TIMEOUT_SECONDS)]
        while len(events) == 1 or events[-1].get("more_body"):
            events.append(await shop.receive_output(TIMEOUT_SECONDS))
        await shop.wait()
        return events

    start, *parts = asyncio.run(run())
    return int(start["status"]), [part["body"] for part in parts if part.get("body")]


def test_images_and_photos_are_sent(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    [(token, _other)] = create_links([claim_for_submit(row)])
    row.refresh_from_db()
    urls = [photo_url(row), reverse("vton:vendor-file", args=[token])]
    for url in urls:
        status, parts = get(guest, url)
        assert (status, parts[0][:3]) == (200, b"\xff\xd8\xff"), url


def test_a_large_file_is_not_read_into_memory_as_a_whole(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    data = b"x" * 2**20
    with TryOnImage.objects.get().file.open("wb") as file:
        file.write(data)
    status, parts = get(guest, image_url(row))
    assert status == 200
    assert b"".join(parts) == data
    assert max(map(len, parts)) <= len(data) // 8


def test_a_csv_file_is_sent_row_by_row(admin_client: Client) -> None:
    status, parts = get(admin_client, reverse("admin:vton_reports_days"))
    assert status == 200
    assert len(parts) > 1


def test_the_urls_of_a_shop_below_a_path_contain_it(
    guest: Client, shirt: Product, vton: Vton, settings: Settings
) -> None:
    vton(PUBLIC_BASE_URL="https://shop.example/shop")
    # Creates the storages anew, now and after the test, since Django caches their URLs.
    settings.STORAGES = {**settings.STORAGES}
    status, parts = get(guest, f"/shop/products/{shirt.slug}/", root_path="/shop")
    assert status == 200
    assert b'start-url="/shop/try-on/api/start/"' in b"".join(parts)
