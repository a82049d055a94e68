"""Pages of the Wagtail site: one with garments, a draft, and an unpublished one."""

from __future__ import annotations

from typing import Any

from django.core.files.images import ImageFile
from wagtail.images import get_image_model
from wagtail.models import Collection, Locale, Page, Site

from tests.hosts.running_host import garment
from tests.hosts.wagtail.looks.models import Garment, LookPage

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
