"""Change try-ons after the submit, while the vendor renders and a worker downloads the images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from .. import signals
from ..gateway.fetches import failure_code
from ..models import Attempt, TryOnImage, TryOnRequest, VendorLink
from ..models.states import ACTIVE, IMAGES_UNREACHABLE, Money, State
from ..pixazo import VendorResponse
from ..utils import clock, database
from .bulk_update import Row, update_rows
from .clock_changes import unhandled_time
from .followers import fail, finish_followers_after_commit
from .transition import (
    atomic_outcome,
    is_current,
    lock_attempts,
    lock_current_attempt,
    lock_rows,
    refund_quotas,
    send_signal,
    settle,
    transition,
)

logger = logging.getLogger(__name__)

DOWNLOAD_PERIOD = timedelta(hours=24)
"""The time after the end of a render for which failed downloads of its images are repeated."""

MIN_DOWNLOAD_PAUSE = timedelta(seconds=2)
MAX_DOWNLOAD_PAUSE = timedelta(minutes=10)

MAX_UNREADABLE_DOWNLOADS = 3
"""The number of downloads without a readable image after which the try-on fails."""

MAX_CLAIMS = 3
"""The maximum number of claims without an outcome, so that a file that kills the process is given up."""


def claim_due(attempts: Sequence[Attempt], now: datetime, lease: timedelta) -> list[Attempt]:
    """Claim due try-ons for one poll or one download each, and return the claimed attempts.

    Skip a try-on that another dispatcher has claimed or ended since the caller read it.
    """
    until = now + lease
    with database.atomic(savepoint=False):  # Usually the caller's transaction.
        locked = lock_rows([attempt.request_id for attempt in attempts])
        claimed: list[Attempt] = []
        changes: list[Row] = []
        for attempt in attempts:
            row, seen = locked[attempt.request_id], attempt.request
            is_due = row.due_at is not None and row.due_at <= now
            if row.state == seen.state and is_due and (row.lease_until is None or row.lease_until <= now):
                claimed.append(attempt)
                values = {"lease_until": until, "due_at": until, "claim_count": row.claim_count + 1}
                if unhandled := unhandled_time(row, now):
                    values["unhandled_seconds"] = row.unhandled_seconds + round(unhandled.total_seconds())
                changes.append((row.pk, {"state": row.state, "lease_until": row.lease_until}, values))
        update_rows(TryOnRequest, changes)
    for attempt, (_, _, claim) in zip(claimed, changes, strict=True):
        for name, value in claim.items():
            setattr(attempt.request, name, value)
    return claimed


@database.retry
def release(claims: Sequence[tuple[TryOnRequest, datetime]]) -> None:
    """Release claimed try-ons. Make each due at its given time, unless a callback has set another time.

    A try-on that another dispatcher has claimed in the meantime does not change.
    """
    with atomic_outcome():
        locked = lock_rows([request.pk for request, _ in claims])
        changes = []
        for request, due_at in claims:
            row = locked[request.pk]
            if row.lease_until is not None and row.lease_until == request.lease_until:
                # A claim sets `due_at` to the end of the lease. Another value comes from a callback.
                own_due_at = due_at if row.due_at == row.lease_until else row.due_at
                values = {"lease_until": None, "due_at": own_due_at, "claim_count": 0}
                changes.append((row.pk, {"lease_until": row.lease_until}, values))
        update_rows(TryOnRequest, changes)


@database.retry
def mark_rendered(outcomes: Sequence[tuple[Attempt, VendorResponse, timedelta | None]]) -> list[Attempt]:
    """Store that the vendor has finished and charged these renders. Return the attempts that changed.

    With a lease, the try-on stays claimed for its download; otherwise any dispatcher may claim it. Attempts
    do not change if their try-on has ended, or if the response is about another render.
    """
    now = clock.now()
    with atomic_outcome():
        attempts: list[Attempt] = []
        answers: list[dict[str, Any]] = []
        own_fields: list[dict[str, Any]] = []
        locked = lock_attempts([attempt for attempt, *_ in outcomes])
        for attempt, (_, answer, lease) in zip(locked, outcomes, strict=True):
            if _is_awaited(attempt, answer):
                attempts.append(attempt)
                answers.append({"raw": answer.raw, "answered_at": now})
                claimed = {"lease_until": now + lease if lease else None, "claim_count": 1 if lease else 0}
                urls = {"due_at": now + (lease or timedelta(0)), "result_urls": list(answer.images)}
                own_fields.append(claimed | urls)
        requests = [attempt.request for attempt in attempts]
        transition(
            requests, State.RENDERED, "rendered", attempts=attempts, own_fields=own_fields, rendered_at=now
        )
        # Money is spent already if the try-on has reached its deadline before.
        settle(attempts, Money.SPENT, own_fields=answers)
        if attempts:
            VendorLink.objects.filter(attempt__in=attempts).delete()
    return attempts


@database.retry
def mark_render_failed(attempt: Attempt, answer: VendorResponse, *, is_charged: bool) -> bool:
    """Fail a try-on whose render has failed. Return False if the response is about another render.

    If the vendor has not loaded the images, the shop is the cause, so the shopper's quota is refunded.
    """
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if not _is_awaited(attempt, answer):
            return False
        Attempt.objects.filter(pk=attempt.pk).update(
            raw=answer.raw, error=answer.error, answered_at=clock.now()
        )
        code = failure_code(attempt, answer.error_code or "vendor", is_failed=is_charged)
        if code == IMAGES_UNREACHABLE:
            refund_quotas(attempt.request)  # Lock quotas before the budgets.
        fail(attempt, "vendor_failed", code, Money.SPENT if is_charged else Money.FREE)
        if not is_charged:
            # The money of a reopened try-on was counted as spent when it failed before.
            settle([attempt], Money.FREE, source=Money.SPENT)
    return True


def _is_awaited(attempt: Attempt, answer: VendorResponse) -> bool:
    """Return whether this response is about the render that the locked attempt waits for.

    Since the poll began, the response to the submit may have replaced the vendor's id that came with a
    callback, or an operator may have sent another attempt.
    """
    is_own = is_current(attempt) and attempt.vendor_id == answer.vendor_id
    return is_own and attempt.request.state == State.SUBMITTED


@database.retry
def fail_at_deadline(attempt: Attempt) -> None:
    """Fail a try-on because its render takes too long. A late callback can still reopen it."""
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if is_current(attempt) and attempt.request.state == State.SUBMITTED:
            fail(attempt, "deadline", "deadline", Money.SPENT)


@database.retry
def give_up(request: TryOnRequest, code: str, event: str) -> None:
    """Fail a try-on whose paid images cannot be downloaded, or whose photo was deleted before the submit.

    Do nothing if its state has changed since the caller read `request`.
    """
    with database.atomic():
        attempt = lock_current_attempt(request)
        before = attempt.request.state
        if before == request.state and before in ACTIVE:
            fail(attempt, event, code, Money.FREE if before == State.QUEUED else Money.SPENT)


@database.retry
def mark_completed(outcomes: Sequence[tuple[TryOnRequest, Sequence[TryOnImage]]]) -> list[TryOnRequest]:
    """Store the image rows and complete the try-ons in one transaction. Return the completed try-ons.

    The caller has written the files, and deletes the files of try-ons that have ended in the meantime.
    """
    with atomic_outcome():
        locked = lock_rows([request.pk for request, _ in outcomes])
        found = [(locked[request.pk], images) for request, images in outcomes]
        ready = [(request, images) for request, images in found if request.state == State.RENDERED]
        requests = [request for request, _ in ready]
        counts = [{"image_count": len(images)} for _, images in ready]
        transition(requests, State.COMPLETED, "completed", own_fields=counts)
        TryOnImage.objects.bulk_create([image for _, images in ready for image in images])
        for request, images in ready:
            _keep_flaw(request, images)
        finish_followers_after_commit(requests)
        for request in requests:
            send_signal(signals.tryon_completed, request)
    return requests


def _keep_flaw(request: TryOnRequest, images: Sequence[TryOnImage]) -> None:
    """Store the worst flaw with the attempt too, which outlives the images."""
    found = {image.flaw for image in images}
    if worst := next((flaw for flaw in TryOnImage.Flaw.values if flaw in found), ""):
        attempt = Attempt.objects.filter(request=request, number=request.current_attempt_number)
        attempt.update(flaw=worst)


def record_download_failure(request: TryOnRequest, is_unreadable: bool, error: str) -> None:
    """Schedule another download, or fail the try-on after a day or after three unreadable images.

    The pause before the next download grows with the time since the vendor finished the render.
    """
    now = clock.now()
    logger.warning("try-on %s: the image was not downloaded: %s", request.pk, error)
    age = now - (request.rendered_at or now)
    unreadable = request.download_failures + is_unreadable
    TryOnRequest.objects.filter(pk=request.pk).update(download_failures=unreadable)
    if age > DOWNLOAD_PERIOD or unreadable >= MAX_UNREADABLE_DOWNLOADS:
        give_up(request, "vendor", "download_failed")
    else:
        release([(request, now + min(MAX_DOWNLOAD_PAUSE, max(MIN_DOWNLOAD_PAUSE, age)))])
