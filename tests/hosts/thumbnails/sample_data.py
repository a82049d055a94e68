"""A product for each kind of image that a shop's `get_image` may return."""

from __future__ import annotations

from typing import Any, cast

from django.core.files.images import ImageFile

from tests.hosts.running_host import garment
from tests.hosts.thumbnails.shop.models import Product
from tests.hosts.thumbnails.shop.tryon import IMAGES

FIELDS = ("photo", "processed", "sorl", "easy", "versatile")


def create() -> None:
    for image in IMAGES:
        files = {name: ImageFile(garment("green"), f"secret-{image}.jpg") for name in FIELDS}
        cast("Any", Product).objects.create(image=image, **files)
