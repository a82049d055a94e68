"""Products of the Oscar shop with images and stock records, as Oscar's dashboard creates them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.sites.models import Site
from django.core.files.images import ImageFile
from django.core.management import call_command
from oscar.core.loading import get_model
from oscar.core.thumbnails import EasyThumbnails, get_thumbnailer

from tests.hosts.marked_results import results
from tests.hosts.running_host import garment

Product: Any = get_model("catalogue", "Product")
ProductClass: Any = get_model("catalogue", "ProductClass")
Partner: Any = get_model("partner", "Partner")
Country: Any = get_model("address", "Country")
Category: Any = get_model("catalogue", "Category")


def create() -> None:
    Site.objects.get_or_create(pk=1, defaults={"domain": "127.0.0.1", "name": "Shop"})
    Country.objects.create(iso_3166_1_a2="DE", printable_name="Germany", is_shipping_country=True)
    User.objects.create_superuser("staff", "staff@shop.example", "staff")
    ProductClass.objects.create(name="Clothes")
    Partner.objects.create(name="Warehouse")

    Category.add_root(name="Clothes", slug="clothes")

    create_product("shirt", "green")
    create_product("bare")
    create_product("secret", "red", is_public=False)
    tee = create_product("tee", "blue", structure=Product.PARENT)
    create_product("tee-blue", parent=tee)
    create_product("tee-red", "red", parent=tee)
    hidden = create_product("coat", "brown", structure=Product.PARENT, is_public=False)
    create_product("coat-m", "brown", parent=hidden)
    call_command("update_index", verbosity=0)


def create_product(slug: str, colour: str = "", *, parent: Any = None, **values: Any) -> Any:
    if parent:
        values |= {"structure": Product.CHILD, "parent": parent}
    else:
        values["product_class"] = ProductClass.objects.get()
    product = Product.objects.create(title=slug.title(), slug=slug, **values)
    if colour:
        product.images.create(original=ImageFile(garment(colour), f"{slug}.jpg"))
    if not product.is_child:
        product.categories.add(Category.objects.get())
    if not product.is_parent:
        stock = {"price_currency": "EUR", "price": "89.00", "num_in_stock": 100}
        product.stockrecords.create(partner=Partner.objects.get(), partner_sku=slug, **stock)
    return product


def print_thumbnails(count: int) -> None:
    """Print the path of each thumbnailer's file of each of some results, and of one image without a mark."""
    product = create_product("results", is_public=False)
    for number, file in enumerate([*results(count), ImageFile(garment("green"), "plain.jpg")]):
        image = product.images.create(original=file, display_order=number)
        for thumbnailer in (get_thumbnailer(), EasyThumbnails()):
            thumbnail = thumbnailer.generate_thumbnail(image.original, size="200x200", crop="center")
            print(thumbnail.storage.path(thumbnail.name))  # noqa: T201 - read by the test
