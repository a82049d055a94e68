"""Shoppers' requests: refusals, what is stored, and the wake-up of workers."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.utils import timezone
from PIL import Image

from django_vton import privacy
from django_vton.exceptions import Refused
from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import (
    Consent,
    PauseSwitch,
    PersonPhoto,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.shoppers import Visitor

from ..intake_helpers import (
    StoredFiles,
    get_shopper,
    order_tryon,
    rolled_back,
    user_visitor,
)
from ..tryons import product_ref
from .snapshots import MODELS, database_rows

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


def refuse_shirts(data: bytes, product: Product) -> bool:
    assert Image.open(io.BytesIO(data)).format == "JPEG"
    return product.name != "Shirt"


def raise_connection_error(*_arguments: object) -> bool:
    raise ConnectionError("the moderation service is unreachable")


REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("paused", {"paused": True}),
    ("budget_exhausted", {"vton": {"DAILY_BUDGET": Decimal("0.10")}}),
    ("product_unknown", {"product": "shop.product:0"}),
    ("options_invalid", {"options": {"moderation_level": "permissive"}}),
    ("quota_exceeded", {"vton": {"QUOTA": "0/day"}}),
    ("in_flight_limit", {"vton": {"IN_FLIGHT": 1}}),
    ("consent_required", {"consent": False}),
    ("captcha_required", {"is_human": lambda: False}),
    ("photo_format", {"photo": b"a text"}),
    ("product_not_enabled", {"raise_connection_error image": True}),
]


@pytest.mark.parametrize("first", range(len(REFUSALS)), ids=[code for code, _change in REFUSALS])
def test_the_first_of_several_problems_is_reported_and_nothing_is_stored(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, files: StoredFiles, first: int
) -> None:
    """Each case has its own problem and all later ones."""
    visitor = Visitor()
    request_tryon(
        TryOnOrder(
            product=product_ref(shirt), visitor=visitor, photo=io.BytesIO(phone_photo(shade=1)), consent=True
        )
    )
    privacy.withdraw_consent(get_shopper(visitor))
    order_tryon(shirt, visitor, phone_photo(shade=2))
    Consent.objects.update(withdrawn_at=timezone.now())
    values: dict[str, Any] = {
        "product": product_ref(shirt),
        "visitor": visitor,
        "consent": True,
        "photo": phone_photo(shade=3),
        "addresses": ("ip:1",),
        "keep_photo": True,
    }
    for _code, change in REFUSALS[first:]:
        case = dict(change)
        vton(**case.pop("vton", {}))
        if case.pop("paused", False):
            PauseSwitch.objects.create(is_paused=True)
        if case.pop("raise_connection_error image", False):
            shirt.photo.storage.delete(str(shirt.photo.name))
        values |= case
    before, stored_files = database_rows(), files.names()

    with pytest.raises(Refused) as refused:
        request_tryon(TryOnOrder(**values | {"photo": io.BytesIO(values["photo"])}))

    assert refused.value.code == REFUSALS[first][0]
    assert str(refused.value.detail)
    assert database_rows() == before
    assert files.names() == stored_files


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("photo_required", {"photo": None}),
        ("photo_gone", {"photo": None, "photo_id": "no-uuid"}),
        ("photo_gone", {"photo": None, "photo_id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"}),
        ("photo_refused", {"vton": {"MODERATE": "tests.intake.test_shoppers.refuse_shirts"}}),
        ("unavailable", {"vton": {"MODERATE": "tests.intake.test_shoppers.raise_connection_error"}}),
        ("product_not_enabled", {"vton": {"ENABLED": False}}),
        ("photo_too_small", {"small": True}),
        ("photo_unreadable", {"cut": True}),
        ("budget_exhausted", {"vton": {"MONTHLY_BUDGET": Decimal("0.05")}}),
        ("quota_exceeded", {"vton": {"IP_QUOTA": "0/hour"}}),
    ],
)
def test_nothing_is_stored_of_a_refused_new_guest(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, files: StoredFiles, code: str, values: dict[str, Any]
) -> None:
    changes = dict(values)
    vton(**changes.pop("vton", {}))
    photo = phone_photo(200, 200) if changes.pop("small", False) else phone_photo()
    photo = photo[:2000] if changes.pop("cut", False) else photo
    before, stored_files = database_rows(), files.names()
    fields: dict[str, Any] = {"photo": io.BytesIO(photo), "addresses": ("ip:1",)} | changes
    with pytest.raises(Refused) as refused:
        request_tryon(TryOnOrder(product=product_ref(shirt), visitor=Visitor(), consent=True, **fields))
    assert refused.value.code == code
    assert database_rows() == before == {model.__name__: [] for model in MODELS}
    assert files.names("photos") == files.names("results") == stored_files == set()


@pytest.mark.django_db(transaction=True)
def test_files_of_a_rolled_back_request_are_swept(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    with rolled_back():
        order_tryon(shirt, Visitor(), phone_photo())
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    # After a rollback of an outer transaction, the sweep deletes the files once they are an hour old.
    assert privacy.purge(timezone.now() + timedelta(hours=2))["files"] == 3
    assert files.names() == set()


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit(
    shirt: Product, phone_photo: PhotoMaker, enqueued: list[str]
) -> None:
    with transaction.atomic():
        order_tryon(shirt, Visitor(), phone_photo())
        assert enqueued == []
    assert enqueued == ["django_vton.tasks.dispatch"]


@pytest.mark.django_db(transaction=True)
def test_a_request_is_accepted_although_the_queue_is_unreachable(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(ENQUEUE="tests.fake_queues.unreachable")
    assert order_tryon(shirt, Visitor(), phone_photo()).request.state == State.QUEUED


def test_a_stored_request_has_the_values_of_its_order(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    row = order_tryon(
        shirt, user_visitor(), phone_photo(), options={"num_samples": 2}, addresses=("ip:1",)
    ).request
    assert (row.product, row.main_product, row.engine) == (
        product_ref(shirt),
        product_ref(shirt),
        "fashn-v1.6",
    )
    assert row.options == {"category": "top", "moderation_level": "moderate", "num_samples": 2}
    assert row.attempts.get().amount == 150_000
    assert len(row.quota_ids) == 2
    assert row.photo is not None
    assert (row.photo.width, row.photo.height, row.photo.is_reusable) == (600, 800, False)
    assert len(files.names("photos")) == 2
