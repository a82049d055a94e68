"""An order whose photo cannot be stored is refused like one during an outage, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.models import ProductImage

from ..remote_storage import SIGNED_URL, use_remote_storage
from ..tryons import create_tryon, error_code, post_tryon
from ..web.pages.actions import post_order
from .snapshots import database_rows

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

    from ..conftest import PhotoMaker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("free_files", [0, 1, 2], ids=["photo", "thumbnail", "product image"])
def test_the_api_answers_503_and_nothing_is_stored(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings, free_files: int
) -> None:
    remote = use_remote_storage(settings)
    remote.free_files = free_files
    before = database_rows()
    response = post_tryon(guest, shirt, phone_photo())
    assert error_code(response) == (503, "unavailable")
    assert response["Retry-After"] == "60"
    assert SIGNED_URL not in response.content.decode()
    assert (remote.files, database_rows()) == ({}, before)

    remote.free_files = 3
    create_tryon(guest, shirt, phone_photo())


def test_the_page_without_javascript_says_so_in_words(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    use_remote_storage(settings).free_files = 0
    response = post_order(guest, shirt, phone_photo())
    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert "available right now" in response.content.decode()


def test_a_missing_product_image_that_cannot_be_stored_again_is_not_forgotten(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, settings: Settings
) -> None:
    remote = use_remote_storage(settings)
    create_tryon(guest, shirt, phone_photo())
    image = ProductImage.objects.get()
    del remote.files[str(image.file)]
    remote.free_files = 2
    assert error_code(post_tryon(guest, shirt, phone_photo(shade=1))) == (503, "unavailable")
    assert len(remote.files) == 2
    assert ProductImage.objects.get().file == image.file
    remote.free_files = 3
    create_tryon(guest, shirt, phone_photo(shade=1))
    assert str(ProductImage.objects.get().file) in remote.files
