"""Renders of an earlier product image."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from django_vton import batches, tasks
from django_vton.models import BatchRender, ProductCheck
from shop.models import Kind, Product

from ..tryons import make_product, product_ref

if TYPE_CHECKING:
    from .runner import BatchRunner

PRICE = 300_000


def save_picture(product: Product, data: bytes) -> None:
    """Save the picture, and check it as the worker does each minute."""
    product.photo.save("picture.png", ContentFile(data))
    tasks.check_saved_products()


def png(color: str = "gold", compress_level: int = 6) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 320), color).save(out, "PNG", compress_level=compress_level)
    return out.getvalue()


def outdated_products() -> set[str]:
    return set(BatchRender.objects.filter(is_outdated=True).values_list("product", flat=True))


def test_a_changed_picture_marks_its_renders_and_the_earlier_one_unmarks_them(runner: BatchRunner) -> None:
    (product,) = runner.create_products(1)
    save_picture(product, png())
    runner.run(runner.start([product]))

    save_picture(product, png("navy"))
    assert outdated_products() == {product_ref(product)}
    assert batches.outdated([product_ref(product)], [runner.noa]) == [product_ref(product)]
    assert batches.missing([product_ref(product)], [runner.noa]) == []

    save_picture(product, png())
    assert outdated_products() == set()
    assert batches.outdated([product_ref(product)], [runner.noa]) == []


def test_products_with_the_same_picture_share_a_render_until_one_of_them_changes(runner: BatchRunner) -> None:
    left, right = (make_product(slug, Kind.EYEWEAR) for slug in ("left", "right"))
    refs = [product_ref(left), product_ref(right)]
    runner.run(runner.start([left, right]))
    tasks.check_saved_products()
    assert batches.missing(refs, [runner.noa]) == batches.missing(refs) == []

    save_picture(right, png())

    assert outdated_products() == {product_ref(right)}
    assert batches.outdated(refs, [runner.noa]) == [product_ref(right)]
    preview = batches.preview(batches.draft(refs, [runner.noa]))
    assert (preview.existing, preview.price) == (1, PRICE)


def test_another_file_with_the_same_pixels_is_rendered_again_without_being_paid(runner: BatchRunner) -> None:
    (product,) = runner.create_products(1)
    save_picture(product, png(compress_level=1))
    runner.run(runner.start([product]))
    save_picture(product, png(compress_level=9))
    assert outdated_products() == {product_ref(product)}

    done = runner.run(runner.start([product]))

    assert (done.completed, done.spent) == (1, 0)
    assert batches.outdated([product_ref(product)], [runner.noa]) == []


def test_a_picture_that_cannot_be_read_at_the_moment_marks_nothing(runner: BatchRunner) -> None:
    (product,) = runner.create_products(1)
    save_picture(product, png())
    runner.run(runner.start([product]))

    product.photo.storage.delete(str(product.photo.name))
    product.save()
    tasks.check_saved_products()

    assert ProductCheck.objects.get(product=product_ref(product)).problem
    assert outdated_products() == set()


def test_a_file_that_was_replaced_without_saving_its_product_is_noticed_by_the_render(
    runner: BatchRunner,
) -> None:
    (product,) = runner.create_products(1)
    save_picture(product, png())
    runner.run(runner.start([product]))
    with product.photo.storage.open(str(product.photo.name), "wb") as file:
        file.write(png("navy"))
    tasks.check_saved_products()
    assert outdated_products() == set(), "nothing has read the file yet"

    done = runner.run(runner.start([product]))
    tasks.check_saved_products()

    assert done.spent == PRICE
    marked = BatchRender.objects.order_by("pk").values_list("is_outdated", flat=True)
    assert list(marked) == [True, False]


@pytest.mark.parametrize("is_accepted_again", [False, True])
def test_publishing_all_accepted_renders_leaves_out_outdated_ones(
    runner: BatchRunner, *, is_accepted_again: bool
) -> None:
    (product,) = runner.create_products(1)
    batch = runner.start([product])
    runner.run(batch)
    render = batch.renders.get()
    batches.accept(batch, [render.pk])
    save_picture(product, png())
    if is_accepted_again:
        batches.undo(batch, [render.pk])
        batches.accept(batch, [render.pk])

    assert batches.publish_accepted(batch).published == 0
    assert batches.publish(render) == "", "a single one may be published on purpose"
