from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton.models import ProductImage
from shop.models import Product
from shop.tryon import ProductTryOn

from . import factories
from .conftest import get_page, post_messages, visible_text

LIST = "admin:vton_productimage_changelist"


def product(name: str) -> Product:
    return Product.objects.create(name=name, slug=name, kind="top", price=10)


def image(ref: str, problem: str = "") -> ProductImage:
    return ProductImage.objects.create(source_digest=f"{ref}{problem}", product=ref, problem=problem)


def test_images_with_a_problem_come_first_with_the_product_title(viewer: Client) -> None:
    scarf = product("scarf")
    image(f"shop.product:{scarf.pk}", "The product picture is too small.")
    image("shop.product:999")

    html = get_page(viewer, LIST)

    text = visible_text(html)
    assert "scarf The product picture is too small." in text
    assert text.index("scarf The") < text.index("shop.product:999")
    assert reverse("admin:shop_product_change", args=[scarf.pk]) in html


@pytest.mark.parametrize(("value", "expected"), [("yes", {"bad"}), ("no", {"good"}), ("", {"bad", "good"})])
def test_images_are_filtered_by_problem(viewer: Client, value: str, expected: set[str]) -> None:
    image("good")
    image("bad", "Too small.")

    found = viewer.get(reverse(LIST), {"problem": value} if value else {}).context["cl"].result_list

    assert {row.product for row in found} == expected


def test_the_number_of_queries_does_not_grow_with_the_images(viewer: Client) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            number = Product.objects.count()
            image(f"shop.product:{product(f'p{number}').pk}")
        with CaptureQueriesContext(connection) as queries:
            get_page(viewer, LIST)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# The mixin checks images after the commit, so these tests need real transactions.


def saved(client: Client, photo: bytes | None, **fields: Any) -> list[str]:
    """Add a product in an admin with the mixin, and return the messages after the first."""
    data = {"name": "Scarf", "slug": "scarf", "kind": "top", "price": "9", "position": "0", **fields}
    if photo is not None:
        data["photo"] = SimpleUploadedFile("scarf.jpg", photo)
    messages = post_messages(client, "second:shop_product_add", data)
    assert Product.objects.filter(name="Scarf").exists()
    assert "was added successfully" in messages[0]
    return messages[1:]


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.admin.urls")
def test_saving_a_product_with_a_small_image_shows_a_warning(superuser: Client) -> None:
    (warning,) = saved(superuser, factories.jpeg(100, 100), is_public="on")

    assert warning.startswith("“Scarf” is saved, but cannot be tried on: The product picture is too small:")


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.admin.urls")
def test_saving_a_product_with_a_good_image_shows_no_warning(superuser: Client) -> None:
    assert saved(superuser, factories.jpeg(), is_public="on") == []
    assert ProductImage.objects.get().file


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.admin.urls")
@pytest.mark.parametrize("fields", [{}, {"is_public": "on", "kind": "accessory"}])
def test_products_that_are_not_enabled_are_not_checked(superuser: Client, fields: dict[str, str]) -> None:
    assert saved(superuser, factories.jpeg(100, 100), **fields) == []
    assert not ProductImage.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.admin.urls")
def test_a_failing_check_does_not_prevent_saving(
    superuser: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Any, _product: Product) -> None:
        raise ConnectionError

    monkeypatch.setattr(ProductTryOn, "get_image", broken)

    assert saved(superuser, factories.jpeg(), is_public="on") == []
    assert "on_commit" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.admin.urls")
def test_enabling_a_product_in_the_list_checks_its_image(superuser: Client) -> None:
    assert saved(superuser, factories.jpeg(100, 100)) == []
    data = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-is_public": "on", "_save": "Save"}
    data["form-0-id"] = str(Product.objects.get().pk)

    messages = post_messages(superuser, "second:shop_product_changelist", data)

    assert any("cannot be tried on" in message for message in messages)
