from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from django_vton.models import ProductImage
from shop.models import Product
from shop.tryon import ProductTryOn

from . import factories
from .conftest import post_messages

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
