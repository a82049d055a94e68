"""The shop's own product admin: the action for many products, and the test render of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from django_vton.models import Batch
from shop.models import Product

from ..tryons import make_product, product_ref
from . import factories
from .conftest import Staff, get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from tests.intake_helpers import StoredFiles

LIST, CHANGE = "admin:shop_product_changelist", "admin:shop_product_change"
TEST = "admin:shop_product_vton_test"
ACTION = {"action": "render_on_models"}


@pytest.fixture
def merchant(staff: Staff) -> Client:
    return _with_products(staff("spend"))


def _with_products(client: Client) -> Client:
    user = User.objects.get(username="vera")
    user.user_permissions.add(*Permission.objects.filter(content_type__app_label="shop"))
    return client


def test_the_action_creates_a_draft_of_the_selected_products(merchant: Client) -> None:
    shirt, glasses = make_product("shirt", "top"), make_product("glasses", "eyewear")
    make_product("other", "top")
    response = merchant.post(reverse(LIST), {**ACTION, "_selected_action": [shirt.pk, glasses.pk]})
    batch = Batch.objects.get()
    assert response["Location"] == reverse("admin:vton_batch_change", args=[batch.pk])
    assert sorted(batch.products) == sorted([product_ref(shirt), product_ref(glasses)])
    assert batch.status == Batch.Status.DRAFT
    assert str(batch.created_by) == "vera"
    assert "2 products selected" in visible_text(get_page(merchant, "admin:vton_batch_change", batch.pk))


def test_the_action_includes_products_beyond_the_page(merchant: Client) -> None:
    Product.objects.bulk_create(
        Product(name=f"Scarf {n}", slug=f"scarf-{n}", kind="top", price=9) for n in range(3000)
    )
    one = Product.objects.all()[0]
    merchant.post(reverse(LIST), {**ACTION, "_selected_action": [one.pk], "select_across": "1"})
    assert len(Batch.objects.get().products) == 3000


def test_the_action_and_the_button_need_the_permission_to_spend(staff: Staff, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    client = _with_products(staff())
    shirt, noa = make_product("shirt", "top"), factories.create_house_model()
    assert "render_on_models" not in get_page(client, LIST)
    assert "Test this product" not in get_page(client, CHANGE, shirt.pk)
    client.post(reverse(LIST), {**ACTION, "_selected_action": [shirt.pk]})
    response = client.post(reverse(TEST, args=[shirt.pk]), {"house_model": noa.pk})
    assert response.status_code == 403
    assert not Batch.objects.exists()


def test_the_test_button_shows_its_price_and_starts_one_render(merchant: Client, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    shirt, noa = make_product("shirt", "top"), factories.create_house_model()
    assert "Test this product for 0.075 USD" in visible_text(get_page(merchant, CHANGE, shirt.pk))
    assert merchant.get(reverse(TEST, args=[shirt.pk])).status_code == 405
    assert not Batch.objects.exists()
    response = merchant.post(reverse(TEST, args=[shirt.pk]), {"house_model": noa.pk})
    batch = Batch.objects.get()
    assert (batch.status, batch.products, str(batch)) == ("running", [product_ref(shirt)], "Test: Shirt")
    assert list(batch.house_models.all()) == [noa]
    assert response["Location"] == reverse("admin:vton_batch_change", args=[batch.pk])


def test_the_product_page_shows_the_latest_render(merchant: Client, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    shirt, noa = make_product("shirt", "top"), factories.create_house_model()
    made = factories.create_tryon(None, photo=noa, shared_key="a", product=product_ref(shirt))
    assert "Latest render: queued" in visible_text(get_page(merchant, CHANGE, shirt.pk))
    factories.complete_tryon(made)
    html = get_page(merchant, CHANGE, shirt.pk)
    assert "Latest render: completed" in visible_text(html)
    assert reverse("vton:image", args=[made.images.get().pk]) in html


@pytest.mark.parametrize("chosen", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_test_render_needs_a_valid_house_model(merchant: Client, chosen: str) -> None:
    shirt = make_product("shirt", "top")
    expected = post_messages(merchant, TEST, {"house_model": chosen}, shirt.pk)
    assert expected == ["Choose at least one product and one house model."]
    assert not Batch.objects.exists()


def test_a_product_that_cannot_be_tried_on_has_no_button(merchant: Client) -> None:
    bag = make_product("bag", "accessory")
    assert "Test this product" not in get_page(merchant, CHANGE, bag.pk)
    expected = "This product does not exist any more, or cannot be tried on."
    assert post_messages(merchant, TEST, {}, 999) == [expected]


@pytest.mark.urls("tests.admin.urls")
def test_another_admin_site_links_to_the_batches_on_the_default_site(superuser: Client) -> None:
    shirt = make_product("shirt", "top")
    factories.create_house_model()
    assert "Test this product" in get_page(superuser, "second:shop_product_change", shirt.pk)
    response = superuser.post(
        reverse("second:shop_product_changelist"), {**ACTION, "_selected_action": [shirt.pk]}
    )
    assert response["Location"].startswith("/admin/vton/batch/")
