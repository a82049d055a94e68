"""After the submit: the vendor renders, then we download the images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from .. import signals
from ..models import Attempt, TryOnImage, TryOnRequest, VendorLink
from ..models.states import ACTIVE, Money, State
from ..pixazo import VendorResponse
from .bulk_update import Row, update_rows
from .followers import fail_with_followers, finish_followers_after_commit
from .transition import (
    atomic_outcome,
    is_newest,
    lock_attempts,
    lock_newest_attempt,
    lock_rows,
    send_signal,
    settle,
    transition,
)

logger = logging.getLogger(__name__)

DOWNLOAD_PERIOD = timedelta(hours=24)
"""How long a download is repeated while the connection or our storage fails."""

MIN_DOWNLOAD_PAUSE = timedelta(seconds=2)
MAX_DOWNLOAD_PAUSE = timedelta(minutes=10)

MAX_UNREADABLE_DOWNLOADS = 3
"""How many downloads may bring bytes that are no image."""

MAX_CLAIMS = 3
"""How many claims of a download may end without any outcome. A file that kills the process must not block the
rest."""


def claim_due(attempts: Sequence[Attempt], now: datetime, lease: timedelta) -> list[Attempt]:
    """Claim due try-ons for one poll or one download each.

    Return the claimed attempts. Another dispatcher may have claimed or ended the rest since they were read.
    """
    until = now + lease
    with transaction.atomic(savepoint=False):  # Usually the caller's transaction.
        locked = lock_rows([attempt.request_id for attempt in attempts])
        claimed: list[Attempt] = []
        changes: list[Row] = []
        for attempt in attempts:
            row, seen = locked[attempt.request_id], attempt.request
            is_due = row.due_at is not None and row.due_at <= now
            if row.state == seen.state and is_due and (row.lease_until is None or row.lease_until <= now):
                claimed.append(attempt)
                values = {"lease_until": until, "due_at": until, "claim_count": row.claim_count + 1}
                changes.append((row.pk, {"state": row.state, "lease_until": row.lease_until}, values))
        update_rows(TryOnRequest, changes)
    for attempt, (_, _, claim) in zip(claimed, changes, strict=True):
        for name, value in claim.items():
            setattr(attempt.request, name, value)
    return claimed


def release(claims: Sequence[tuple[TryOnRequest, datetime]]) -> None:
    """Give claimed try-ons back, due at these times.

    If a callback has made a try-on due sooner, keep that time. A try-on whose lease is no longer the caller's
    stays as it is.
    """
    with atomic_outcome():
        locked = lock_rows([request.pk for request, _ in claims])
        changes = []
        for request, due_at in claims:
            row = locked[request.pk]
            if row.lease_until is not None and row.lease_until == request.lease_until:
                # While it is claimed it is due when the lease ends, unless a callback made it due sooner.
                own_due_at = due_at if row.due_at == row.lease_until else row.due_at
                values = {"lease_until": None, "due_at": own_due_at, "claim_count": 0}
                changes.append((row.pk, {"lease_until": row.lease_until}, values))
        update_rows(TryOnRequest, changes)


def mark_rendered(
    outcomes: Sequence[tuple[Attempt, VendorResponse, timedelta | None]],
) -> list[Attempt]:
    """The vendor has finished and charged these renders; their images are still to be downloaded.

    With a lease, the try-on stays claimed for the download in the same write; otherwise it is due for any
    dispatcher. Return the attempts that changed. The rest have ended, or their response is about another
    render.
    """
    now = timezone.now()
    with atomic_outcome():
        attempts: list[Attempt] = []
        answers: list[Row] = []
        own_fields: list[dict[str, Any]] = []
        locked = lock_attempts([attempt for attempt, *_ in outcomes])
        for attempt, (_, answer, lease) in zip(locked, outcomes, strict=True):
            if _is_awaited(attempt, answer):
                attempts.append(attempt)
                answers.append((attempt.pk, {}, {"raw": answer.raw, "answered_at": now}))
                claimed = {"lease_until": now + lease if lease else None, "claim_count": 1 if lease else 0}
                urls = {"due_at": now + (lease or timedelta(0)), "result_urls": list(answer.images)}
                own_fields.append(claimed | urls)
        requests = [attempt.request for attempt in attempts]
        transition(
            requests, State.RENDERED, "rendered", attempts=attempts, own_fields=own_fields, rendered_at=now
        )
        update_rows(Attempt, answers)
        settle(attempts, Money.SPENT)  # A deadline may have counted some of them as spent before.
        if attempts:
            VendorLink.objects.filter(attempt__in=attempts).delete()
    return attempts


def mark_render_failed(attempt: Attempt, answer: VendorResponse, *, is_charged: bool) -> bool:
    """The vendor gave up. FAILED is charged, ERROR is not. False if the response is about another render."""
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if not _is_awaited(attempt, answer):
            return False
        code = answer.error_code or "vendor"
        transition([attempt.request], State.FAILED, "vendor_failed", attempts=[attempt], error_code=code)
        Attempt.objects.filter(pk=attempt.pk).update(
            raw=answer.raw, error=answer.error, answered_at=timezone.now()
        )
        settle([attempt], Money.SPENT if is_charged else Money.FREE)
        if not is_charged:
            # If it was reopened, its deadline has counted it as spent.
            settle([attempt], Money.FREE, source=Money.SPENT)
        fail_with_followers(attempt.request)
    return True


def _is_awaited(attempt: Attempt, answer: VendorResponse) -> bool:
    """Whether this response is about the render that the locked attempt waits for.

    The submit's own response may have corrected the id of a callback, and an operator may have sent another
    attempt, whose money is held until its own end.
    """
    is_own = is_newest(attempt) and attempt.vendor_id == answer.vendor_id
    return is_own and attempt.request.state == State.SUBMITTED


def fail_at_deadline(attempt: Attempt) -> None:
    """The vendor took too long. A late callback may still reopen the try-on."""
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if is_newest(attempt) and attempt.request.state == State.SUBMITTED:
            transition([attempt.request], State.FAILED, "deadline", attempts=[attempt], error_code="deadline")
            settle([attempt], Money.SPENT)
            fail_with_followers(attempt.request)


def give_up(request: TryOnRequest, code: str, event: str) -> None:
    """Fail a try-on whose paid images cannot be downloaded, or whose photo is gone before the submit.

    Nothing happens if its state has changed since ``request`` was read.
    """
    with transaction.atomic():
        attempt = lock_newest_attempt(request)
        before = attempt.request.state
        if before == request.state and before in ACTIVE:
            transition([attempt.request], State.FAILED, event, attempts=[attempt], error_code=code)
            settle([attempt], Money.FREE if before == State.QUEUED else Money.SPENT)
            fail_with_followers(attempt.request)


def mark_completed(outcomes: Sequence[tuple[TryOnRequest, Sequence[TryOnImage]]]) -> list[TryOnRequest]:
    """Store the image rows and complete the try-ons, in one transaction. The files are stored already.

    Return the try-ons that were completed. The rest have ended meanwhile; the caller deletes their files.
    """
    with atomic_outcome():
        locked = lock_rows([request.pk for request, _ in outcomes])
        found = [(locked[request.pk], images) for request, images in outcomes]
        ready = [(request, images) for request, images in found if request.state == State.RENDERED]
        requests = [request for request, _ in ready]
        counts = [{"image_count": len(images)} for _, images in ready]
        transition(requests, State.COMPLETED, "completed", own_fields=counts)
        TryOnImage.objects.bulk_create([image for _, images in ready for image in images])
        finish_followers_after_commit(requests)
        for request in requests:
            send_signal(signals.tryon_completed, request)
    return requests


def record_download_failure(request: TryOnRequest, *, is_unreadable: bool, error: str) -> None:
    """Repeat the download, never the render: for a day, or three times if the bytes are not an image.

    The pause grows with the time since the vendor has finished.
    """
    now = timezone.now()
    logger.warning("try-on %s: the image was not downloaded: %s", request.pk, error)
    age = now - (request.rendered_at or now)
    unreadable = request.download_failures + is_unreadable
    TryOnRequest.objects.filter(pk=request.pk).update(download_failures=unreadable)
    if age > DOWNLOAD_PERIOD or unreadable >= MAX_UNREADABLE_DOWNLOADS:
        give_up(request, "vendor", "download_failed")
    else:
        release([(request, now + min(MAX_DOWNLOAD_PAUSE, max(MIN_DOWNLOAD_PAUSE, age)))])
