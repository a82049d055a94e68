"""Repeated requests and photos: nothing is stored or paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton.exceptions import Refused
from django_vton.models import (
    Consent,
    PauseSwitch,
    PersonPhoto,
    Quota,
    TryOnRequest,
)
from django_vton.shoppers import Visitor

from ..intake_helpers import (
    StoredFiles,
    order_tryon,
    run_concurrently,
    user_visitor,
)
from .snapshots import database_rows

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import PhotoMaker


def test_the_same_key_and_body_return_the_same_request(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    ada = user_visitor()
    first = order_tryon(shirt, ada, phone_photo(), idempotency_key="k")
    before, stored_files = database_rows(), files.names()
    again = order_tryon(shirt, ada, phone_photo(), idempotency_key="k")
    assert (again.request, again.is_ready) == (first.request, first.is_ready)
    assert database_rows() == before
    assert files.names() == stored_files


@pytest.mark.parametrize(
    "other",
    [
        {"photo": 2},
        {"options": {"num_samples": 2}},
        {"keep_photo": True},
        {"consent": False},
        {"product": "shop.product:0"},
        {"photo_id": "x"},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(
    shirt: Product, phone_photo: PhotoMaker, other: dict[str, Any]
) -> None:
    ada = user_visitor()
    order_tryon(shirt, ada, phone_photo(shade=1), idempotency_key="k")
    photo = phone_photo(shade=other.pop("photo", 1))
    with pytest.raises(Refused, match="idempotency_conflict") as refused:
        order_tryon(shirt, ada, photo, idempotency_key="k", **other)
    assert refused.value.status == 409


def test_two_shoppers_may_use_the_same_key(shirt: Product, phone_photo: PhotoMaker) -> None:
    order_tryon(shirt, user_visitor("ada"), phone_photo(shade=1), idempotency_key="k")
    order_tryon(shirt, user_visitor("bob"), phone_photo(shade=2), idempotency_key="k")
    assert TryOnRequest.objects.count() == 2


def test_a_repeated_request_is_answered_while_try_on_is_paused(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    first = order_tryon(shirt, user_visitor(), phone_photo(), idempotency_key="k").request
    PauseSwitch.objects.create(is_paused=True)
    assert order_tryon(shirt, user_visitor(), phone_photo(), idempotency_key="k").request == first


def test_the_photo_is_read_again_after_computing_the_digest(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = order_tryon(shirt, user_visitor(), phone_photo(), idempotency_key="k").request
    assert row.photo is not None
    assert row.photo.width == 600


@pytest.mark.django_db(transaction=True)
def test_a_double_click_creates_one_request(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    photo = phone_photo()
    user_visitor()
    results = run_concurrently(
        *[lambda: order_tryon(shirt, user_visitor(), photo, idempotency_key="k").request] * 3
    )
    row = TryOnRequest.objects.get()
    assert results == [row] * 3
    assert row.photo is not None
    assert files.names("photos") == {row.photo.file.name, row.photo.thumbnail.name}
    assert [quota.used for quota in Quota.objects.all()] == [1]
    assert Consent.objects.count() == 1


def test_a_photo_sent_twice_is_stored_once(
    shirt: Product, glasses: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    ada = user_visitor()
    first = order_tryon(shirt, ada, phone_photo(), keep_photo=True).request
    second = order_tryon(glasses, ada, phone_photo()).request
    assert first.photo_id == second.photo_id
    assert len(files.names("photos")) == 2
    photo = PersonPhoto.objects.get()
    assert photo.is_reusable
    # The same photo of another shopper is stored separately.
    order_tryon(glasses, user_visitor("bob"), phone_photo())
    assert PersonPhoto.objects.count() == 2


def test_a_stored_photo_is_usable_by_its_owner_until_it_expires(
    shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    ada, bob = user_visitor("ada"), user_visitor("bob")
    photo = order_tryon(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    second = order_tryon(glasses, ada, photo_id=str(photo.pk), consent=False, keep_photo=True).request
    assert second.photo == photo
    assert PersonPhoto.objects.get().is_reusable
    with pytest.raises(Refused, match="photo_gone"):
        order_tryon(glasses, bob, photo_id=str(photo.pk))
    with pytest.raises(Refused, match="photo_gone"):
        order_tryon(glasses, Visitor(), photo_id=str(photo.pk))
    PersonPhoto.objects.update(expires_at=timezone.now())
    with pytest.raises(Refused, match="photo_gone"):
        order_tryon(glasses, ada, photo_id=str(photo.pk))
