"""Each kind of data is deleted when it expires."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import privacy
from django_vton.models import (
    PersonPhoto,
    ProductImage,
    TryOnRequest,
)
from django_vton.shoppers import Visitor
from shop.models import Product

from ..intake_helpers import (
    StoredFiles,
    order_tryon,
    run_concurrently,
    user_visitor,
)
from ..tryons import claim_for_submit, complete_tryon

if TYPE_CHECKING:
    from ..conftest import PhotoMaker

from .purging import purged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.django_db(transaction=True)
def test_each_kind_is_deleted_once_when_it_expires(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    now = timezone.now()
    guest = Visitor()
    once = complete_tryon(order_tryon(shirt, guest, phone_photo(shade=1)).request)
    kept = complete_tryon(order_tryon(shirt, guest, phone_photo(shade=2), keep_photo=True).request)
    assert privacy.purge(now) == purged()
    assert privacy.purge(now + HOUR + DAY / 24) == purged(photos=1)
    assert privacy.purge(now + HOUR + DAY / 24) == purged()
    assert PersonPhoto.objects.get() == kept.photo
    assert privacy.purge(now + DAY + HOUR) == purged(photos=1)
    assert files.names("photos") == set()
    assert privacy.purge(now + 8 * DAY) == purged(product_images=1)
    assert files.names("products") == set()
    assert len(files.names("results")) == 4
    assert privacy.purge(now + 31 * DAY) == purged(try_ons=2, guests=1)
    assert files.names() == set()
    for row in (once, kept):
        row.refresh_from_db()
        assert row.erased_at
        assert row.attempts.get().money == "spent"
    assert privacy.purge(now + 42 * DAY) == purged()
    assert privacy.purge(now + 400 * DAY) == purged()


def test_what_a_running_try_on_needs_is_kept(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    row = order_tryon(shirt, Visitor(), phone_photo()).request
    claim_for_submit(row)
    assert privacy.purge(timezone.now() + 400 * DAY) == purged(quotas=1)
    row.refresh_from_db()
    assert row.shopper is not None
    assert row.photo is not None
    assert row.product_image is not None
    assert len(files.names()) == 3


def test_a_published_render_is_kept_while_others_are_deleted(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy.retention, "MAX_ROWS", 1)
    published = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=1)).request)
    published.images.update(published_at=timezone.now())
    plain = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=2)).request)
    later = timezone.now() + 31 * DAY
    assert privacy.purge(later)["try_ons"] == 1
    published.refresh_from_db()
    plain.refresh_from_db()
    assert (published.erased_at is None, plain.erased_at is None) == (True, False)


def test_house_models_never_expire(house_model: PersonPhoto) -> None:
    privacy.purge(timezone.now() + 4000 * DAY)
    assert PersonPhoto.objects.get() == house_model


def test_a_purge_stops_in_time_and_continues_later(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy.retention, "BATCH", 1)
    for shade in range(3):
        complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=shade)).request)
    later = timezone.now() + 2 * HOUR
    assert [privacy.purge(later, seconds=0)["photos"] for _ in range(4)] == [1, 1, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_concurrent_purges_delete_each_row_once(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    for shade in range(3):
        complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=shade)).request)
    later = timezone.now() + 31 * DAY
    counts = run_concurrently(*[lambda: privacy.purge(later)] * 2)
    dicts: list[dict[str, Any]] = [count for count in counts if isinstance(count, dict)]
    assert len(dicts) == 2, counts
    assert sum(count["photos"] for count in dicts) == 3
    assert files.names() == set()
    assert TryOnRequest.objects.exclude(erased_at=None).count() == 3


def test_reusing_a_product_image_extends_its_retention(shirt: Product, phone_photo: PhotoMaker) -> None:
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=1)).request)
    ProductImage.objects.update(used_at=timezone.now() - 8 * DAY)
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=2)).request)
    assert privacy.purge()["product_images"] == 0
