"""A row is no proof of its file: both files are checked before the paid submit, for both ways of sending."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile

from django_vton import health
from django_vton.batches.summary import summarize
from django_vton.house_models import add
from django_vton.models import ProductImage, TryOnRequest
from django_vton.models.states import State
from django_vton.storage import private_storage

from ..batches.runner import BatchRunner
from ..intake_helpers import StoredFiles
from ..lifecycle.harness import Harness
from ..remote_storage import use_remote_storage
from ..tryons import TRY_ONS, create_tryon, error_code, post_tryon

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.models.fields.files import FieldFile
    from django.test import Client
    from pytest_django import Settings

    from ..conftest import PhotoMaker


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["harness", "garment_harness"], ids=["base64", "links"])
def shop(request: pytest.FixtureRequest) -> Harness:
    """Both ways in which an engine gets the images."""
    harness: Harness = request.getfixturevalue(request.param)
    return harness


def delete(stored: FieldFile) -> None:
    assert stored.name
    private_storage().delete(stored.name)


def read(guest: Client, row: TryOnRequest) -> dict[str, Any]:
    body: dict[str, Any] = guest.get(f"{TRY_ONS}{row.pk}/").json()
    return body


def found_causes() -> set[str]:
    return {fact.cause for fact in health.find_incidents()}


def test_a_missing_photo_ends_the_try_on_free_of_charge(
    shop: Harness, guest: Client, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shop.product, phone_photo(), keep_photo="true")
    assert row.photo
    delete(row.photo.file)
    shop.run_cycle()

    shop.reload(row, State.FAILED, "photo_gone")
    assert (shop.post_count(), shop.charged(), shop.spent()) == (0, 0, 0)
    body = read(guest, row)
    error = body["error"]
    assert (error["code"], error["retryable"], body["counted"]) == ("photo_gone", False, False)
    assert "add it again" in error["message"]
    assert found_causes() == {"missing_files"}
    assert str(row.photo.file) in health.notice("missing_files").text

    again = post_tryon(guest, shop.product, photo_id=str(row.photo_id))
    assert error_code(again) == (400, "photo_gone")
    row = create_tryon(guest, shop.product, phone_photo())
    shop.run_cycle()
    shop.reload(row, State.SUBMITTED)


def test_a_missing_product_image_is_prepared_again(
    shop: Harness, guest: Client, phone_photo: PhotoMaker, tmp_path: Path
) -> None:
    files = StoredFiles(tmp_path / "media-private")
    rows = [create_tryon(guest, shop.product, phone_photo(shade=shade)) for shade in range(2)]
    missing = ProductImage.objects.get().file
    delete(missing)
    shop.run_cycle()

    shop.reload(rows[1], State.SUBMITTED)
    shop.poll_when_finished(rows[0], times=2)
    shop.run_cycle()
    shop.reload(rows[0], State.COMPLETED)
    assert shop.post_count() == 2
    stored = str(ProductImage.objects.get().file)
    assert files.names("products") == {stored} != {missing.name}
    assert found_causes() == {"missing_files"}


def test_an_order_stores_a_missing_product_image_again(
    harness: Harness, guest: Client, phone_photo: PhotoMaker
) -> None:
    create_tryon(guest, harness.product, phone_photo())
    delete(ProductImage.objects.get().file)
    create_tryon(guest, harness.product, phone_photo(shade=1))
    image = ProductImage.objects.get()
    assert private_storage().exists(str(image.file))


@pytest.mark.parametrize("change", ["deleted", "replaced", "without a file"])
def test_a_product_image_that_cannot_be_prepared_again_ends_the_try_on_free_of_charge(
    harness: Harness, guest: Client, phone_photo: PhotoMaker, change: str
) -> None:
    row, product = create_tryon(guest, harness.product, phone_photo()), harness.product
    delete(ProductImage.objects.get().file)
    if change == "deleted":
        product.delete()
    elif change == "replaced":
        product.photo.save("new.jpg", ContentFile(phone_photo(shade=2)))
    else:
        product.photo.storage.delete(str(product.photo))
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "product_image_gone")
    assert (harness.post_count(), harness.money_states(row)) == (0, ["free"])
    assert found_causes() == {"missing_files"}


def test_a_storage_that_cannot_be_reached_is_tried_again(
    shop: Harness, guest: Client, phone_photo: PhotoMaker, settings: Settings
) -> None:
    remote = use_remote_storage(settings)
    row = create_tryon(guest, shop.product, phone_photo())
    remote.is_unreachable = True
    for _ in range(2):
        shop.run_cycle()
        row = shop.reload(row, State.QUEUED)
        shop.make_due(row)
    assert row.attempts.values_list("error", flat=True)[0] == "the private storage failed: ConnectionError"
    assert (shop.post_count(), shop.money_states(row)) == (0, ["free", "free", "held"])
    assert found_causes() == set()

    remote.is_unreachable = False
    shop.run_cycle()
    shop.reload(row, State.SUBMITTED)


def test_a_batch_says_that_the_photo_of_its_house_model_is_missing(
    harness: Harness, phone_photo: PhotoMaker
) -> None:
    noa = add(name="Noa", file=io.BytesIO(phone_photo()))
    runner = BatchRunner(harness, noa)
    batch = runner.start(1)
    delete(noa.file)
    progress = runner.run(batch)
    assert (progress.failed, progress.spent, harness.post_count()) == (1, 0, 0)
    (reason,) = summarize(batch).failures
    assert (reason.code, reason.number) == ("photo_gone", 1)
    assert "file missing" in reason.text
    noa.refresh_from_db()
    assert noa.expires_at is None


def test_a_batch_waits_while_product_images_cannot_be_stored(
    harness: Harness, phone_photo: PhotoMaker, settings: Settings
) -> None:
    remote = use_remote_storage(settings)
    runner = BatchRunner(harness, add(name="Noa", file=io.BytesIO(phone_photo())))
    batch = runner.start(1)
    remote.is_unreachable = True
    runner.feed()
    assert runner.check(batch).waiting_for == "unavailable"
    remote.is_unreachable = False
    runner.make_due(batch)
    assert runner.run(batch).completed == 1
