"""What may happen to a row after it was read. Each changes the second of three rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorStatus

from .rows import (
    Orders,
    Row,
    accept,
    accepted,
    make_due,
    queue_again,
    read,
    submitting,
)

Change = Callable[[Orders, list[Row]], object]
"""What happens to the second of three rows after they were read."""


def fresh(row: Row) -> Row:
    """As another process reads it now."""
    return read(row.request)


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
    lifecycle.end_unknown_outcome(rows[1].request)


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
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), lifecycle.LEASE)


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
    lease = lifecycle.LEASE + timedelta(seconds=1)
    assert lifecycle.claim_due([fresh(rows[1]).attempt], timezone.now(), lease)


def completed_by_another_dispatcher(_orders: Orders, rows: list[Row]) -> None:
    row = fresh(rows[1])
    assert lifecycle.mark_completed([(row.request, row.images())])


def given_up(_orders: Orders, rows: list[Row]) -> None:
    lifecycle.give_up(fresh(rows[1]).request, "vendor", "download_failed")
