"""Followers of a shared render end after it, in batches."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vton import lifecycle, privacy, tasks
from django_vton.models import Quota, TryOnEvent, TryOnImage, TryOnRequest
from django_vton.models.states import State

from ..intake_helpers import rolled_back
from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Callable

    End = Callable[[TryOnRequest], None]

    from django_vton.models import PersonPhoto

    from .harness import Harness
from .shared_renders import (
    EVERY_END,
    complete,
    counting_signals,
    exceed_deadline,
    fail,
    last_events,
    shared,
    states,
)

pytestmark = pytest.mark.usefixtures("small_batches")


@EVERY_END
def test_a_source_ends_with_the_same_statements_for_any_number_of_followers(
    harness: Harness, house_model: PersonPhoto, end: End
) -> None:
    source, rows = shared(harness, house_model, followers_count=2)
    lengths = []
    for more in (0, 12):
        for _ in range(more):
            rows.append(harness.order(photo=None, photo_id=str(house_model.pk), consent=False))
        with rolled_back(), CaptureQueriesContext(connection) as queries:
            end(TryOnRequest.objects.get(pk=source.pk))
        lengths.append([query["sql"].partition(" ")[0] for query in queries])
    assert lengths[0] == lengths[1]


@EVERY_END
def test_the_first_followers_end_at_once_and_the_others_by_the_schedule(
    harness: Harness, house_model: PersonPhoto, end: End
) -> None:
    source, rows = shared(harness, house_model)
    with counting_signals() as counts:
        end(source)
        source.refresh_from_db()
        target = "completed" if source.state == State.COMPLETED else "failed"
        assert states(source) == {"queued": 3, target: 2}
        tasks.wake()
        tasks.wake()
    assert states(source) == {target: 5}
    assert last_events(source) == ["shared" if target == "completed" else "source_ended"] * 5
    ended = source.followers.all()
    assert {row.error_code for row in ended} == {
        "" if target == "completed" else source.error_code or "vendor"
    }
    assert {row.image_count for row in ended} == {source.image_count}
    keys = {row.pk for row in rows}
    assert {pk: counts[pk] for pk in keys} == dict.fromkeys(keys, 1)


def test_a_shared_image_is_kept_as_long_as_its_last_follower(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, rows = shared(harness, house_model)
    latest = timezone.now() + timedelta(days=90)
    TryOnRequest.objects.filter(pk=rows[-1].pk).update(expires_at=latest)
    complete(source)
    tasks.wake()
    assert TryOnRequest.objects.get(pk=source.pk).expires_at == latest


def test_a_reopened_source_reopens_its_followers_in_the_same_statements_for_any_number(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, _rows = shared(harness, house_model, followers_count=9)
    exceed_deadline(source)
    assert states(source) == {"failed": 2, "queued": 7}
    lengths = []
    for _ in range(2):
        with rolled_back(), CaptureQueriesContext(connection) as queries:
            lifecycle.receive_callback(TryOnRequest.objects.get(pk=source.pk).attempts.get(), "")
            assert states(source) == {"queued": 9}
        lengths.append(len(queries))
        tasks.wake()
        assert states(source) == {"failed": 9}
    assert lengths[0] == lengths[1]
    lifecycle.receive_callback(source.attempts.get(), "")
    assert states(source) == {"queued": 9}
    check_books(harness.gateway)
    again = TryOnEvent.objects.filter(request__source=source, name="source_reopened")
    assert Counter(again.values_list("from_state", "to_state", "actor", "attempt")) == {
        ("failed", "queued", None, None): 9
    }
    assert all(event.detail == {} for event in again)
    assert all(timezone.now() - event.at < timedelta(minutes=1) for event in again)
    complete(TryOnRequest.objects.get(pk=source.pk))
    tasks.wake()
    assert states(source) == {"completed": 9}


def test_freed_money_is_refunded_to_the_quota_of_the_shopper_who_ordered(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, rows = shared(harness, house_model, followers_count=4)
    mine = Quota.objects.filter(key=f"shopper:{rows[0].shopper_id}")
    assert mine.get().used == 1
    fail(source)
    assert mine.get().used == 0
    tasks.wake()
    assert TryOnRequest.objects.filter(counted_images__gt=0).count() == 0


def test_an_erased_source_leaves_its_image_to_its_followers(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, rows = shared(harness, house_model)
    with transaction.atomic():
        complete(source)
        connection.run_on_commit.clear()
    privacy.erase_tryon(source)
    [image] = TryOnImage.objects.all()
    tasks.wake()
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.shown_images) == (State.COMPLETED, [image])
    privacy.erase_tryon(rows[0])
    assert TryOnImage.objects.count() == 1


def test_a_failed_and_erased_source_still_ends_its_followers(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, rows = shared(harness, house_model)
    exceed_deadline(source)
    privacy.erase_tryon(source)
    tasks.wake()
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.error_code) == (State.FAILED, "deadline")
