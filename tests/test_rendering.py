"""`render`: one call from a shop's own code."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from django_vton.exceptions import BudgetExhausted, ProductNotRegistered, Refused
from django_vton.images import ImageRefused
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    HouseModel,
    PauseSwitch,
    PersonPhoto,
    Quota,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.rendering import render
from shop.models import Kind, ProductPhoto

from .tryons import complete_tryon, make_product, product_ref

if TYPE_CHECKING:
    from pathlib import Path

    from shop.models import Product

    from .conftest import PhotoMaker, Vton


def test_a_product_is_rendered_on_a_house_model(shirt: Product, house_model: PersonPhoto) -> None:
    request = render(shirt, HouseModel.objects.get(pk=house_model.pk), num_samples=2)

    assert (request.state, request.product) == (State.QUEUED, product_ref(shirt))
    assert (request.photo_id, request.shopper_id) == (house_model.pk, None)
    assert request.options == {"category": "top", "num_samples": 2}
    assert BudgetPeriod.objects.get(kind="day").held == 150_000
    assert not Quota.objects.exists()


def test_the_result_is_read_from_the_returned_request(shirt: Product, house_model: PersonPhoto) -> None:
    request = render(product_ref(shirt), house_model)
    complete_tryon(TryOnRequest.objects.get())

    request.refresh_from_db()

    assert request.state == State.COMPLETED
    assert len(request.shown_images) == 1


@pytest.mark.parametrize("kind", ["bytes", "file", "path", "text"])
def test_the_photo_may_be_bytes_a_file_or_a_path(
    shirt: Product, phone_photo: PhotoMaker, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "me.jpg"
    path.write_bytes(data := phone_photo())
    photos: dict[str, Any] = {"bytes": data, "file": io.BytesIO(data), "path": path, "text": str(path)}

    request = render(shirt, photos[kind])

    photo = request.photo
    assert photo is not None
    assert (photo.kind, photo.shopper, photo.is_reusable) == (PersonPhoto.Kind.OWN, None, False)
    assert photo.expires_at is not None


def test_an_equal_render_is_not_paid_again(
    shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    for photo in (house_model, phone_photo()):
        assert render(shirt, photo) == render(shirt, photo)
    assert Attempt.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit(
    shirt: Product, house_model: PersonPhoto, enqueued: list[str]
) -> None:
    with transaction.atomic():
        render(shirt, house_model)
        assert enqueued == []
    assert enqueued == ["django_vton.tasks.dispatch"]


def test_a_render_that_the_budget_does_not_cover_is_refused(
    shirt: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.10"))
    with pytest.raises(BudgetExhausted):
        render(shirt, house_model, num_samples=2)
    assert not TryOnRequest.objects.exists()
    assert render(shirt, house_model).state == State.QUEUED


@pytest.mark.parametrize(
    ("code", "changes", "is_paused"),
    [
        ("paused", {}, True),
        ("not_configured", {"PIXAZO_API_KEY": ""}, False),
        ("product_not_enabled", {"ENABLED": False}, False),
    ],
)
def test_nothing_is_stored_while_try_on_is_not_available(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, code: str, changes: dict[str, Any], is_paused: bool
) -> None:
    vton(**changes)
    PauseSwitch.objects.create(is_paused=is_paused)
    with pytest.raises(Refused, match=code):
        render(shirt, phone_photo())
    assert not PersonPhoto.objects.exists()
    assert not TryOnRequest.objects.exists()


def test_products_photos_and_options_that_cannot_be_used_are_refused(
    shirt: Product, glasses: Product, house_model: PersonPhoto
) -> None:
    PersonPhoto.objects.update(suits=["garment"])
    house_model.refresh_from_db()
    hidden = make_product("hidden", Kind.TOP, is_public=False)
    for code, product, photo, options in (
        ("product_unknown", "shop.product:0", house_model, {}),
        ("product_not_enabled", hidden, house_model, {}),
        ("photo_refused", glasses, house_model, {}),
        ("options_invalid", shirt, house_model, {"num_samples": 9}),
        ("options_invalid", shirt, house_model, {"num_images": 1}),
    ):
        with pytest.raises(Refused) as refused:
            render(product, photo, **options)
        assert refused.value.code == code
    with pytest.raises(ImageRefused):
        render(shirt, b"no image")
    with pytest.raises(ProductNotRegistered):
        render(ProductPhoto(pk=1), house_model)
    with pytest.raises(FileNotFoundError):
        render(shirt, "missing.jpg")
    PersonPhoto.objects.update(is_active=False)
    with pytest.raises(Refused, match="photo_gone"):
        render(shirt, house_model)
    assert not TryOnRequest.objects.exists()
