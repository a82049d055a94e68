"""Try-ons that share a render of a house model end after it, in batches; and whatever crashes meanwhile."""

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
from django_vton.lifecycle import followers, together
from django_vton.management.commands import vton_worker
from django_vton.models import Quota, TryOnEvent, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status
from django_vton.worker import result_images

from ..doors import submit
from ..people import at_once, meanwhile, rolled_back
from .invariants import check_books
from .test_cancels import house

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    End = Callable[[TryOnRequest], None]

    from django_vton.models import PersonPhoto

    from .desk import Desk


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "FIRST_BATCH", 2)
    monkeypatch.setattr(followers, "BATCH", 2)


@contextmanager
def told() -> Iterator[Counter[Any]]:
    """How often the shop hears of the end of each try-on."""
    heard: Counter[Any] = Counter()

    def hear(*, request_id: Any, **_told: Any) -> None:
        heard[request_id] += 1

    for signal in (signals.tryon_completed, signals.tryon_failed):
        signal.connect(hear)
    try:
        yield heard
    finally:
        for signal in (signals.tryon_completed, signals.tryon_failed):
            signal.disconnect(hear)


def shared(desk: Desk, model: PersonPhoto, people: int = 5) -> tuple[TryOnRequest, list[TryOnRequest]]:
    """A render that the vendor has, and those who wait for it."""
    source, waiting = house(desk, model, people)
    attempt = submit(source, token=f"token of {source.pk}")
    lifecycle.callback(attempt, f"id-{source.pk}")
    return TryOnRequest.objects.get(pk=source.pk), waiting


def done(source: TryOnRequest) -> None:
    """The vendor has finished, and its picture is fetched next."""
    attempt = source.attempts.get()
    vendor_id = attempt.vendor_id or ""
    answer = Answer(vendor_id=vendor_id, status=Status.COMPLETED, word="COMPLETED", images=("http://x/1",))
    assert lifecycle.rendered(source, attempt, answer)


def pictures(source: TryOnRequest) -> list[TryOnImage]:
    out = io.BytesIO()
    Image.new("RGB", (40, 50)).save(out, "PNG")
    return result_images.store(source, [result_images.read(out.getvalue())])


def complete(source: TryOnRequest) -> None:
    done(source)
    assert lifecycle.completed(source, pictures(source))


def complete_with_others(source: TryOnRequest) -> None:
    done(source)
    assert together.completed([(source, pictures(source))])


def be_late(source: TryOnRequest) -> None:
    lifecycle.deadline_over(source, source.attempts.get())


def fail(source: TryOnRequest) -> None:
    attempt = source.attempts.get()
    answer = Answer(vendor_id=attempt.vendor_id or "", status=Status.ERROR, word="ERROR", error_code="vendor")
    assert lifecycle.render_failed(source, attempt, answer, charged=False)


def give_up(source: TryOnRequest) -> None:
    lifecycle.give_up(source, "vendor", "not_fetched")


def cancel(source: TryOnRequest) -> None:
    assert lifecycle.cancel(source)


ENDS = [complete, complete_with_others, be_late, fail, give_up, cancel]
EVERY_END = pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])


def states(source: TryOnRequest) -> Counter[str]:
    return Counter(source.followers.values_list("state", flat=True))


def last_events(source: TryOnRequest) -> list[str]:
    """The events of those who share it, without their beginning."""
    rows = TryOnEvent.objects.filter(request__source=source).exclude(name="accepted")
    return sorted(rows.values_list("name", flat=True))


@EVERY_END
def test_the_end_of_a_shared_render_is_one_transaction_of_the_same_length_for_two_and_for_many(
    desk: Desk, house_model: PersonPhoto, end: End
) -> None:
    source, waiting = shared(desk, house_model, people=2)
    lengths = []
    for more in (0, 12):
        for _ in range(more):
            waiting.append(desk.ask(photo=None, photo_id=str(house_model.pk), consent=False))
        with rolled_back(), CaptureQueriesContext(connection) as queries:
            end(TryOnRequest.objects.get(pk=source.pk))
        lengths.append([query["sql"].partition(" ")[0] for query in queries])
    assert lengths[0] == lengths[1]


@EVERY_END
def test_the_first_who_share_it_end_at_once_and_the_others_within_the_minute(
    desk: Desk, house_model: PersonPhoto, end: End
) -> None:
    source, waiting = shared(desk, house_model)
    with told() as heard:
        end(source)
        source.refresh_from_db()
        target = "completed" if source.state == State.COMPLETED else "failed"
        assert states(source) == {"queued": 3, target: 2}
        tasks.wake()
        tasks.wake()
    assert states(source) == {target: 5}
    assert last_events(source) == ["shared" if target == "completed" else "source_ended"] * 5
    rows = source.followers.all()
    assert {row.error_code for row in rows} == {
        "" if target == "completed" else source.error_code or "vendor"
    }
    assert {row.image_count for row in rows} == {source.image_count}
    shared_by = {row.pk for row in waiting}
    assert {pk: heard[pk] for pk in shared_by} == dict.fromkeys(shared_by, 1)


def test_a_shared_picture_lives_as_long_as_the_last_who_shares_it(
    desk: Desk, house_model: PersonPhoto
) -> None:
    source, waiting = shared(desk, house_model)
    latest = timezone.now() + timedelta(days=90)
    TryOnRequest.objects.filter(pk=waiting[-1].pk).update(expires_at=latest)
    complete(source)
    tasks.wake()
    assert TryOnRequest.objects.get(pk=source.pk).expires_at == latest


class Struck(OperationalError):  # noqa: N818 - it says what happened
    """The database is gone in the middle."""


@contextmanager
def struck(at: int, *, after: bool) -> Iterator[list[str]]:
    """The statement of this number fails, before or after it is done; all that were said."""
    said: list[str] = []

    def strike(execute: Any, sql: str, *rest: Any) -> Any:
        if not sql.startswith(("SELECT", "INSERT", "UPDATE")):
            return execute(sql, *rest)
        said.append(sql)
        if len(said) == at and not after:
            raise Struck
        answer = execute(sql, *rest)
        if len(said) == at:
            raise Struck
        return answer

    with connection.execute_wrapper(strike):
        yield said


@pytest.mark.parametrize("end", [complete, be_late], ids=["completed", "failed"])
def test_whatever_statement_a_batch_breaks_at_it_is_done_once_by_the_next(
    desk: Desk, house_model: PersonPhoto, end: End
) -> None:
    source, waiting = shared(desk, house_model, people=2)
    with transaction.atomic():
        end(source)
        connection.run_on_commit.clear()  # The process dies right after the commit.
    target = TryOnRequest.objects.get(pk=source.pk).state
    with struck(0, after=False) as said, rolled_back():
        assert followers._finish_batch(source.pk, 2) == 2
    assert len(said) >= 4
    for at, after in itertools.product(range(1, len(said) + 1), (False, True)):
        with told() as heard, struck(at, after=after), pytest.raises(Struck):
            followers._finish_batch(source.pk, 2)
        assert states(source) == {"queued": 2}, (at, after)
        assert last_events(source) == []
        assert not heard
    with told() as heard:
        tasks.wake()
        tasks.wake()
    assert states(source) == {target: 2}
    assert len(last_events(source)) == 2
    assert heard == dict.fromkeys([row.pk for row in waiting], 1)


def test_a_pump_that_cron_starts_finishes_them_too(desk: Desk, house_model: PersonPhoto) -> None:
    source, _waiting = shared(desk, house_model)
    complete(source)
    call_command("vton_worker", "--once", stdout=io.StringIO())
    assert states(source) == {"completed": 5}


def test_a_pump_without_a_queue_finishes_them_within_the_minute(desk: Desk, house_model: PersonPhoto) -> None:
    source, _waiting = shared(desk, house_model)
    complete(source)
    stop = threading.Event()
    stop.set()
    vton_worker.keep_house(stop)
    assert states(source) == {"completed": 5}


@EVERY_END
def test_where_the_first_batch_fails_the_source_has_ended_all_the_same(
    desk: Desk, house_model: PersonPhoto, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> int:
        raise Struck

    source, _waiting = shared(desk, house_model)
    with monkeypatch.context() as patch:
        patch.setattr(followers, "_finish_batch", fail)
        end(source)
    source.refresh_from_db()
    assert source.finished_at is not None
    assert states(source) == {"queued": 5}
    tasks.wake()
    assert set(states(source)) == {"completed" if source.state == State.COMPLETED else "failed"}


def test_who_left_meanwhile_stays_away(desk: Desk, house_model: PersonPhoto) -> None:
    source, _waiting = shared(desk, house_model, people=4)
    complete(source)
    left, erased = TryOnRequest.objects.filter(source=source, state=State.QUEUED)
    assert lifecycle.cancel(left)
    privacy.erase(erased)
    tasks.wake()
    assert states(source) == {"completed": 2, "canceled": 1}
    desk.reload(left, State.CANCELED)
    desk.reload(erased, State.CANCELED)


def test_a_batch_in_which_one_has_moved_changes_nothing(desk: Desk, house_model: PersonPhoto) -> None:
    source, (first, _second) = shared(desk, house_model, people=2)
    with transaction.atomic():
        complete(source)
        connection.run_on_commit.clear()

    def move() -> None:
        TryOnRequest.objects.filter(pk=first.pk).update(state=State.CANCELED)

    with told() as heard, meanwhile('UPDATE "vton_tryonrequest" SET "state"', move):
        assert lifecycle.finish_followers() == 0
    assert not heard
    assert last_events(source) == []
    assert lifecycle.finish_followers() == 2


def test_while_it_runs_nobody_is_finished(desk: Desk, house_model: PersonPhoto) -> None:
    source, _waiting = shared(desk, house_model)
    assert lifecycle.finish_followers() == 0
    with transaction.atomic():
        be_late(source)
        connection.run_on_commit.clear()
    lifecycle.callback(source.attempts.get(), "")
    assert followers._finish_batch(source.pk, 9) == 0
    assert states(source) == {"queued": 5}
    assert last_events(source) == []


def test_it_ends_in_time_and_goes_on_later(desk: Desk, house_model: PersonPhoto) -> None:
    source, _waiting = shared(desk, house_model, people=7)
    complete(source)
    assert [lifecycle.finish_followers(seconds=0) for _ in range(4)] == [2, 2, 1, 0]
    assert states(source) == {"completed": 7}


def test_two_who_finish_them_at_once_finish_each_once(desk: Desk, house_model: PersonPhoto) -> None:
    source, waiting = shared(desk, house_model, people=8)
    complete(source)
    with told() as heard:
        counts = at_once(*[lifecycle.finish_followers] * 2)
    assert sum(count for count in counts if isinstance(count, int)) == 6, counts
    assert states(source) == {"completed": 8}
    assert last_events(source) == ["shared"] * 8
    assert set(heard.values()) == {1}
    assert len(heard) == 6
    assert len(waiting) == 8


def test_a_source_that_comes_back_brings_back_those_that_had_ended_in_two_statements(
    desk: Desk, house_model: PersonPhoto
) -> None:
    source, _waiting = shared(desk, house_model, people=9)
    be_late(source)
    assert states(source) == {"failed": 2, "queued": 7}
    lengths = []
    for _ in range(2):
        with rolled_back(), CaptureQueriesContext(connection) as queries:
            lifecycle.callback(TryOnRequest.objects.get(pk=source.pk).attempts.get(), "")
            assert states(source) == {"queued": 9}
        lengths.append(len(queries))
        tasks.wake()
        assert states(source) == {"failed": 9}
    assert lengths[0] == lengths[1]
    lifecycle.callback(source.attempts.get(), "")
    assert states(source) == {"queued": 9}
    check_books(desk.gateway)
    again = TryOnEvent.objects.filter(request__source=source, name="source_reopened")
    assert Counter(again.values_list("from_state", "to_state", "actor", "attempt")) == {
        ("failed", "queued", None, None): 9
    }
    assert all(event.detail == {} for event in again)
    assert all(timezone.now() - event.at < timedelta(minutes=1) for event in again)
    complete(TryOnRequest.objects.get(pk=source.pk))
    tasks.wake()
    assert states(source) == {"completed": 9}


def test_money_that_is_free_gives_one_share_back_and_in_the_same_statements_for_many(
    desk: Desk, house_model: PersonPhoto
) -> None:
    source, waiting = shared(desk, house_model, people=4)
    mine = Quota.objects.filter(key=f"shopper:{waiting[0].shopper_id}")
    assert mine.get().used == 1
    fail(source)
    assert mine.get().used == 0
    tasks.wake()
    assert TryOnRequest.objects.filter(counted_images__gt=0).count() == 0


def test_an_erased_source_leaves_its_picture_to_those_who_still_wait(
    desk: Desk, house_model: PersonPhoto
) -> None:
    source, waiting = shared(desk, house_model)
    with transaction.atomic():
        complete(source)
        connection.run_on_commit.clear()
    privacy.erase(source)
    [image] = TryOnImage.objects.all()
    tasks.wake()
    for row in waiting:
        row.refresh_from_db()
        assert (row.state, row.pictures) == (State.COMPLETED, [image])
    privacy.erase(waiting[0])
    assert TryOnImage.objects.count() == 1


def test_a_failed_source_that_is_erased_still_ends_those_who_wait(
    desk: Desk, house_model: PersonPhoto
) -> None:
    source, waiting = shared(desk, house_model)
    be_late(source)
    privacy.erase(source)
    tasks.wake()
    for row in waiting:
        row.refresh_from_db()
        assert (row.state, row.error_code) == (State.FAILED, "deadline")
