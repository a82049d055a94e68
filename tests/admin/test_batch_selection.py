"""Select the products of a batch in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton import batches
from django_vton.models import Batch
from shop.models import Product
from shop.tryon import ProductTryOn

from ..tryons import make_product, product_ref
from . import factories
from .batches import ADD, PRODUCTS, outdated, product_refs
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    import pytest
    from django.db.models import QuerySet
    from django.test import Client

    from ..batches.runner import BatchRunner


def test_adding_products_creates_a_draft_that_can_be_changed(merchant: Client) -> None:
    shirt, glasses = make_product("shirt", "top"), make_product("glasses", "eyewear")
    assert product_refs(get_page(merchant, ADD)) == [product_ref(shirt), product_ref(glasses)]
    assert not Batch.objects.exists()

    assert post_messages(merchant, ADD, {"product": [product_ref(shirt)], "do": "add"}) == [
        "1 product was added."
    ]
    batch = Batch.objects.get()
    assert batch.products == [product_ref(shirt)]
    assert str(batch.created_by) == "vera"
    assert "1 product selected" in visible_text(get_page(merchant, PRODUCTS, batch.pk))

    post_messages(merchant, PRODUCTS, {"do": "add_all"}, batch.pk)
    batch.refresh_from_db()
    assert batch.products == [product_ref(shirt), product_ref(glasses)]
    post_messages(merchant, PRODUCTS, {"do": "remove", "product": [product_ref(shirt)]}, batch.pk)
    batch.refresh_from_db()
    assert batch.products == [product_ref(glasses)]
    for nothing in ([], ["shop.product:999"], ["shop.product:x\0"], ["x"], ["auth.user:1"]):
        expected = post_messages(merchant, PRODUCTS, {"do": "add", "product": nothing}, batch.pk)
        assert expected == ["No product was selected."]
    batch.refresh_from_db()
    assert batch.products == [product_ref(glasses)]


def test_products_are_filtered_by_text_kind_model_and_missing_renders(merchant: Client) -> None:
    shirt, glasses = make_product("linen-shirt", "top"), make_product("round-glasses", "eyewear")
    dress = make_product("linen-dress", "dress")
    house = factories.create_house_model()
    factories.create_tryon(None, photo=house, shared_key="a", product=product_ref(dress))

    def found(**query: str) -> list[str]:
        return product_refs(get_page(merchant, ADD, **query))

    assert found(q="LINEN dress") == [product_ref(dress)]
    assert found(q="nothing") == []
    assert found(q="\0") == [product_ref(shirt), product_ref(glasses), product_ref(dress)]
    assert found(kind="eyewear") == [product_ref(glasses)]
    assert '<option value="eyewear" selected>Glasses</option>' in get_page(merchant, ADD, kind="eyewear")
    assert found(missing="1") == [product_ref(shirt), product_ref(glasses)]
    assert found(missing="1", kind="garment") == [product_ref(shirt)]
    assert found(model="shop.product") == [product_ref(shirt), product_ref(glasses), product_ref(dress)]
    assert found(model="shop.other") == []
    assert "1 render exists" in visible_text(get_page(merchant, ADD, q="dress"))


def test_add_all_adds_products_beyond_the_page(merchant: Client) -> None:
    Product.objects.bulk_create(
        Product(name=f"Scarf {n}", slug=f"scarf-{n}", kind="top", price=9, photo="none.jpg")
        for n in range(2500)
    )
    make_product("glasses", "eyewear")
    assert len(product_refs(get_page(merchant, ADD))) == 48

    expected = post_messages(merchant, f"{ADD}", {"do": "add_all"})
    assert expected == ["2501 products were added."]
    response = merchant.post(
        f"{reverse(PRODUCTS, args=[Batch.objects.get().pk])}?kind=eyewear", {"do": "remove_all"}
    )
    assert response.status_code == 302
    assert len(Batch.objects.get().products) == 2500


def test_each_product_shows_its_price_or_why_it_cannot_be_tried_on(merchant: Client) -> None:
    make_product("good", "top")
    make_product("bag", "accessory")
    make_product("hidden", "top", is_public=False)
    html = get_page(merchant, ADD)
    text = visible_text(html)
    assert "Good 0.075 USD per render" in text
    assert "This product has no picture." in text
    assert "The shop has switched off try-on for this product." in text
    assert html.count('loading="lazy"') == 2


def test_the_number_of_queries_does_not_grow_with_the_products(merchant: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            get_page(merchant, ADD, missing="1", kind="garment")
        return len(captured)

    make_product("first", "top")
    few = queries()
    for n in range(12):
        make_product(f"shirt-{n}", "top")
    assert queries() == few


def test_products_cannot_be_added_to_a_running_batch(merchant: Client, runner: BatchRunner) -> None:
    batch = runner.start(1)
    post_messages(merchant, PRODUCTS, {"do": "add_all"}, batch.pk)
    batch.refresh_from_db()
    assert len(batch.products) == 1


def test_products_cannot_be_added_to_a_batch_that_starts_meanwhile(
    merchant: Client, runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    whole = ProductTryOn.get_queryset

    def slow(self: ProductTryOn) -> QuerySet[Product]:
        batches.confirm(draft)
        return whole(self)

    monkeypatch.setattr(ProductTryOn, "get_queryset", slow)
    assert post_messages(merchant, PRODUCTS, {"do": "add_all"}, draft.pk) == [outdated("running")]
    draft.refresh_from_db()
    assert len(draft.products) == draft.product_count == 1
