"""A try-on that its engine refuses goes to the second engine of its product: once, and at its price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import Quota, TryOnRequest, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.storage import private_storage

from ...tryons import claim_for_submit
from ..harness import PAST
from ..second_engine import FIRST, SECOND_PRICE, ByLink, Second
from ..test_charged_errors import attempt_of
from .orders import (
    FREE,
    MOVED,
    SECOND,
    amounts,
    complete,
    held,
    order_refused,
)

if TYPE_CHECKING:
    from ...conftest import Vton
    from ..harness import Harness


@pytest.mark.parametrize(
    ("status", "scenario"),
    [
        (400, {}),
        (400, {"submit_error": "InputValidationError: garment_image is too small"}),
        *((status, {}) for status in (401, 402, 403, 404, 429)),
        (429, {"retry_after": 600}),
        (503, {"retry_after": 600, "submit_error": "maintenance"}),
    ],
)
def test_a_refused_try_on_goes_to_the_second_engine_at_its_price(
    harness: Harness, status: int, scenario: dict[str, Any]
) -> None:
    row = order_refused(harness, status, **scenario)
    if status == 503:
        harness.reload(row, State.UNKNOWN)
        harness.set_times(row, due_at=PAST)
        harness.run_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    if row.state == State.QUEUED:
        assert (row.engine, row.other_engine, row.is_on_fallback) == (SECOND, FIRST, True)
        assert row.due_at is not None
        assert row.due_at <= timezone.now()
        assert (amounts(row), held()) == ([FREE, MOVED], [SECOND_PRICE] * 2)
        assert not VendorLink.objects.exists()
    row = complete(harness, row)
    assert amounts(row) == [FREE, (SECOND, SECOND_PRICE, "spent")]
    assert harness.spent() == harness.charged() == SECOND_PRICE
    assert [entry.engine for entry in harness.gateway.ledger.entries] == [FIRST, "glass-v1"]
    event = row.events.get(name="fallback")
    assert (event.detail, event.attempt) == ({"from": FIRST, "to": SECOND}, attempt_of(row, 2))
    assert Quota.objects.get().used == 1


def test_a_500_waits_for_its_callback_and_then_falls_back(harness: Harness) -> None:
    row = order_refused(harness, 500)
    harness.reload(row, State.UNKNOWN)
    harness.set_times(row, due_at=PAST)
    harness.run_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, amounts(row)[0]) == (SECOND, FREE)
    complete(harness, row)


def test_a_try_on_that_could_not_be_sent_falls_back(harness: Harness) -> None:
    row = harness.order()
    harness.gateway.stop()
    harness.run_cycle()
    harness.gateway.start()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, amounts(row)) == (SECOND, [FREE, MOVED])
    complete(harness, row)
    assert harness.post_count() == 1


def test_an_error_of_the_worker_is_no_reason(harness: Harness) -> None:
    """For example, its lease has expired before it could send."""
    row = harness.order()
    not_sent = SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="LeaseExpired")
    lifecycle.mark_refused(claim_for_submit(row), not_sent, retry_at=timezone.now())
    row = harness.reload(row, State.QUEUED)
    assert row.engine == FIRST


def test_a_photo_whose_file_is_gone_is_no_reason(harness: Harness) -> None:
    row = harness.order()
    assert row.photo is not None
    private_storage().delete(str(row.photo.file))
    harness.run_cycle()
    harness.reload(row, State.FAILED, "photo_gone")
    assert harness.post_count() == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [("ContentModerationError: no", "moderated"), ("PoseError: no person in model_image", "no_person")],
)
def test_what_the_photo_shows_is_no_reason(harness: Harness, error: str, code: str) -> None:
    """A moderated photo is not offered to one engine after another."""
    row = order_refused(harness, 400, submit_error=error)
    if code == "no_person":
        VendorLink.objects.update(fetched_at=timezone.now())
    harness.reload(row, State.FAILED, code)
    harness.run_cycle()
    assert harness.post_count() == 1
    assert held() == [0, 0]


@pytest.mark.parametrize(("engine", "can_help"), [(Second, True), (ByLink, False)])
def test_images_that_the_vendor_cannot_load_need_an_engine_that_loads_none(
    harness: Harness, vton: Vton, engine: type[Second], can_help: bool
) -> None:
    vton(ENGINES={SECOND: engine})
    row = order_refused(harness, 400, submit_error="ImageLoadError: garment_image")
    if can_help:
        assert row.engine == SECOND
        complete(harness, row)
    else:
        harness.reload(row, State.FAILED, "images_unreachable")
