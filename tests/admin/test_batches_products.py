"""From a shop's own product admin: the action on many, the test of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from django_vton.models import Batch
from shop.models import Product

from ..doors import make_product, ref
from . import rows
from .conftest import Staff, page, text, told

if TYPE_CHECKING:
    from django.test import Client

    from tests.people import Files

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


def test_the_action_makes_a_draft_of_what_is_ticked(merchant: Client) -> None:
    shirt, glasses = make_product("shirt", "top"), make_product("glasses", "eyewear")
    make_product("other", "top")
    response = merchant.post(reverse(LIST), {**ACTION, "_selected_action": [shirt.pk, glasses.pk]})
    batch = Batch.objects.get()
    assert response["Location"] == reverse("admin:vton_batch_change", args=[batch.pk])
    assert sorted(batch.products) == sorted([ref(shirt), ref(glasses)])
    assert batch.status == Batch.Status.DRAFT
    assert str(batch.created_by) == "vera"
    assert "2 products chosen" in text(page(merchant, "admin:vton_batch_change", batch.pk))


def test_the_action_takes_thousands_beyond_the_page(merchant: Client) -> None:
    Product.objects.bulk_create(
        Product(name=f"Scarf {n}", slug=f"scarf-{n}", kind="top", price=9) for n in range(3000)
    )
    one = Product.objects.all()[0]
    merchant.post(reverse(LIST), {**ACTION, "_selected_action": [one.pk], "select_across": "1"})
    assert len(Batch.objects.get().products) == 3000


def test_who_may_not_spend_has_neither(staff: Staff, files: Files) -> None:  # noqa: ARG001 - photos are stored
    client = _with_products(staff())
    shirt, noa = make_product("shirt", "top"), rows.house_model()
    assert "render_on_models" not in page(client, LIST)
    assert "Test this product" not in page(client, CHANGE, shirt.pk)
    client.post(reverse(LIST), {**ACTION, "_selected_action": [shirt.pk]})
    answer = client.post(reverse(TEST, args=[shirt.pk]), {"house_model": noa.pk})
    assert answer.status_code == 403
    assert not Batch.objects.exists()


def test_one_product_is_tested_for_the_price_on_the_button(merchant: Client, files: Files) -> None:  # noqa: ARG001 - as above
    shirt, noa = make_product("shirt", "top"), rows.house_model()
    assert "Test this product for 0.075 USD" in text(page(merchant, CHANGE, shirt.pk))
    assert merchant.get(reverse(TEST, args=[shirt.pk])).status_code == 405
    assert not Batch.objects.exists()
    response = merchant.post(reverse(TEST, args=[shirt.pk]), {"house_model": noa.pk})
    batch = Batch.objects.get()
    assert (batch.status, batch.products, str(batch)) == ("running", [ref(shirt)], "Test: Shirt")
    assert list(batch.house_models.all()) == [noa]
    assert response["Location"] == reverse("admin:vton_batch_change", args=[batch.pk])


def test_its_newest_render_is_shown(merchant: Client, files: Files) -> None:  # noqa: ARG001 - as above
    shirt, noa = make_product("shirt", "top"), rows.house_model()
    made = rows.tryon(None, photo=noa, shared_key="a", product=ref(shirt))
    assert "Newest render: queued" in text(page(merchant, CHANGE, shirt.pk))
    rows.complete(made)
    html = page(merchant, CHANGE, shirt.pk)
    assert "Newest render: completed" in text(html)
    assert reverse("vton:image", args=[made.images.get().pk]) in html


@pytest.mark.parametrize("chosen", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_without_a_house_model_nothing_is_tested(merchant: Client, chosen: str) -> None:
    shirt = make_product("shirt", "top")
    words = told(merchant, TEST, {"house_model": chosen}, shirt.pk)
    assert words == ["Choose at least one product and one house model."]
    assert not Batch.objects.exists()


def test_what_cannot_be_tried_on_has_no_button(merchant: Client) -> None:
    bag = make_product("bag", "accessory")
    assert "Test this product" not in page(merchant, CHANGE, bag.pk)
    assert merchant.post(reverse(TEST, args=[999])).status_code == 404


@pytest.mark.urls("tests.admin.urls")
def test_another_admin_site_leads_to_the_batches_of_djangos_own(boss: Client) -> None:
    shirt = make_product("shirt", "top")
    rows.house_model()
    assert "Test this product" in page(boss, "desk:shop_product_change", shirt.pk)
    response = boss.post(reverse("desk:shop_product_changelist"), {**ACTION, "_selected_action": [shirt.pk]})
    assert response["Location"].startswith("/admin/vton/batch/")
