"""A product for each kind of image that a shop's `get_image` may return."""

from __future__ import annotations

from typing import Any, cast

from django.core.files.images import ImageFile
from easy_thumbnails.files import get_thumbnailer
from sorl.thumbnail import get_thumbnail

from tests.hosts.marked_results import results
from tests.hosts.running_host import garment
from tests.hosts.thumbnails.shop.models import Product
from tests.hosts.thumbnails.shop.tryon import IMAGES

FIELDS = ("photo", "processed", "sorl", "easy", "versatile")


def create() -> None:
    for image in IMAGES:
        files = {name: ImageFile(garment("green"), f"secret-{image}.jpg") for name in FIELDS}
        cast("Any", Product).objects.create(image=image, **files)


def print_thumbnails(count: int) -> None:
    """Print the name and path of each library's thumbnails of results, and of an image without a mark."""
    images = [*results(count), ImageFile(garment("green"), "plain.jpg")]
    for number, image in enumerate(images):
        product = cast("Any", Product).objects.create(image=f"result-{number}", photo=image)
        made = {
            "sorl": get_thumbnail(product.photo, "200x200"),
            "sorl PNG": get_thumbnail(product.photo, "200x200", format="PNG"),
            "sorl WebP": get_thumbnail(product.photo, "200x200", format="WEBP"),
            "easy": get_thumbnailer(product.photo)["card"],
            "imagekit": product.marked,
        }
        product.marked.generate()  # Otherwise it is made when a page shows it.
        for name, thumbnail in made.items():
            plain = " unmarked" if number == count else ""
            print(f"{name}{plain}", thumbnail.storage.path(thumbnail.name), sep="\t")  # noqa: T201 - read by the test
