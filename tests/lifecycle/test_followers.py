"""Followers of a shared render end after it, in batches, also if a process crashes in between."""

from __future__ import annotations

import io
import itertools
import threading
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle, privacy, signals, tasks
from django_vton.lifecycle import followers
from django_vton.lifecycle.bulk_update import RowsChanged
from django_vton.management.commands import vton_worker
from django_vton.models import Quota, TryOnEvent, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import VendorResponse, VendorStatus
from django_vton.worker import result_images

from ..intake_helpers import rolled_back, run_before_statement, run_concurrently
from ..tryons import claim_for_submit
from .invariants import check_books
from .test_cancels import order_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    End = Callable[[TryOnRequest], None]

    from django_vton.models import PersonPhoto

    from .harness import Harness


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "FIRST_BATCH", 2)
    monkeypatch.setattr(followers, "BATCH", 2)


@contextmanager
def counting_signals() -> Iterator[Counter[Any]]:
    """How many signals are sent about the end of each try-on."""
    counts: Counter[Any] = Counter()

    def count(*, try_on: TryOnRequest, **_arguments: Any) -> None:
        counts[try_on.pk] += 1

    for signal in (signals.tryon_completed, signals.tryon_failed):
        signal.connect(count)
    try:
        yield counts
    finally:
        for signal in (signals.tryon_completed, signals.tryon_failed):
            signal.disconnect(count)


def shared(
    harness: Harness, model: PersonPhoto, followers_count: int = 5
) -> tuple[TryOnRequest, list[TryOnRequest]]:
    """A render that the vendor has accepted, and its followers."""
    source, rows = order_shared(harness, model, followers_count)
    attempt = claim_for_submit(source, token=f"token of {source.pk}")
    lifecycle.receive_callback(attempt, f"id-{source.pk}")
    return TryOnRequest.objects.get(pk=source.pk), rows


def render(source: TryOnRequest) -> None:
    """The vendor has finished, and the image is downloaded next."""
    attempt = source.attempts.get()
    vendor_id = attempt.vendor_id or ""
    answer = VendorResponse(
        vendor_id=vendor_id, status=VendorStatus.COMPLETED, raw_status="COMPLETED", images=("http://x/1",)
    )
    assert lifecycle.mark_rendered([(attempt, answer, None)])


def images(source: TryOnRequest) -> list[TryOnImage]:
    out = io.BytesIO()
    Image.new("RGB", (40, 50)).save(out, "PNG")
    return result_images.store(source, [result_images.decode(out.getvalue())])


def complete(source: TryOnRequest) -> None:
    render(source)
    assert lifecycle.mark_completed([(source, images(source))])


def exceed_deadline(source: TryOnRequest) -> None:
    lifecycle.fail_at_deadline(source.attempts.get())


def fail(source: TryOnRequest) -> None:
    attempt = source.attempts.get()
    answer = VendorResponse(
        vendor_id=attempt.vendor_id or "", status=VendorStatus.ERROR, raw_status="ERROR", error_code="vendor"
    )
    assert lifecycle.mark_render_failed(attempt, answer, is_charged=False)


def give_up(source: TryOnRequest) -> None:
    lifecycle.give_up(source, "vendor", "download_failed")


def cancel(source: TryOnRequest) -> None:
    assert lifecycle.cancel(source)


ENDS = [complete, exceed_deadline, fail, give_up, cancel]
EVERY_END = pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])


def states(source: TryOnRequest) -> Counter[str]:
    return Counter(source.followers.values_list("state", flat=True))


def last_events(source: TryOnRequest) -> list[str]:
    """Of all followers, except the first event of each."""
    rows = TryOnEvent.objects.filter(request__source=source).exclude(name="accepted")
    return sorted(rows.values_list("name", flat=True))


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


class Failed(OperationalError):  # noqa: N818 - it says what happened
    """The database is gone."""


@contextmanager
def failing_at(at: int, *, after: bool) -> Iterator[list[str]]:
    """The statement of this number fails, before or after it is executed. Yield all statements."""
    statements: list[str] = []

    def execute_or_fail(execute: Any, sql: str, *rest: Any) -> Any:
        if not sql.startswith(("SELECT", "INSERT", "UPDATE")):
            return execute(sql, *rest)
        statements.append(sql)
        if len(statements) == at and not after:
            raise Failed
        answer = execute(sql, *rest)
        if len(statements) == at:
            raise Failed
        return answer

    with connection.execute_wrapper(execute_or_fail):
        yield statements


@pytest.mark.parametrize("end", [complete, exceed_deadline], ids=["completed", "failed"])
def test_a_batch_that_fails_at_any_statement_is_finished_once_by_the_next(
    harness: Harness, house_model: PersonPhoto, end: End
) -> None:
    source, rows = shared(harness, house_model, followers_count=2)
    with transaction.atomic():
        end(source)
        connection.run_on_commit.clear()  # The process dies right after the commit.
    target = TryOnRequest.objects.get(pk=source.pk).state
    with failing_at(0, after=False) as statements, rolled_back():
        assert followers._finish_batch(source.pk, 2) == 2
    assert len(statements) >= 4
    for at, after in itertools.product(range(1, len(statements) + 1), (False, True)):
        with counting_signals() as counts, failing_at(at, after=after), pytest.raises(Failed):
            followers._finish_batch(source.pk, 2)
        assert states(source) == {"queued": 2}, (at, after)
        assert last_events(source) == []
        assert not counts
    with counting_signals() as counts:
        tasks.wake()
        tasks.wake()
    assert states(source) == {target: 2}
    assert len(last_events(source)) == 2
    assert counts == dict.fromkeys([row.pk for row in rows], 1)


def test_a_worker_that_cron_starts_finishes_followers(harness: Harness, house_model: PersonPhoto) -> None:
    source, _rows = shared(harness, house_model)
    complete(source)
    call_command("vton_worker", "--once", stdout=io.StringIO())
    assert states(source) == {"completed": 5}


def test_a_worker_without_a_queue_finishes_followers(harness: Harness, house_model: PersonPhoto) -> None:
    source, _rows = shared(harness, house_model)
    complete(source)
    stop = threading.Event()
    stop.set()
    vton_worker.run_periodic_tasks(stop)
    assert states(source) == {"completed": 5}


@EVERY_END
def test_a_source_ends_even_if_its_first_batch_of_followers_fails(
    harness: Harness, house_model: PersonPhoto, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> int:
        raise Failed

    source, _rows = shared(harness, house_model)
    with monkeypatch.context() as patch:
        patch.setattr(followers, "_finish_batch", fail)
        end(source)
    source.refresh_from_db()
    assert source.finished_at is not None
    assert states(source) == {"queued": 5}
    tasks.wake()
    assert set(states(source)) == {"completed" if source.state == State.COMPLETED else "failed"}


def test_canceled_and_erased_followers_are_not_completed(harness: Harness, house_model: PersonPhoto) -> None:
    source, _rows = shared(harness, house_model, followers_count=4)
    complete(source)
    left, erased = TryOnRequest.objects.filter(source=source, state=State.QUEUED)
    assert lifecycle.cancel(left)
    privacy.erase_tryon(erased)
    tasks.wake()
    assert states(source) == {"completed": 2, "canceled": 1}
    harness.reload(left, State.CANCELED)
    harness.reload(erased, State.CANCELED)


def test_a_batch_with_a_changed_row_is_rolled_back(harness: Harness, house_model: PersonPhoto) -> None:
    source, (first, _second) = shared(harness, house_model, followers_count=2)
    with transaction.atomic():
        complete(source)
        connection.run_on_commit.clear()

    def move() -> None:
        TryOnRequest.objects.filter(pk=first.pk).update(state=State.CANCELED)

    with (
        counting_signals() as counts,
        run_before_statement('UPDATE "vton_tryonrequest" SET "state"', move),
        pytest.raises(RowsChanged),
    ):
        lifecycle.finish_followers()
    assert not counts
    assert last_events(source) == []
    assert lifecycle.finish_followers() == 2


def test_followers_of_a_running_source_are_not_finished(harness: Harness, house_model: PersonPhoto) -> None:
    source, _rows = shared(harness, house_model)
    assert lifecycle.finish_followers() == 0
    with transaction.atomic():
        exceed_deadline(source)
        connection.run_on_commit.clear()
    lifecycle.receive_callback(source.attempts.get(), "")
    assert followers._finish_batch(source.pk, 9) == 0
    assert states(source) == {"queued": 5}
    assert last_events(source) == []


def test_finishing_followers_stops_in_time_and_continues_later(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, _rows = shared(harness, house_model, followers_count=7)
    complete(source)
    assert [lifecycle.finish_followers(seconds=0) for _ in range(4)] == [2, 2, 1, 0]
    assert states(source) == {"completed": 7}


def test_concurrent_schedules_finish_each_follower_once(harness: Harness, house_model: PersonPhoto) -> None:
    source, rows = shared(harness, house_model, followers_count=8)
    complete(source)
    with counting_signals() as counts:
        finished = run_concurrently(*[lifecycle.finish_followers] * 2)
    assert sum(it for it in finished if isinstance(it, int)) == 6, finished
    assert states(source) == {"completed": 8}
    assert last_events(source) == ["shared"] * 8
    assert set(counts.values()) == {1}
    assert len(counts) == 6
    assert len(rows) == 8


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
