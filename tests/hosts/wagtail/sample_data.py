"""Pages of the Wagtail site: one with garments, a draft, and an unpublished one."""

from __future__ import annotations

from typing import Any

from django.core.files.images import ImageFile
from wagtail.images import get_image_model
from wagtail.models import Collection, Locale, Page, Site

from tests.hosts.marked_results import results
from tests.hosts.running_host import garment
from tests.hosts.wagtail.looks.models import Garment, LookPage, MarkedImage

Image: Any = get_image_model()


def create() -> None:
    Locale.objects.create(language_code="en")
    Collection.add_root(instance=Collection(name="Root"))
    root: Any = Page.add_root(instance=Page(title="Root", slug="root"))
    home = root.add_child(instance=LookPage(title="Looks", slug="home"))
    Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)

    create_page(home, "summer", {"Shirt": "green", "Scarf": ""})
    create_page(home, "draft", {"Coat": "brown"}, live=False)
    create_page(home, "winter", {"Jacket": "blue"}).unpublish()


def create_page(home: Any, slug: str, colours: dict[str, str], *, live: bool = True) -> Any:
    page = LookPage(title=slug.title(), slug=slug, live=live)
    for name, colour in colours.items():
        item = Garment(name=name)
        if colour:
            item.image = Image.objects.create(title=name, file=ImageFile(garment(colour), f"{name}.jpg"))
        page.garments.add(item)
    home.add_child(instance=page)
    page.save_revision()
    return page


def print_renditions(count: int) -> None:
    """Print the path of each rendition of some results, and of one image without a mark."""
    for number, file in enumerate([*results(count), ImageFile(garment("green"), "plain.jpg")]):
        image: Any = MarkedImage.objects.create(title=str(number), file=file)
        several = image.get_renditions("fill-100x100", "width-200|format-webp", "width-90|format-png")
        for rendition in (image.get_rendition("width-300"), *several.values()):
            print(rendition.file.path)  # noqa: T201 - read by the test
