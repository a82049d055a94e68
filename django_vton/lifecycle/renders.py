"""What the vendor makes of it, and how the finished pictures become ours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Exists, F, Q
from django.utils import timezone

from .. import signals
from ..models import Attempt, TryOnImage, TryOnRequest, VendorLink
from ..models.states import Money, State
from .followers import fail_with_followers, followers_end
from .transition import current_attempt, is_newest, lock_row, send, settle, transition

if TYPE_CHECKING:
    from ..pixazo import Answer

logger = logging.getLogger(__name__)

FETCH_FOR = timedelta(hours=24)
"""So long a finished picture is fetched again where the way to it is broken."""

SHORTEST_FETCH_PAUSE = timedelta(seconds=2)
LONGEST_FETCH_PAUSE = timedelta(minutes=10)

MAX_BAD_PICTURES = 3
"""So often may a finished picture come as bytes that are none."""

MAX_CLAIMS = 3
"""So often may a fetch end in silence: a picture that kills the process must not starve the rest."""


def claim(request: TryOnRequest, now: datetime, lease: timedelta) -> bool:
    """Take a due row for one question or one fetch; False where another pump was faster."""
    until = now + lease
    claimed = (
        TryOnRequest.objects.due(now)
        .filter(pk=request.pk, state=request.state)
        .order_by()
        .update(lease_until=until, due_at=until, claims=F("claims") + 1)
    )
    if claimed:
        request.lease_until = request.due_at = until
        request.claims += 1
    return bool(claimed)


def release(request: TryOnRequest, due_at: datetime) -> None:
    """Give a claimed row back, due then; a callback that came meanwhile keeps its own, sooner time."""
    claimed = TryOnRequest.objects.filter(pk=request.pk, lease_until=request.lease_until)
    if not claimed.filter(due_at=request.lease_until).update(lease_until=None, due_at=due_at, claims=0):
        claimed.update(lease_until=None, claims=0)


def rendered(
    request: TryOnRequest, attempt: Attempt, answer: Answer, *, lease: timedelta | None = None
) -> bool:
    """The vendor is done and paid; the pictures are not yet ours.

    With a `lease` the row is claimed for the fetch in the same write, else it is due for any pump.
    """
    now = timezone.now()
    claimed: dict[str, Any] = {"lease_until": now + lease, "claims": 1} if lease else {}
    with transaction.atomic():
        if not transition(
            request,
            [State.SUBMITTED],
            State.RENDERED,
            "rendered",
            attempt=attempt,
            where=_waits_for(attempt, answer),
            due_at=now + (lease or timedelta(0)),
            rendered_at=now,
            result_urls=list(answer.images),
            **claimed,
        ):
            return False
        told: dict[str, Any] = {"raw": answer.raw, "answered_at": now}
        if not settle(request, attempt, Money.SPENT, **told):
            # A deadline had counted it as spent already.
            Attempt.objects.filter(pk=attempt.pk).update(**told)
        VendorLink.objects.filter(attempt=attempt).delete()
    return True


def render_failed(request: TryOnRequest, attempt: Attempt, answer: Answer, *, charged: bool) -> bool:
    """The vendor gave up. FAILED counts as charged, ERROR ("not charged") does not."""
    with transaction.atomic():
        if not transition(
            request,
            [State.SUBMITTED],
            State.FAILED,
            "vendor_failed",
            attempt=attempt,
            where=_waits_for(attempt, answer),
            error_code=answer.error_code or "vendor",
        ):
            return False
        Attempt.objects.filter(pk=attempt.pk).update(
            raw=answer.raw, error=answer.error, answered_at=timezone.now()
        )
        settle(request, attempt, Money.SPENT if charged else Money.FREE)
        if not charged:
            # It was reopened: its deadline had been counted as spent.
            settle(request, attempt, Money.FREE, source=Money.SPENT)
        fail_with_followers(request)
    return True


def _waits_for(attempt: Attempt, answer: Answer) -> Q:
    """For `where`: the answer speaks of the render that is waited for.

    The POST's own answer may have corrected a callback's id; and an operator's word may have sent another
    attempt, whose money is held until its own end.
    """
    named = Attempt.objects.filter(pk=attempt.pk, vendor_id=answer.vendor_id)
    return is_newest(attempt) & Q(Exists(named))


def deadline_over(request: TryOnRequest, attempt: Attempt) -> None:
    """The vendor took too long; a late callback may still reopen it."""
    with transaction.atomic():
        if transition(
            request,
            [State.SUBMITTED],
            State.FAILED,
            "deadline",
            attempt=attempt,
            where=is_newest(attempt),
            error_code="deadline",
        ):
            settle(request, attempt, Money.SPENT)
            fail_with_followers(request)


def give_up(request: TryOnRequest, code: str, event: str) -> None:
    """A paid picture that cannot be had, or a queued photo that is no more."""
    with transaction.atomic():
        before = State(request.state)
        lock_row(request)
        attempt = current_attempt(request)
        queued = before == State.QUEUED
        if transition(request, [before], State.FAILED, event, attempt=attempt, error_code=code):
            settle(request, attempt, Money.FREE if queued else Money.SPENT)
            fail_with_followers(request)


def completed(request: TryOnRequest, images: Sequence[TryOnImage]) -> bool:
    """The pictures are ours: the image rows and the last swap in one transaction."""
    with transaction.atomic():
        if not transition(request, [State.RENDERED], State.COMPLETED, "completed", image_count=len(images)):
            return False
        TryOnImage.objects.bulk_create(images)
        followers_end(request)
        send(signals.tryon_completed, request)
    return True


def fetch_failed(request: TryOnRequest, *, is_bad_picture: bool, error: str) -> None:
    """Only the fetch is tried again, never the render: for a day, or three times if it is no picture.

    The pause grows with the time since the vendor was done.
    """
    now = timezone.now()
    logger.warning("try-on %s: the picture was not fetched: %s", request.pk, error)
    age = now - (request.rendered_at or now)
    bad = request.download_failures + is_bad_picture
    TryOnRequest.objects.filter(pk=request.pk).update(download_failures=bad)
    if age > FETCH_FOR or bad >= MAX_BAD_PICTURES:
        give_up(request, "vendor", "not_fetched")
    else:
        release(request, now + min(LONGEST_FETCH_PAUSE, max(SHORTEST_FETCH_PAUSE, age)))
