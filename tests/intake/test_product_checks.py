"""Products whose image cannot be used are found before a shopper finds out."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.template import Context, Template
from django.utils import timezone

from django_vton import tasks
from django_vton.intake import product_checks, product_images
from django_vton.models import ProductCheck, ProductImage
from shop.models import Kind, Product
from shop.tryon import ProductTryOn
from tests.tryons import make_product, product_ref

from .test_product_images import make_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def with_photo(product: Product, data: bytes) -> Product:
    product.photo.save("photo.jpg", ContentFile(data))
    return product


def has_button(product: Product) -> bool:
    template = Template("{% load vton %}{% tryon product %}")
    return "<vton-try-on" in template.render(Context({"product": Product.objects.get(pk=product.pk)}))


def problems() -> dict[str, str]:
    return dict(ProductCheck.objects.exclude(problem="").values_list("product", "problem"))


def test_a_product_with_a_small_image_loses_its_button_within_a_minute(shirt: Product) -> None:
    small = with_photo(make_product("tiny", Kind.TOP), make_image(size=(120, 150)))
    assert has_button(small)

    tasks.wake()

    assert not has_button(small)
    assert has_button(shirt)
    assert "120 × 150" in problems()[product_ref(small)]  # noqa: RUF001 - the sign between two lengths


def test_a_better_image_brings_the_button_back(shirt: Product) -> None:
    with_photo(shirt, make_image(size=(120, 150)))
    tasks.wake()
    assert not has_button(shirt)

    with_photo(shirt, make_image())
    tasks.wake()

    assert has_button(shirt)
    assert problems() == {}


def test_the_hourly_check_finds_products_that_were_not_saved_through_the_orm(shirt: Product) -> None:
    tasks.wake()
    with_photo(make_product("tiny", Kind.TOP), make_image(size=(120, 150)))
    ProductCheck.objects.filter(checked_at=None).delete()

    tasks.check_products()

    assert len(problems()) == 1
    assert has_button(shirt)


def test_an_unchanged_product_is_checked_weekly(shirt: Product) -> None:
    assert product_checks.check_all() == 1
    assert product_checks.check_all() == 0
    ProductCheck.objects.update(checked_at=timezone.now() - timedelta(days=8))
    assert product_checks.check_all() == 1
    assert ProductCheck.objects.get().product == product_ref(shirt)


def test_a_check_continues_where_the_last_one_stopped() -> None:
    made = [make_product(f"shirt-{number}", Kind.TOP) for number in range(3)]
    ProductCheck.objects.all().delete()

    for number in (1, 2, 3):
        assert product_checks.check_all(seconds=0) == 1
        assert ProductCheck.objects.count() == number
    assert product_checks.check_all(seconds=0) == 0
    assert set(ProductCheck.objects.values_list("product", flat=True)) == set(map(product_ref, made))


def test_a_deleted_product_is_forgotten(shirt: Product) -> None:
    tasks.wake()
    Product.objects.filter(pk=shirt.pk).delete()
    tasks.wake()
    assert not ProductCheck.objects.exists()


@pytest.mark.usefixtures("shirt")
def test_a_product_that_was_deleted_without_signals_is_forgotten_in_a_week() -> None:
    tasks.wake()
    Product.objects.all()._raw_delete("default")
    tasks.check_products()
    assert ProductCheck.objects.exists()

    ProductCheck.objects.update(checked_at=timezone.now() - timedelta(days=8))
    tasks.check_products()
    assert not ProductCheck.objects.exists()


def test_a_product_that_the_shops_new_code_excludes_leaves_the_list(
    shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The product itself is not saved, so no signal tells of the change."""
    with_photo(shirt, make_image(size=(120, 150)))
    tasks.wake()
    assert problems()
    monkeypatch.setattr(ProductTryOn, "is_enabled", lambda *_args: False)

    tasks.check_products()

    assert not ProductCheck.objects.exists()


def test_the_doctor_checks_the_listed_products_again(
    shirt: Product, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_photo(shirt, make_image(size=(120, 150)))
    tasks.wake()
    monkeypatch.setattr(ProductTryOn, "get_queryset", lambda *_args: Product.objects.none())

    call_command("vton_doctor", products=True)

    printed = capsys.readouterr().out
    assert product_ref(shirt) not in printed
    assert "no product is known to have an unusable image" in printed
    assert not ProductCheck.objects.exists()


@pytest.mark.usefixtures("shirt")
def test_a_check_stores_no_image() -> None:
    tasks.wake()
    assert ProductCheck.objects.get().problem == ""
    assert not ProductImage.objects.exists()


def test_a_page_makes_no_query_for_its_buttons(
    shirt: Product, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    has_button(shirt)
    product = Product.objects.get(pk=shirt.pk)
    template = Template("{% load vton %}{% for product in products %}{% tryon product %}{% endfor %}")
    with django_assert_num_queries(0):
        template.render(Context({"products": [product] * 20}))


def test_a_shopper_is_refused_in_words_meanwhile(client: Any, shirt: Product) -> None:
    with_photo(shirt, make_image(size=(120, 150)))
    start = client.get("/try-on/api/start/", {"product": product_ref(shirt)}).json()
    assert start["reason"] == "product_not_enabled"


def test_the_doctor_lists_the_problems(shirt: Product, capsys: pytest.CaptureFixture[str]) -> None:
    with_photo(shirt, make_image(size=(120, 150)))
    with pytest.raises(SystemExit):
        call_command("vton_doctor", products=True)
    assert f"FAILED {product_ref(shirt)}: The product picture is too small" in capsys.readouterr().out


@pytest.mark.parametrize("check", [tasks.wake, tasks.check_products])
def test_an_error_in_the_shops_code_affects_its_own_product_only(
    check: Callable[[], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = [make_product(f"shirt-{number}", Kind.TOP) for number in range(3)]
    small = with_photo(make_product("tiny", Kind.TOP), make_image(size=(120, 150)))
    get_image = ProductTryOn.get_image

    def get_image_of_the_others(tryon: ProductTryOn, product: Product) -> Any:
        if product.pk == made[0].pk:
            raise RuntimeError("an error of the shop")
        return get_image(tryon, product)

    monkeypatch.setattr(ProductTryOn, "get_image", get_image_of_the_others)

    check()

    assert f"The image of {product_ref(made[0])} could not be checked." in caplog.messages
    assert set(problems()) == {product_ref(made[0]), product_ref(small)}
    assert "RuntimeError('an error of the shop')" in problems()[product_ref(made[0])]
    assert not has_button(made[0])

    monkeypatch.undo()
    tasks.check_products()
    assert set(problems()) == {product_ref(small)}


def test_a_product_that_is_saved_during_its_check_is_checked_again(
    shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = product_images.check

    def save_meanwhile(described: Any) -> None:
        check(described)
        with_photo(shirt, make_image(size=(120, 150)))

    monkeypatch.setattr(product_images, "check", save_meanwhile)
    tasks.wake()
    assert problems() == {}

    monkeypatch.undo()
    tasks.wake()
    assert set(problems()) == {product_ref(shirt)}


def test_an_image_that_cannot_be_decoded_is_known_after_the_first_try(client: Any, shirt: Product) -> None:
    data = make_image("PNG")
    pixels = data.index(b"IDAT")
    broken = b"IDAT" + bytes(int.from_bytes(data[pixels - 4 : pixels]))
    data = data[:pixels] + broken + zlib.crc32(broken).to_bytes(4) + data[pixels + len(broken) + 4 :]
    with_photo(shirt, data)
    tasks.wake()
    assert problems() == {}

    client.get("/try-on/api/start/", {"product": product_ref(shirt)})
    tasks.wake()

    assert "damaged" in problems()[product_ref(shirt)]
    assert not has_button(shirt)


def test_a_missing_file_is_checked_again_each_hour(shirt: Product) -> None:
    with shirt.photo.open() as photo:
        data = photo.read()
    shirt.photo.storage.delete(str(shirt.photo.name))
    tasks.wake()
    assert "cannot be read" in problems()[product_ref(shirt)]

    shirt.photo.storage.save(str(shirt.photo.name), ContentFile(data))
    tasks.check_products()

    assert problems() == {}


def test_a_failing_storage_stops_neither_the_check_nor_the_worker(shirt: Product, glasses: Product) -> None:
    shirt.photo.storage.delete(str(shirt.photo.name))
    tasks.check_products()
    assert "cannot be read" in problems()[product_ref(shirt)]
    assert product_ref(glasses) not in problems()
    assert product_checks.unusable_products() == {product_ref(shirt)}
