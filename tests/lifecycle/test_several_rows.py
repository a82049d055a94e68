"""Several rows that are changed together end as if each was changed by itself, to the last column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway.engines import get_engine
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims, outcomes

from .concurrent_changes import (
    Change,
    answered_before,
    called_back_while_it_is_polled,
    called_back_with_a_forged_id,
    canceled,
    claimed_again_after_its_lease,
    claimed_by_another_dispatcher,
    comes_twice,
    completed_by_another_dispatcher,
    counted_as_spent,
    erased,
    followed_by_another_attempt,
    fresh,
    given_up,
    has_the_id_of_another_attempt,
    has_the_id_of_the_next_row,
    has_to_wait,
    id_corrected,
    lost_by_another_dispatcher,
    marked_as_sent,
    nothing,
    outcome_unknown,
    photo_deleted,
    polled_and_called_back,
    polled_and_released,
    polled_by_another_dispatcher,
    rendered,
    reopened_after_its_deadline,
    retried_by_an_operator,
    sent_and_refused,
)
from .effects import compare
from .rows import (
    Orders,
    Row,
    downloading,
    polling,
    read,
    store_in_bulk,
    submitting,
)

pytestmark = pytest.mark.usefixtures("clock")


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
    (ACCEPTED, followed_by_another_attempt, None, "submitting leased due in 30 s: spent, held"),
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
def test_a_row_that_has_changed_since_it_was_read_does_not_affect_the_other_rows(
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
