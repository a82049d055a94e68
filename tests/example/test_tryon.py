from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from django_vton.products import DescribedProduct, tryon_for
from shop.models import Kind, Product, ProductPhoto
from tests.example.conftest import ASSETS, MakeProduct


def describe(product: Product) -> DescribedProduct:
    return DescribedProduct(tryon_for(Product), product)


@pytest.mark.parametrize("kind", [Kind.TOP, Kind.BOTTOM, Kind.DRESS, Kind.OUTERWEAR])
def test_a_garment_sets_its_category_and_shoppers_choose_the_number_of_images(
    make_product: MakeProduct, kind: Kind
) -> None:
    garment = describe(make_product(kind=kind))
    assert garment.is_enabled
    assert garment.kind == "garment"
    options = garment.clean_shopper_options({"num_samples": 2})
    assert options["category"] == kind.value
    assert options["num_samples"] == 2


def test_glasses_use_the_engine_for_glasses(make_product: MakeProduct) -> None:
    glasses = describe(make_product("Otto", kind=Kind.EYEWEAR, sizes=""))
    assert glasses.is_enabled
    assert glasses.engine.name == "glass-v1"
    assert "category" not in glasses.clean_shopper_options({})


def test_a_bag_cannot_be_tried_on(make_product: MakeProduct) -> None:
    assert not describe(make_product("Tote", kind=Kind.ACCESSORY)).is_enabled


def test_a_hidden_product_cannot_be_tried_on(make_product: MakeProduct) -> None:
    assert not describe(make_product(is_public=False)).is_enabled


def test_a_published_image_is_stored_and_removed_again(make_product: MakeProduct, media: Path) -> None:
    product = make_product()
    tryon = tryon_for(Product)
    handle = tryon.publish(product, ContentFile((ASSETS / "clara-dress.jpg").read_bytes()))
    photo = ProductPhoto.objects.get(product=product, pk=handle)
    file = media / str(photo.image.name)
    assert file.exists()
    tryon.unpublish(product, handle)
    assert not ProductPhoto.objects.exists()
    assert not file.exists()
