"""The only writer of a try-on's state. Every change is one compare-and-swap with its event and money.

`_swap` is the heart: `UPDATE ... WHERE id = ? AND state IN (...)`. No row changed means that somebody
was faster, and the caller's news is void. Signals go out after the commit, at most once.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from . import budget, quotas, signals
from .conf import config
from .models import Attempt, TryOnEvent, TryOnRequest, VendorLink
from .states import ACTIVE, REOPENABLE_CODES, SOURCES, Money, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from .pixazo import Answer, Submission

logger = logging.getLogger("django_vton.lifecycle")

ANY = Q()

HINT_PAUSE = timedelta(seconds=10)
"""However many callbacks come, they cause one question to the vendor in this time."""

FETCH_FOR = timedelta(hours=24)
"""So long a finished picture is fetched again where the way to it is broken."""

MAX_BAD_PICTURES = 3
"""So often may a finished picture come as bytes that are none."""

MAX_CLAIMS = 3
"""So often may work on one state end in silence: a picture that kills the process must not starve the rest."""


def _swap(
    request: TryOnRequest,
    sources: Iterable[State],
    target: State,
    event: str,
    *,
    attempt: Attempt | None = None,
    actor_id: Any = None,
    where: Q = ANY,
    **fields: Any,
) -> bool:
    """Move a row from one of `sources` to `target`, inside the caller's transaction; False if too late."""
    allowed = [state for state in sources if state in SOURCES[target]]
    now = timezone.now()
    fields = {"lease_until": None, "claims": 0, **fields}
    if target in (State.COMPLETED, State.FAILED, State.CANCELED):
        fields |= {"finished_at": now, "due_at": None, "result_urls": []}
    if target in (State.FAILED, State.CANCELED):
        fields["shared_key"] = None
    row = TryOnRequest.objects.filter(where, pk=request.pk, state__in=allowed)
    if not row.update(state=target, **fields):
        return False
    before, request.state = request.state, target
    for name, value in fields.items():
        setattr(request, name, value)
    _record(request, event, before, attempt=attempt, actor_id=actor_id)
    return True


def _record(
    request: TryOnRequest,
    event: str,
    before: str = "",
    *,
    attempt: Attempt | None = None,
    actor_id: Any = None,
    detail: dict[str, Any] | None = None,
) -> None:
    TryOnEvent.objects.create(
        request=request,
        attempt=attempt,
        name=event,
        from_state=before,
        to_state=request.state,
        actor_id=actor_id,
        detail=detail or {},
    )
    logger.info(
        "try-on %s: %s, %s -> %s, attempt %s",
        request.pk,
        event,
        before or "-",
        request.state,
        attempt.number if attempt else "-",
    )


def _send(signal: Any, request: TryOnRequest, **arguments: Any) -> None:
    """Tell the shop after the commit; a receiver's error is logged and harms nobody."""

    def send() -> None:
        for receiver, answer in signal.send_robust(
            sender=TryOnRequest, request_id=request.pk, product=request.product, **arguments
        ):
            if isinstance(answer, Exception):
                logger.error("A receiver of a try-on signal failed: %r", receiver, exc_info=answer)

    transaction.on_commit(send)


# Accepting ------------------------------------------------------------------------------------------


def accept(request: TryOnRequest, *, amount: int | None, detail: dict[str, Any] | None = None) -> None:
    """Store a new try-on. With an `amount` (micro-USD) the money is set aside and a pump will drive it.

    Without one it is a follower, whose source does the work. Raises BudgetExhausted.
    """
    with transaction.atomic():
        now = timezone.now()
        request.state = State.QUEUED
        request.due_at = None if amount is None else now
        request.save(force_insert=True)
        attempt = None
        if amount is not None:
            day = budget.reserve(amount)
            attempt = Attempt.objects.create(
                request=request, engine=request.engine, amount=amount, budget_day=day
            )
        _record(request, "accepted", attempt=attempt, detail=detail)


def follow(follower: TryOnRequest, source: TryOnRequest) -> None:
    """End a follower at once where its source has ended already; in the transaction that accepted it."""
    if source.state == State.COMPLETED:
        _finish_follower(follower, source)


def _followers_end(source: TryOnRequest) -> None:
    for follower in source.followers.filter(state=State.QUEUED):
        _finish_follower(follower, source)


def _finish_follower(follower: TryOnRequest, source: TryOnRequest) -> None:
    if source.state == State.COMPLETED:
        TryOnRequest.objects.filter(pk=source.pk, expires_at__lt=follower.expires_at).update(
            expires_at=follower.expires_at
        )
        if _swap(follower, [State.QUEUED], State.COMPLETED, "shared", image_count=source.image_count):
            _send(signals.tryon_completed, follower)
    elif _swap(follower, [State.QUEUED], State.FAILED, "source_ended", error_code=source.error_code or "vendor"):
        _send(signals.tryon_failed, follower, code=follower.error_code)


def _settle(request: TryOnRequest, attempt: Attempt, money: Money) -> None:
    """Close the hold; what cost nothing does not count against the shopper either."""
    if budget.settle(attempt, money) and money == Money.FREE:
        _uncount(request)


def _uncount(request: TryOnRequest) -> None:
    quotas.give_back(request)
    for follower in request.followers.all():
        quotas.give_back(follower)


# Submitting -----------------------------------------------------------------------------------------


def current_attempt(request: TryOnRequest) -> Attempt:
    """The newest attempt."""
    return request.attempts.order_by("-number")[:1].get()


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


def claim_submit(request: TryOnRequest, now: datetime, lease: timedelta, token_hash: str) -> Attempt | None:
    """Write ahead of the cent: queued -> submitting is committed before any socket is opened.

    Returns the attempt that may now be POSTed once, or None where another pump was faster.
    """
    until = now + lease
    with transaction.atomic():
        if not _swap(
            request,
            [State.QUEUED],
            State.SUBMITTING,
            "claimed",
            where=Q(due_at__lte=now),
            lease_until=until,
            due_at=until,
            started_at=now,
        ):
            return None
        attempt = current_attempt(request)
        Attempt.objects.filter(pk=attempt.pk).update(posted_at=now, token_hash=token_hash)
        attempt.posted_at, attempt.token_hash = now, token_hash
    return attempt


def submit_answered(attempt: Attempt, submission: Submission, answer: Answer) -> None:
    """Store the POST's own answer: it wins over whatever a callback said before."""
    request = attempt.request
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(
            verdict="accepted", http_status=submission.status_code, raw=answer.raw
        )
        if _fill(Attempt.objects.filter(pk=attempt.pk), answer.vendor_id):
            attempt.vendor_id = answer.vendor_id
            _reopen(request, attempt, "submitted", first_ask(request.engine))
        else:
            _swap(request, [State.SUBMITTING], State.UNKNOWN, "foreign_id", attempt=attempt)


def submit_refused(
    attempt: Attempt, submission: Submission, *, retry_at: datetime | None, code: str = "vendor"
) -> None:
    """The vendor said no and charged nothing: to be tried again at `retry_at`, or failed with `code`."""
    request = attempt.request
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(
            verdict="refused", http_status=submission.status_code, error=submission.error
        )
        if retry_at is not None:
            if _swap(request, [State.SUBMITTING], State.QUEUED, "refused", attempt=attempt, due_at=retry_at):
                _next_attempt(attempt)
        elif _swap(
            request, [State.SUBMITTING], State.FAILED, "refused", attempt=attempt, error_code=code
        ):
            _settle(request, attempt, Money.FREE)
            _fail_with_followers(request)


def submit_not_sent(attempt: Attempt, *, retry_at: datetime, error: str = "") -> None:
    """Nothing reached the vendor: back into the queue with a new attempt."""
    request = attempt.request
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(verdict="not_sent", error=error)
        if _swap(request, [State.SUBMITTING], State.QUEUED, "not_sent", attempt=attempt, due_at=retry_at):
            _next_attempt(attempt)


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


def submit_unknown(request: TryOnRequest, *, grace: timedelta, error: str = "", status: int | None = None) -> bool:
    """The call was cut off after the socket opened, or its worker is gone. Never sent again by itself."""
    with transaction.atomic():
        attempt = current_attempt(request)
        due_at = (attempt.posted_at or timezone.now()) + grace
        if not _swap(request, [State.SUBMITTING], State.UNKNOWN, "cut_off", attempt=attempt, due_at=due_at):
            return False
        Attempt.objects.filter(pk=attempt.pk).update(verdict="unknown", error=error, http_status=status)
    return True


def grace_over(request: TryOnRequest) -> None:
    """Nobody ever said what became of the call: failed, counted as spent, and an operator is asked."""
    with transaction.atomic():
        attempt = current_attempt(request)
        if _swap(
            request, [State.UNKNOWN], State.FAILED, "grace_over", attempt=attempt, error_code="outcome_unknown"
        ):
            _settle(request, attempt, Money.SPENT)
            _fail_with_followers(request)
            _send(signals.tryon_needs_attention, request, code="outcome_unknown")


# The vendor's ids -----------------------------------------------------------------------------------


def first_ask(engine_name: str) -> datetime:
    """When to ask first: a callback, where one is ordered, mostly comes sooner."""
    from .engines import get_engine

    ordered = config.callbacks and get_engine(engine_name).callbacks
    return timezone.now() + timedelta(seconds=20 if ordered else 5)


def _fill(attempt: QuerySet[Attempt], vendor_id: str) -> bool:
    """A vendor's id belongs to its attempt, whatever became of the try-on. False if it is another's."""
    try:
        with transaction.atomic():
            return bool(attempt.update(vendor_id=vendor_id))
    except IntegrityError:
        # The vendor repeats itself, or somebody guessed.
        logger.error("The vendor's id of an attempt belongs to another one: %s", vendor_id)
        return False


def _reopen(request: TryOnRequest, attempt: Attempt, event: str, due_at: datetime, **fields: Any) -> bool:
    """To `submitted`, due then, from wherever news of the vendor's id may still help."""
    reopenable = Q(state=State.FAILED, error_code__in=REOPENABLE_CODES, erased_at__isnull=True)
    return _swap(
        request,
        [State.SUBMITTING, State.UNKNOWN, State.FAILED],
        State.SUBMITTED,
        event,
        attempt=attempt,
        where=~Q(state=State.FAILED) | reopenable,
        error_code="",
        finished_at=None,
        due_at=due_at,
        **fields,
    )


def callback(attempt: Attempt, vendor_id: str) -> bool:
    """A call that bears the attempt's own token: a hint to ask now. True where there is news to look at."""
    request = attempt.request
    now = timezone.now()
    with transaction.atomic():
        nameless = Attempt.objects.filter(pk=attempt.pk, vendor_id__isnull=True)
        if vendor_id and attempt.vendor_id is None and _fill(nameless, vendor_id):
            return _reopen(request, attempt, "callback", now, hinted_at=now)
        if request.state == State.FAILED:
            # Without a deadline's code nothing is reopened: see `_reopen`.
            return attempt.vendor_id is not None and _reopen(request, attempt, "callback", now, hinted_at=now)
        due_at = now if request.hinted_at is None else max(now, request.hinted_at + HINT_PAUSE)
        return bool(
            TryOnRequest.objects.filter(pk=request.pk, state=State.SUBMITTED, due_at__gt=due_at).update(
                due_at=due_at, hinted_at=due_at
            )
        )


# Answers --------------------------------------------------------------------------------------------


def rendered(request: TryOnRequest, attempt: Attempt, answer: Answer) -> bool:
    """The vendor is done and paid; the pictures are not yet ours."""
    now = timezone.now()
    with transaction.atomic():
        if not _swap(
            request,
            [State.SUBMITTED],
            State.RENDERED,
            "rendered",
            attempt=attempt,
            due_at=now,
            rendered_at=now,
            result_urls=list(answer.images),
        ):
            return False
        Attempt.objects.filter(pk=attempt.pk).update(raw=answer.raw)
        _settle(request, attempt, Money.SPENT)
        VendorLink.objects.filter(attempt=attempt).delete()
    return True


def render_failed(request: TryOnRequest, attempt: Attempt, answer: Answer, *, charged: bool) -> None:
    """The vendor gave up. FAILED counts as charged, ERROR ("not charged") does not."""
    with transaction.atomic():
        if not _swap(
            request,
            [State.SUBMITTED],
            State.FAILED,
            "vendor_failed",
            attempt=attempt,
            error_code=answer.error_code or "vendor",
        ):
            return
        Attempt.objects.filter(pk=attempt.pk).update(raw=answer.raw, error=answer.error)
        if not charged and attempt.money == Money.SPENT and budget.refund(attempt):
            _uncount(request)
        _settle(request, attempt, Money.SPENT if charged else Money.FREE)
        _fail_with_followers(request)


def deadline_over(request: TryOnRequest, attempt: Attempt) -> None:
    """The vendor took too long; a late callback may still reopen it."""
    with transaction.atomic():
        if _swap(request, [State.SUBMITTED], State.FAILED, "deadline", attempt=attempt, error_code="deadline"):
            _settle(request, attempt, Money.SPENT)
            _fail_with_followers(request)


def give_up(request: TryOnRequest, code: str, event: str) -> None:
    """A paid picture that cannot be had, or a queued photo that is no more."""
    with transaction.atomic():
        attempt = current_attempt(request)
        queued = request.state == State.QUEUED
        if _swap(request, [State(request.state)], State.FAILED, event, attempt=attempt, error_code=code):
            _settle(request, attempt, Money.FREE if queued else Money.SPENT)
            _fail_with_followers(request)


def _fail_with_followers(request: TryOnRequest) -> None:
    VendorLink.objects.filter(attempt__request=request).delete()
    _followers_end(request)
    _send(signals.tryon_failed, request, code=request.error_code)


def completed(request: TryOnRequest, images: list[Any]) -> bool:
    """The pictures are ours: the image rows and the last swap in one transaction."""
    from .models import TryOnImage

    with transaction.atomic():
        if not _swap(request, [State.RENDERED], State.COMPLETED, "completed", image_count=len(images)):
            return False
        TryOnImage.objects.bulk_create(images)
        _followers_end(request)
        _send(signals.tryon_completed, request)
    return True


def fetch_failed(request: TryOnRequest, *, is_bad_picture: bool, error: str) -> None:
    """Only the fetch is tried again, never the render: for a day, or three times if it is no picture."""
    now = timezone.now()
    failures = request.fetch_failures + 1
    TryOnRequest.objects.filter(pk=request.pk).update(fetch_failures=failures)
    too_long = request.rendered_at is not None and now > request.rendered_at + FETCH_FOR
    if too_long or (is_bad_picture and failures >= MAX_BAD_PICTURES):
        give_up(request, "vendor", "not_fetched")
        return
    logger.warning("try-on %s: the picture was not fetched: %s", request.pk, error)
    release(request, now + timedelta(seconds=min(600, 2**failures)))


# Ending it by hand ----------------------------------------------------------------------------------


def cancel(request: TryOnRequest, *, actor_id: Any = None, sources: Iterable[State] = ACTIVE) -> bool:
    """Stop it where it still runs. Before the submit it costs nothing; after, the render is paid and dropped."""
    with transaction.atomic():
        request = TryOnRequest.objects.select_for_update().get(pk=request.pk)
        before = request.state
        if not _swap(request, sources, State.CANCELED, "canceled", actor_id=actor_id):
            return False
        attempt = request.attempts.order_by("-number").first()
        if attempt is not None:
            _settle(request, attempt, Money.FREE if before == State.QUEUED else Money.SPENT)
            VendorLink.objects.filter(attempt__request=request).delete()
            _followers_end(request)
        elif (source := request.source) is not None and not source.followers.active().exists():
            # Nobody waits for the shared render any more; while it is not paid, it need not be.
            cancel(source, sources=[State.QUEUED])
    return True
