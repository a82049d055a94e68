"""Several rows that are changed together end as if each was changed by itself, to the last column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.gateway.engines import get_engine
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorStatus
from django_vton.worker import claims, outcomes

from .effects import compare
from .rows import (
    Orders,
    Row,
    accept,
    accepted,
    downloading,
    make_due,
    polling,
    queue_again,
    read,
    store_in_bulk,
    submitting,
)

pytestmark = pytest.mark.usefixtures("clock")

Change = Callable[[Orders, list[Row]], object]
"""What happens to the second of three rows after they were read."""


def fresh(row: Row) -> Row:
    """As another process reads it now."""
    return read(row.request)


# What may happen meanwhile --------------------------------------------------------------------------


def nothing(_orders: Orders, _rows: list[Row]) -> None: ...


def canceled(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.cancel(rows[1].request)


def erased(_orders: Orders, rows: list[Row]) -> None:
    privacy.erase_tryon(fresh(rows[1]).request)


def claimed_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    submitting(fresh(rows[1]).request)


def lost_by_another_dispatcher(orders: Orders, rows: list[Row]) -> None:
    """The lease of its submit has expired."""
    claimed_by_another_dispatcher(orders, rows)
    expired = {"lease_until": timezone.now(), "due_at": timezone.now()}
    TryOnRequest.objects.filter(pk=rows[1].request.pk).update(**expired)


def sent_and_refused(_orders: Orders, rows: list[Row]) -> None:
    """It is due again, with another attempt."""
    queue_again(submitting(fresh(rows[1]).request))


def has_to_wait(_orders: Orders, rows: list[Row]) -> None:
    """Its newest attempt was read, but its row was read before."""
    later = timezone.now() + timedelta(minutes=1)
    result = SubmitResult(outcome=SubmitOutcome.NOT_SENT)
    lifecycle.mark_refused(submitting(fresh(rows[1]).request).attempt, result, retry_at=later)
    attempt = fresh(rows[1]).attempt
    attempt.request = rows[1].request
    rows[1] = replace(rows[1], attempt=attempt)


def photo_deleted(_orders: Orders, rows: list[Row]) -> None:
    photo = rows[1].request.photo
    assert photo is not None
    type(photo).objects.get(pk=photo.pk).delete()


def marked_as_sent(_orders: Orders, rows: list[Row]) -> None:
    type(rows[1].attempt).objects.filter(pk=rows[1].attempt.pk).update(posted_at=timezone.now())


def followed_by_another_attempt(_orders: Orders, rows: list[Row]) -> None:
    """Its lease had expired, and its late refusal queued it again."""
    queue_again(fresh(rows[1]))
    submitting(fresh(rows[1]).request)


def answered_before(_orders: Orders, rows: list[Row]) -> None:
    """The connection broke right after the commit."""
    accept(fresh(rows[1]))


def outcome_unknown(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.mark_unknown(fresh(rows[1]).attempt, timeout=timedelta(0))


def counted_as_spent(orders: Orders, rows: list[Row]) -> None:
    """Its outcome was not known in time."""
    outcome_unknown(orders, rows)
    make_due(rows[1].request)
    lifecycle.fail_unknown_outcome(rows[1].request)


def called_back_with_a_forged_id(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.receive_callback(fresh(rows[1]).attempt, f"forged {rows[1].attempt.pk}")


def has_the_id_of_another_attempt(orders: Orders, rows: list[Row]) -> None:
    [other] = orders.shirts(1)
    lifecycle.mark_submitted([(submitting(other).attempt, accepted(rows[1].vendor_id))])


def has_the_id_of_the_next_row(_orders: Orders, rows: list[Row]) -> None:
    rows[2] = replace(rows[2], given_id=rows[1].vendor_id)


def comes_twice(_orders: Orders, rows: list[Row]) -> None:
    rows[2] = rows[1]


def polled_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), claims.LEASE)


def polled_and_released(orders: Orders, rows: list[Row]) -> None:
    polled_by_another_dispatcher(orders, rows)
    lifecycle.release([(fresh(rows[1]).request, timezone.now() + timedelta(seconds=10))])


def polled_and_called_back(orders: Orders, rows: list[Row]) -> None:
    """Another dispatcher polls it, and a callback makes it due again."""
    polled_by_another_dispatcher(orders, rows)
    assert lifecycle.receive_callback(fresh(rows[1]).attempt, "")


def rendered(_orders: Orders, rows: list[Row]) -> None:
    row = fresh(rows[1])
    assert lifecycle.mark_rendered([(row.attempt, row.finished(), None)])


def retried_by_an_operator(_orders: Orders, rows: list[Row]) -> None:
    """The vendor said first that it had failed. Now another attempt runs."""
    row = fresh(rows[1])
    failed = replace(row.finished(status=VendorStatus.ERROR), error_code="vendor")
    assert lifecycle.mark_render_failed(row.attempt, failed, is_charged=False)
    assert lifecycle.retry(row.request, actor_id=None)
    accept(submitting(fresh(row).request))


def id_corrected(_orders: Orders, rows: list[Row]) -> None:
    """It was polled by a forged id, which the submit's own response has corrected."""
    row = fresh(rows[1])
    lifecycle.mark_submitted([(row.attempt, accepted(f"corrected {row.attempt.pk}"))])


def reopened_after_its_deadline(_orders: Orders, rows: list[Row]) -> None:
    """Its money is spent already."""
    row = fresh(rows[1])
    lifecycle.fail_at_deadline(row.attempt)
    assert lifecycle.receive_callback(fresh(row).attempt, "")


def called_back_while_it_is_polled(_orders: Orders, rows: list[Row]) -> None:
    assert lifecycle.receive_callback(fresh(rows[1]).attempt, "")


def claimed_again_after_its_lease(_orders: Orders, rows: list[Row]) -> None:
    expired = {"lease_until": timezone.now(), "due_at": timezone.now()}
    TryOnRequest.objects.filter(pk=rows[1].request.pk).update(**expired)
    lease = claims.LEASE + timedelta(seconds=1)
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), lease)


def completed_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    row = fresh(rows[1])
    assert lifecycle.mark_completed([(row.request, row.images())])


def given_up(_orders: Orders, rows: list[Row]) -> None:
    lifecycle.give_up(fresh(rows[1]).request, "vendor", "download_failed")


# Each step with each of them ------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A function of the worker: what its rows are before, what it does, and what they become."""

    name: str
    prepare: Callable[[TryOnRequest], Row]
    apply: Callable[[Sequence[Row]], list[Any]]
    target: State


def due_for_poll(request: TryOnRequest) -> Row:
    """Released after a poll, and due."""
    row = polling(request)
    lifecycle.release([(row.request, timezone.now())])
    return fresh(row)


def claim_submits(rows: Sequence[Row]) -> list[Any]:
    engine = get_engine(rows[0].request.engine)
    found = claims.claim_submits([row.attempt for row in rows], engine)
    return _claimed(rows, [job.request.pk for job in found])


def claim_polls(rows: Sequence[Row]) -> list[Any]:
    found = claims.claim_polls([row.attempt for row in rows], timezone.now())
    return _claimed(rows, [attempt.request_id for attempt in found])


def _claimed(rows: Sequence[Row], keys: list[Any]) -> list[bool]:
    return [row.request.pk in keys for row in rows]


def store_accepted(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_submit, [(row.job("submit"), row.accepted()) for row in rows])


def store_running(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_poll, [(row.job("poll"), row.running(), None, True) for row in rows])


def store_finished(rows: Sequence[Row]) -> list[Any]:
    polls = [(row.job("poll"), row.finished(), None, True) for row in rows]
    return [job and job.kind for job in store_in_bulk(outcomes.on_poll, polls)]


def store_images(rows: Sequence[Row]) -> list[Any]:
    return store_in_bulk(outcomes.on_download, [(row.job("download"), row.images()) for row in rows])


CLAIM_SUBMIT = Step("claim submits", read, claim_submits, State.SUBMITTING)
ACCEPTED = Step("accepted", submitting, store_accepted, State.SUBMITTED)
CLAIM_POLL = Step("claim polls", due_for_poll, claim_polls, State.SUBMITTED)
RUNNING = Step("running", polling, store_running, State.SUBMITTED)
FINISHED = Step("finished", polling, store_finished, State.RENDERED)
DOWNLOADED = Step("downloaded", downloading, store_images, State.COMPLETED)

CASES: list[tuple[Step, Change, Any, str]] = [
    (CLAIM_SUBMIT, nothing, True, "submitting leased due in 60 s: held"),
    (CLAIM_SUBMIT, canceled, False, "canceled: free"),
    (CLAIM_SUBMIT, erased, False, "canceled: free"),
    (CLAIM_SUBMIT, claimed_by_another_dispatcher, False, "submitting leased due in 30 s: held"),
    (CLAIM_SUBMIT, lost_by_another_dispatcher, False, "submitting leased due in 0 s: held"),
    (CLAIM_SUBMIT, sent_and_refused, False, "queued due in 0 s: free, held"),
    (CLAIM_SUBMIT, has_to_wait, False, "queued due in 60 s: free, held"),
    (CLAIM_SUBMIT, photo_deleted, False, "queued due in 0 s: held"),
    (CLAIM_SUBMIT, marked_as_sent, False, "queued due in 0 s: held"),
    (ACCEPTED, nothing, None, "submitted due in 20 s: held"),
    (ACCEPTED, canceled, None, "canceled: spent"),
    (ACCEPTED, erased, None, "canceled: spent"),
    (ACCEPTED, followed_by_another_attempt, None, "submitting leased due in 30 s: free, held"),
    (ACCEPTED, answered_before, None, "submitted due in 20 s: held"),
    (ACCEPTED, outcome_unknown, None, "submitted due in 20 s: held"),
    (ACCEPTED, counted_as_spent, None, "submitted due in 20 s: spent"),
    (ACCEPTED, called_back_with_a_forged_id, None, "submitted due in 0 s: held"),
    (ACCEPTED, has_the_id_of_another_attempt, None, "unknown due in 30 s: held"),
    (ACCEPTED, has_the_id_of_the_next_row, None, "submitted due in 20 s: held"),
    (ACCEPTED, comes_twice, None, "submitted due in 20 s: held, held"),
    (CLAIM_POLL, nothing, True, "submitted leased due in 60 s: held"),
    (CLAIM_POLL, canceled, False, "canceled: spent"),
    (CLAIM_POLL, polled_by_another_dispatcher, False, "submitted leased due in 60 s: held"),
    (CLAIM_POLL, rendered, False, "rendered due in 0 s: spent"),
    (CLAIM_POLL, polled_and_released, False, "submitted due in 10 s: held"),
    (CLAIM_POLL, polled_and_called_back, False, "submitted leased due in 0 s: held"),
    (RUNNING, nothing, None, "submitted due in 10 s: held"),
    (RUNNING, canceled, None, "canceled: spent"),
    (RUNNING, called_back_while_it_is_polled, None, "submitted due in 0 s: held"),
    (RUNNING, claimed_again_after_its_lease, None, "submitted leased due in 61 s: held"),
    (RUNNING, rendered, None, "rendered due in 0 s: spent"),
    (RUNNING, reopened_after_its_deadline, None, "submitted due in 0 s: spent"),
    (RUNNING, comes_twice, None, "submitted due in 10 s: held, held"),
    (FINISHED, nothing, "download", "rendered leased due in 60 s: spent"),
    (FINISHED, canceled, None, "canceled: spent"),
    (FINISHED, erased, None, "canceled: spent"),
    (FINISHED, rendered, None, "rendered due in 0 s: spent"),
    (FINISHED, retried_by_an_operator, None, "submitted due in 20 s: free, held"),
    (FINISHED, id_corrected, None, "submitted due in 0 s: held"),
    (FINISHED, reopened_after_its_deadline, "download", "rendered leased due in 60 s: spent"),
    (FINISHED, comes_twice, "download", "rendered due in 0 s: spent, spent"),
    (DOWNLOADED, nothing, True, "completed: spent"),
    (DOWNLOADED, canceled, False, "canceled: spent"),
    (DOWNLOADED, erased, False, "canceled: spent"),
    (DOWNLOADED, completed_by_another_dispatcher, False, "completed: spent"),
    (DOWNLOADED, given_up, False, "failed: spent"),
    (DOWNLOADED, comes_twice, True, "completed: spent, spent"),
]
"""With the result for the second row, and what it becomes: state, lease, due time, and the money of its
attempts."""


@pytest.mark.parametrize(
    ("step", "change", "result", "becomes"),
    CASES,
    ids=[f"{step.name}-{change.__name__}" for step, change, *_ in CASES],
)
def test_a_row_that_has_changed_meanwhile_ends_as_by_itself_and_so_do_the_others(
    orders: Orders, step: Step, change: Change, result: Any, becomes: str
) -> None:
    def make() -> list[Row]:
        rows = [step.prepare(request) for request in orders.shirts(3)]
        change(orders, rows)
        return rows

    def one_by_one(rows: Sequence[Row]) -> list[Any]:
        return [it for row in rows for it in step.apply([row])]

    found = compare(make, one_by_one, step.apply)
    first, second, third = found["requests"][:3]
    money = [it["money"] for it in found["attempts"] if it["request_id"] == second["id"]]
    assert (found["result"][1], _describe(second, money)) == (result, becomes)
    assert first["state"] == step.target
    if change not in {comes_twice, has_the_id_of_the_next_row}:
        assert third["state"] == step.target


def _describe(row: dict[str, Any], money: list[str]) -> str:
    lease = "" if row["lease_until"] is None else " leased"
    due = "" if row["due_at"] is None else f" due in {(row['due_at'] - timezone.now()).seconds} s"
    return f"{row['state']}{lease}{due}: {', '.join(money)}"
