from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet
from django.template import Context, Template
from django.urls import reverse

from django_vton import products
from django_vton.exceptions import ProductNotRegistered, Refused
from django_vton.products import TryOn, describe, find, find_enabled, reference, register
from shop.models import Kind, Product, ProductPhoto

from .catalogue.models import Coat, Gown, Hat, Showpiece
from .tryons import make_product, product_ref

if TYPE_CHECKING:
    from django.core.files import File
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

RegisterTryOn = Callable[[type[Model], type[TryOn]], None]


class ImageTryOn(TryOn):
    def get_image(self, product: Any) -> File[bytes]:
        return ContentFile(b"picture", name="picture.jpg")


class ThumbnailWithoutSource:
    """A file that is created when its truth is tested, as those of django-imagekit."""

    name, storage = "thumbnail.jpg", default_storage

    def __bool__(self) -> bool:
        raise FileNotFoundError


@pytest.fixture
def register_tryon(monkeypatch: pytest.MonkeyPatch) -> RegisterTryOn:
    """Registers for this test alone, over what the shop has register_tryon."""
    monkeypatch.setattr(products, "_registry", dict(products._registry))

    def change(model: type[Model], tryon: type[TryOn]) -> None:
        products._registry.pop(model, None)
        register(model)(tryon)

    return change


def test_describe_makes_no_query(shirt: Product, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        described = describe(shirt)
        assert described is not None
        assert (described.ref, described.kind, described.title) == (product_ref(shirt), "garment", "Shirt")
        assert described.url.endswith("/shirt/")


@pytest.mark.django_db
def test_describe_returns_none_for_products_that_cannot_be_tried_on() -> None:
    assert describe(make_product("hidden", Kind.TOP, is_public=False)) is None
    assert describe(make_product("bag", Kind.ACCESSORY)) is None
    assert describe(Product(name="Unsaved", photo="a.jpg")) is None
    assert describe(Product(pk=7, name="No picture")) is None


def test_a_button_does_not_create_a_thumbnail_and_does_not_fail_without_it(
    guest: Client, shirt: Product, register_tryon: RegisterTryOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_tryon(Product, ImageTryOn)
    monkeypatch.setattr(ImageTryOn, "get_image", lambda *_: ThumbnailWithoutSource())
    button = Template("{% load vton %}{% tryon product %}").render(Context({"product": shirt}))
    assert "vton-try-on" in button
    assert guest.get(reverse("vton:try", args=[product_ref(shirt)])).status_code == 404


def test_an_unregistered_model_raises_only_in_debug(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert describe(ProductPhoto(pk=1)) is None
    assert "unregistered" in caplog.text
    settings.DEBUG = True
    with pytest.raises(ProductNotRegistered, match=r"shop\.ProductPhoto"):
        describe(ProductPhoto(pk=1))


@pytest.mark.parametrize(
    "wrong",
    [
        *("", ":", "shop", "shop.product", "shop.product:", ":42", "shop.product:042", "shop.product: 42"),
        *("shop.Product:42", "SHOP.product:42", "shop.product:٤٢", "shop.product:4_2", "shop.product:42.0"),
        *(
            "shop.product:-1",
            "shop.product:99999999999999999999999999",
            "shop.product:None",
            "shop.product:x",
        ),
        *("shop.product:42\x00", "shop.product:\ud800", "a.b.c:42", "auth.user:1", "shop.productphoto:1"),
        *("shop.product:42:42", "shop.product:42 ", "shop.product:1e1", "no.model:42", "shop.product:[42]"),
    ],
)
@pytest.mark.django_db
def test_an_invalid_reference_is_an_unknown_product(wrong: str) -> None:
    Product.objects.create(pk=42, name="Shirt", slug="s", kind=Kind.TOP, price=1)
    assert find("shop.product:42").product.pk == 42
    with pytest.raises(Refused) as refused:
        find(wrong)
    assert (refused.value.code, refused.value.status) == ("product_unknown", 404)


@pytest.mark.django_db
def test_a_uuid_key_has_one_spelling(register_tryon: RegisterTryOn) -> None:
    register_tryon(Gown, ImageTryOn)
    gown = Gown.objects.create(name="Gown")
    assert find(f"catalogue.gown:{gown.pk}").ref == reference(gown)
    for other in (
        gown.pk.hex,
        str(gown.pk).upper(),
        f"{{{gown.pk}}}",
        f"urn:uuid:{gown.pk}",
        uuid.uuid4(),
        "x",
    ):
        if str(other) != str(gown.pk):
            with pytest.raises(Refused, match="product_unknown"):
                find(f"catalogue.gown:{other}")


@pytest.mark.parametrize("key", ["AbC", "a:b", "Größe 42", "a/b", " x"])
@pytest.mark.django_db
def test_text_keys_are_used_unchanged(register_tryon: RegisterTryOn, key: str) -> None:
    register_tryon(Hat, ImageTryOn)
    hat = Hat.objects.create(code=key, name="Hat")
    assert find(reference(hat)).product == hat
    with pytest.raises(Refused, match="product_unknown"):
        find("catalogue.hat:zero\x00")


def test_a_proxy_has_the_reference_of_its_model(shirt: Product) -> None:
    described = describe(Showpiece.objects.get(pk=shirt.pk))
    assert described is not None
    assert described.ref == product_ref(shirt)
    with pytest.raises(Refused, match="product_unknown"):
        find(f"catalogue.showpiece:{shirt.pk}")


@pytest.mark.usefixtures("shirt")
def test_an_unregistered_child_has_the_reference_of_its_parent(register_tryon: RegisterTryOn) -> None:
    Coat.objects.create(name="First", slug="first", kind=Kind.OUTERWEAR, price=1, photo="a.jpg")
    coat = Coat.objects.create(name="Coat", slug="coat", kind=Kind.OUTERWEAR, price=1, photo="a.jpg")
    assert coat.pk != coat.product_id
    described = describe(coat)
    assert described is not None
    assert described.ref == f"shop.product:{coat.product_id}"
    assert find(described.ref).title == "Coat"

    register_tryon(Coat, ImageTryOn)
    assert reference(coat) == f"catalogue.coat:{coat.pk}"
    assert find(reference(coat)).product == coat
    assert reference(coat.product) == f"shop.product:{coat.product_id}"


def test_find_uses_the_shops_queryset_even_with_duplicates(
    shirt: Product, register_tryon: RegisterTryOn
) -> None:
    class FilteringTryOn(ImageTryOn):
        def get_queryset(self) -> QuerySet[Any]:
            return Product.objects.filter(is_public=True, more_photos__isnull=False)

    register_tryon(Product, FilteringTryOn)
    with pytest.raises(Refused, match="product_unknown"):
        find(product_ref(shirt))
    ProductPhoto.objects.create(product=shirt, image="a.jpg")
    ProductPhoto.objects.create(product=shirt, image="b.jpg")
    assert find(product_ref(shirt)).product == shirt


@pytest.mark.django_db
def test_find_enabled_refuses_disabled_products() -> None:
    hidden = make_product("hidden", Kind.TOP, is_public=False)
    assert find(product_ref(hidden)).product == hidden
    with pytest.raises(Refused, match="product_not_enabled"):
        find_enabled(product_ref(hidden))


def test_main_ref_is_the_reference_of_the_parent(shirt: Product, register_tryon: RegisterTryOn) -> None:
    class Variant(ImageTryOn):
        def get_main(self, product: Any) -> Any:
            return product.product

    register_tryon(ProductPhoto, Variant)
    variant = ProductPhoto.objects.create(product=shirt, image="a.jpg")
    assert find(reference(variant)).main_ref == product_ref(shirt)
    assert products.DescribedProduct(TryOn(Product), shirt).main_ref == product_ref(shirt)


@pytest.mark.parametrize(
    ("requested", "field"),
    [
        ({"num_samples": 9}, "options.num_samples"),
        ({"num_samples": "2"}, "options.num_samples"),
        ({"mode": "fast"}, "options.mode"),
        ({"moderation_level": "permissive"}, "options.moderation_level"),
        ({"x" * 500: 1}, "options." + "x" * 50),
    ],
)
def test_shoppers_may_set_only_the_shopper_options(
    shirt: Product, register_tryon: RegisterTryOn, requested: Mapping[str, Any], field: str
) -> None:
    class ConfigurableTryOn(ImageTryOn):
        shopper_options = ("num_samples", "moderation_level")

    register_tryon(Product, ConfigurableTryOn)
    described = find(product_ref(shirt))
    assert described.clean_shopper_options({"num_samples": 2})["num_samples"] == 2
    with pytest.raises(Refused, match="options_invalid") as refused:
        described.clean_shopper_options(requested)
    assert refused.value.field == field


def test_an_invalid_option_of_the_shop_is_logged_and_disables_the_product(
    shirt: Product, register_tryon: RegisterTryOn, caplog: pytest.LogCaptureFixture
) -> None:
    class InvalidTryOn(ImageTryOn):
        def get_options(self, product: Any) -> Mapping[str, Any]:
            return {"category": "hat"}

    register_tryon(Product, InvalidTryOn)
    with pytest.raises(Refused, match="product_not_enabled"):
        find(product_ref(shirt)).clean_shopper_options({})
    assert product_ref(shirt) in caplog.text
