"""Followers end exactly once even if a batch fails, rows change meanwhile, or several schedules run."""

from __future__ import annotations

import io
import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from django_vton import lifecycle, privacy, tasks
from django_vton.lifecycle import followers
from django_vton.lifecycle.bulk_update import RowsChanged
from django_vton.management.commands import vton_worker
from django_vton.models import TryOnRequest
from django_vton.models.states import State

from ..intake_helpers import rolled_back, run_before_statement, run_concurrently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    End = Callable[[TryOnRequest], None]

    from django_vton.models import PersonPhoto

    from .harness import Harness
from .shared_renders import (
    EVERY_END,
    complete,
    counting_signals,
    exceed_deadline,
    last_events,
    shared,
    states,
)

pytestmark = pytest.mark.usefixtures("small_batches")


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
