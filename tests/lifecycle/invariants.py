"""What is true of the rows and the money at any moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from django_vton.models import Attempt, BudgetPeriod, TryOnRequest, VendorLink
from django_vton.models.states import AT_VENDOR, TERMINAL, Money, State

if TYPE_CHECKING:
    from datetime import date

    from django_vton.sandbox import Gateway

CURRENT = {
    State.QUEUED: {Money.HELD},
    State.SUBMITTING: {Money.HELD},
    State.UNKNOWN: {Money.HELD},
    State.SUBMITTED: {Money.HELD, Money.SPENT},
    State.RENDERED: {Money.SPENT},
    State.COMPLETED: {Money.SPENT},
    State.FAILED: {Money.SPENT, Money.FREE},
    State.CANCELED: {Money.SPENT, Money.FREE},
}
"""The possible money states of the current attempt. A `submitted` try-on may have been reopened after it was
spent."""


def check_books(gateway: Gateway | None = None) -> None:
    """Assert that budgets, attempts and rows agree, and, with a gateway, that its ledger does."""
    _check_periods()
    for request in TryOnRequest.objects.all():
        _check_row(request)
        _check_attempts(request)
    _check_links()
    if gateway is not None:
        _check_ledger(gateway)


def _check_periods() -> None:
    sums: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for attempt in Attempt.objects.all():
        for period in (("day", attempt.budget_day), ("month", attempt.budget_day.replace(day=1))):
            sums[period][attempt.money] += attempt.amount
    booked = {
        (period.kind, period.starts_on): (period.held, period.spent) for period in BudgetPeriod.objects.all()
    }
    counted = {period: (by["held"], by["spent"]) for period, by in sums.items()}
    idle = dict.fromkeys(booked, (0, 0))
    assert booked == idle | counted


def _check_row(request: TryOnRequest) -> None:
    has_ended = request.state in TERMINAL
    assert has_ended == (request.finished_at is not None), request.state
    if has_ended:
        assert (request.due_at, request.lease_until, request.result_urls) == (None, None, [])
    assert bool(request.error_code) == (request.state == State.FAILED)
    assert (request.state == State.RENDERED) == bool(request.result_urls)
    last = request.events.exclude(name="erased").last()
    assert last is not None
    assert last.to_state == request.state
    images = list(request.images.all())
    if request.state != State.COMPLETED:
        assert images == []
    elif request.source_id is None and request.erased_at is None:
        assert len(images) == request.image_count > 0
    for image in images:
        assert image.file.storage.exists(str(image.file))
        assert image.thumbnail.storage.exists(str(image.thumbnail))


def check_followers() -> None:
    """Assert that no follower waits for an ended source: true after the schedule has run."""
    waiting = TryOnRequest.objects.filter(state=State.QUEUED, source__state__in=TERMINAL)
    assert not waiting.exists(), "a follower waits for an ended source"


def _check_attempts(request: TryOnRequest) -> None:
    attempts = list(request.attempts.order_by("number"))
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    if not attempts:
        assert request.source_id is not None or request.state in TERMINAL or request.due_at is None
        return
    current = attempts[request.current_attempt_number - 1]
    others = [
        attempt for attempt in attempts if attempt != current and attempt.pk not in charged_errors(request)
    ]
    assert {attempt.money for attempt in others} <= {Money.FREE}, "another attempt keeps money"
    assert current.money in CURRENT[State(request.state)], (request.state, current.money)


def charged_errors(request: TryOnRequest) -> set[int | None]:
    """The attempts that were charged although their submits were refused, as callbacks have proved."""
    return set(request.events.filter(name="charged_error").values_list("attempt", flat=True))


def _check_links() -> None:
    assert not VendorLink.objects.exclude(attempt__request__state__in=AT_VENDOR).exists()


def _check_ledger(gateway: Gateway) -> None:
    """No try-on is charged twice, and every charge is held or spent."""
    posted = Attempt.objects.filter(posted_at__isnull=False)
    entries = gateway.ledger.entries
    assert len(entries) <= posted.count(), "a POST without an attempt, or a second one"
    charged = [entry for entry in entries if entry.request_id and not entry.refunded]
    owners = dict(posted.filter(vendor_id__isnull=False).values_list("vendor_id", "request_id"))
    of_request = Counter(owners[entry.request_id] for entry in charged if entry.request_id in owners)
    for pk, number in of_request.items():
        errors = charged_errors(TryOnRequest.objects.get(pk=pk))
        assert number <= 1 + len(errors), "a try-on was charged twice"
    nameless = [entry for entry in charged if entry.request_id not in owners]
    with_unknown_outcome = posted.filter(vendor_id__isnull=True).exclude(outcome__in=["refused", "not_sent"])
    assert len(nameless) <= with_unknown_outcome.count(), "charged, and no attempt knows of it"
    booked = sum(attempt.amount for attempt in posted.filter(money__in=[Money.HELD, Money.SPENT]))
    assert sum(entry.amount for entry in charged) <= booked
