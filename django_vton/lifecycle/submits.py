"""The paid call: claimed before it is made, sorted when it is answered, never made twice by itself.

A vendor's id belongs to its attempt. The POST's own answer wins over an id that a callback brought.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.db.models.functions import Least
from django.utils import timezone

from .. import signals
from ..gateway import polling
from ..gateway.links import supports_callback
from ..models import Attempt, TryOnRequest, VendorLink
from ..models.states import REOPENABLE_CODES, Money, State
from .followers import fail_with_followers, reopened
from .transition import ANY, current_attempt, is_newest, lock_row, send, settle, transition

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from ..pixazo import Answer, Submission

logger = logging.getLogger(__name__)


def claim_submit(
    request: TryOnRequest, attempt: Attempt, now: datetime, lease: timedelta, token_hash: str
) -> bool:
    """Write ahead of the cent: queued -> submitting is committed before any socket is opened.

    True where `attempt`, its newest, may now be POSTed once; False where another pump was faster.
    """
    until = now + lease
    with transaction.atomic(savepoint=False):  # Its callers' transaction, mostly.
        if not transition(
            request,
            [State.QUEUED],
            State.SUBMITTING,
            "claimed",
            where=Q(due_at__lte=now),
            lease_until=until,
            due_at=until,
            started_at=now,
        ):
            return False
        unsent = Attempt.objects.filter(pk=attempt.pk, posted_at__isnull=True)
        if not unsent.update(posted_at=now, token_hash=token_hash):
            # It was sent and followed by another one since it was read.
            transaction.set_rollback(True)
            return False
        attempt.posted_at, attempt.token_hash = now, token_hash
    return True


def submit_answered(attempt: Attempt, submission: Submission, answer: Answer) -> None:
    """Store the POST's own answer: it wins over whatever a callback said before."""
    request, posted = attempt.request, Attempt.objects.filter(pk=attempt.pk)
    told = {"verdict": submission.verdict, "http_status": submission.status_code, "raw": answer.raw}
    pause = polling.first_poll_delay(supports_callback=supports_callback(request.engine))
    try:
        with transaction.atomic():
            reopen(request, attempt, "submitted", timezone.now() + pause)
            posted.update(vendor_id=answer.vendor_id, **told)
            attempt.vendor_id = answer.vendor_id
    except IntegrityError:
        _warn_of(answer.vendor_id)
        with transaction.atomic():
            newest = is_newest(attempt)
            transition(
                request, [State.SUBMITTING], State.UNKNOWN, "foreign_id", attempt=attempt, where=newest
            )
            posted.update(**told)


def submit_refused(
    attempt: Attempt, submission: Submission, *, retry_at: datetime | None, code: str = "vendor"
) -> None:
    """The POST came to nothing and costs nothing: again at `retry_at`, or failed with `code`.

    It is the POST's own word, and so it helps where the try-on is in doubt, and where it ended meanwhile.
    """
    request = attempt.request
    with transaction.atomic():
        lock_row(request)
        Attempt.objects.filter(pk=attempt.pk).update(
            verdict=submission.verdict, http_status=submission.status_code, error=submission.error
        )
        VendorLink.objects.filter(attempt=attempt).delete()
        move = partial(transition, request, [State.SUBMITTING, State.UNKNOWN], where=is_newest(attempt))
        name, following = str(submission.verdict), attempt.number + 1
        if retry_at is not None and move(
            State.QUEUED, name, attempt=attempt, due_at=retry_at, last_attempt=following
        ):
            _next_attempt(attempt)
        elif retry_at is None and move(State.FAILED, name, attempt=attempt, error_code=code):
            settle(request, attempt, Money.FREE)
            fail_with_followers(request)
        elif Attempt.objects.filter(pk=attempt.pk, vendor_id__isnull=True).exists():
            settle(request, attempt, Money.FREE, source=Money.SPENT)


def _next_attempt(attempt: Attempt) -> None:
    """A new attempt takes the hold over: the budget's sums do not move."""
    if not Attempt.objects.filter(pk=attempt.pk, money=Money.HELD).update(money=Money.FREE):
        raise RuntimeError("An attempt without a hold was sent back into the queue.")
    Attempt.objects.create(
        request=attempt.request,
        number=attempt.number + 1,
        engine=attempt.engine,
        amount=attempt.amount,
        budget_day=attempt.budget_day,
    )


def submit_unknown(
    attempt: Attempt, *, grace: timedelta, error: str = "", status: int | None = None, where: Q = ANY
) -> bool:
    """The call was cut off after the socket opened, or its worker is gone. Never sent again by itself."""
    request = attempt.request
    with transaction.atomic():
        due_at = (attempt.posted_at or timezone.now()) + grace
        if not transition(
            request,
            [State.SUBMITTING],
            State.UNKNOWN,
            "cut_off",
            attempt=attempt,
            where=where & is_newest(attempt),
            due_at=due_at,
        ):
            return False
        Attempt.objects.filter(pk=attempt.pk).update(verdict="unknown", error=error, http_status=status)
    return True


def outcome_timed_out(request: TryOnRequest) -> None:
    """Nobody ever said what became of the call: failed, counted as spent, and an operator is asked."""
    with transaction.atomic():
        lock_row(request)
        attempt = current_attempt(request)
        if transition(
            request,
            [State.UNKNOWN],
            State.FAILED,
            "outcome_timed_out",
            attempt=attempt,
            where=Q(due_at__lte=timezone.now()),
            error_code="outcome_unknown",
        ):
            settle(request, attempt, Money.SPENT)
            fail_with_followers(request)
            send(signals.tryon_needs_attention, request, code="outcome_unknown")


def callback(attempt: Attempt, vendor_id: str) -> bool:
    """A call that bears the attempt's own token: a hint to ask now. True where there is news to look at."""
    request = attempt.request
    now = timezone.now()
    # Once it has an id, it has one for ever. Mostly it is only waited for.
    if attempt.vendor_id is not None and _hint(request, now):
        return True
    with transaction.atomic():
        lock_row(request)
        if attempt.vendor_id is None:
            if vendor_id:
                fill(Attempt.objects.filter(pk=attempt.pk, vendor_id__isnull=True), vendor_id)
            if not Attempt.objects.filter(pk=attempt.pk, vendor_id__isnull=False).exists():
                return False
        return _hint(request, now) or reopen(request, attempt, "callback", now, called_back_at=now)


def _hint(request: TryOnRequest, now: datetime) -> bool:
    """Due now, or a little after the last hint's question; where it is due sooner, that stays.

    The first hint is noted in any case: what was called back is looked at before what was not.
    """
    due_at = (
        now
        if request.called_back_at is None
        else max(now, request.called_back_at + polling.CALLBACK_POLL_INTERVAL)
    )
    running = TryOnRequest.objects.filter(
        pk=request.pk, state=State.SUBMITTED, called_back_at=request.called_back_at
    )
    if request.called_back_at is not None:
        running = running.filter(due_at__gt=due_at)
    return bool(running.update(due_at=Least("due_at", Value(due_at)), called_back_at=due_at))


def fill(attempt: QuerySet[Attempt], vendor_id: str) -> bool:
    """A vendor's id belongs to its attempt, whatever became of the try-on. False if it is another's."""
    try:
        with transaction.atomic():
            return bool(attempt.update(vendor_id=vendor_id))
    except IntegrityError:
        _warn_of(vendor_id)
        return False


def _warn_of(vendor_id: str) -> None:
    """The vendor repeats itself, or somebody guessed."""
    logger.warning("The vendor's id of an attempt belongs to another one: %s", vendor_id)


def reopen(request: TryOnRequest, attempt: Attempt, event: str, due_at: datetime, **fields: Any) -> bool:
    """To `submitted`, due then, from wherever news of the vendor's id may still help.

    An attempt that another one has followed is history: its id is kept, and nothing more.
    """
    newest = is_newest(attempt)
    submitted = {"attempt": attempt, "error_code": "", "finished_at": None, "due_at": due_at, **fields}
    # In the order in which it may move meanwhile.
    for state in (State.SUBMITTING, State.UNKNOWN):
        if transition(request, [state], State.SUBMITTED, event, where=newest, **submitted):
            return True
    reopenable = Q(newest, error_code__in=REOPENABLE_CODES, erased_at__isnull=True)
    if not transition(request, [State.FAILED], State.SUBMITTED, event, where=reopenable, **submitted):
        return False
    reopened(request)
    return True
