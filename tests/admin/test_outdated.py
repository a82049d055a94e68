"""Outdated renders in the admin: after a change of the product's picture until they are replaced."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from PIL import Image

from django_vton import batches, tasks
from django_vton.models import Batch
from shop.models import Product, ProductPhoto
from shop.tryon import ProductTryOn

from ..tryons import product_ref
from .batches import ADD, CHANGE, REVIEW, product_refs, start_batch
from .conftest import LIST, Staff, action_data, get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from ..batches.runner import BatchRunner

NOTE = "outdated: the product's picture has changed"


def change_picture(product: Product) -> None:
    """Save another picture of the product, and check it as the worker does each minute."""
    out = io.BytesIO()
    picture = Image.new("RGB", (320, 320), "white")
    picture.paste("navy", (40, 110, 280, 210))  # Something to wear: else the photo would come back unchanged.
    picture.save(out, "PNG")
    product.photo.save("changed.png", ContentFile(out.getvalue()))
    tasks.check_saved_products()


def publish(batch: Batch) -> None:
    batches.accept(batch, batch.renders.values_list("pk", flat=True))
    batches.publish_accepted(batch)


def listed(client: Client, picture: str) -> list[str]:
    response = client.get(reverse(LIST), {"picture": picture})
    return [tryon.product for tryon in response.context["cl"].result_list]


@pytest.fixture
def batch(runner: BatchRunner) -> Batch:
    """Renders of two products, which are published."""
    batch = runner.start(2)
    runner.run(batch)
    tasks.check_products()
    publish(batch)
    return batch


@pytest.fixture
def changed(batch: Batch) -> Product:
    """The first product of the batch, with another picture than the render's."""
    product = Product.objects.get(pk=batch.products[0].partition(":")[2])
    change_picture(product)
    return product


def test_an_outdated_render_is_marked_on_every_page(
    superuser: Client, batch: Batch, changed: Product
) -> None:
    ref = product_ref(changed)
    assert listed(superuser, "outdated") == listed(superuser, "published") == [ref]
    assert visible_text(get_page(superuser, LIST)).count(NOTE) == 1
    review = get_page(superuser, REVIEW, batch.pk, show="outdated")
    assert review.count('class="vton-card') == 1
    assert NOTE in visible_text(review)
    assert "Outdated 1" in visible_text(review)
    assert "1 outdated" in visible_text(get_page(superuser, CHANGE, batch.pk))
    assert "1 render shows an earlier picture of this product" in visible_text(
        get_page(superuser, "admin:shop_product_change", changed.pk)
    )
    assert product_refs(get_page(superuser, ADD, outdated="1")) == [ref]
    assert ref in product_refs(get_page(superuser, ADD, outdated="1", missing="1"))
    assert "1 render is outdated" in visible_text(get_page(superuser, ADD))


def test_it_is_listed_until_it_is_rendered_again_and_removed_from_the_shop(
    merchant: Client, runner: BatchRunner, batch: Batch, changed: Product
) -> None:
    render = batch.renders.get(product=product_ref(changed))
    assert render.request is not None
    data = action_data("render_again", *(row.request for row in batch.renders.all() if row.request))
    response = merchant.post(reverse(LIST), data)
    draft = Batch.objects.get(status="draft")
    assert response["Location"] == reverse(CHANGE, args=[draft.pk])
    assert (draft.products, list(draft.house_models.all())) == ([product_ref(changed)], [runner.noa])
    assert start_batch(merchant, draft) == ["Started, for at most 0.30 USD."]
    assert runner.run(draft).spent == 300_000
    publish(draft)
    assert listed(merchant, "outdated") == [product_ref(changed)], "it is still in the shop"

    messages = post_messages(merchant, LIST, action_data("remove_outdated", render.request))

    assert messages == ["1 render was removed from the shop."]
    assert ProductPhoto.objects.filter(product=changed).count() == 1
    assert ProductPhoto.objects.count() == 2
    assert listed(merchant, "outdated") == []


def test_a_render_that_is_not_outdated_is_neither_rendered_again_nor_removed(
    merchant: Client, batch: Batch
) -> None:
    requests = [row.request for row in batch.renders.all() if row.request]
    again = post_messages(merchant, LIST, action_data("render_again", *requests))
    assert again == ["None of the selected try-ons is outdated."]
    removed = post_messages(merchant, LIST, action_data("remove_outdated", *requests))
    assert removed == ["0 renders were removed from the shop."]
    assert ProductPhoto.objects.count() == 2
    assert Batch.objects.count() == 1


def test_a_render_that_the_shop_cannot_remove_stays_listed(
    merchant: Client, batch: Batch, changed: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_args: object) -> None:
        raise ValueError("the gallery is locked")

    monkeypatch.setattr(ProductTryOn, "unpublish", locked)
    request = batch.renders.get(product=product_ref(changed)).request
    assert request is not None
    messages = post_messages(merchant, LIST, action_data("remove_outdated", request))
    assert messages[1] == "1 render could not be removed. The reason is shown with it in its batch."
    assert listed(merchant, "published") == [product_ref(changed)]


@pytest.mark.parametrize(
    ("permissions", "actions"),
    [
        ([], set()),
        (["operate"], set()),
        (["spend", "operate"], {"render_again"}),
        (["change_batch"], {"remove_outdated"}),
    ],
)
def test_each_action_needs_its_permission(
    staff: Staff, batch: Batch, changed: Product, permissions: list[str], actions: set[str]
) -> None:
    client = staff(*permissions)
    html = get_page(client, LIST)
    both = ("render_again", "remove_outdated")
    assert {name for name in both if f'<option value="{name}"' in html} == actions
    request = batch.renders.get(product=product_ref(changed)).request
    assert request is not None
    for name in both:
        client.post(reverse(LIST), action_data(name, request))
    assert Batch.objects.filter(status="draft").exists() == ("render_again" in actions)
    assert (ProductPhoto.objects.count() == 1) == ("remove_outdated" in actions)
