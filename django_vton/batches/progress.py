"""Compute the progress and the cost of a batch from its rows, in a fixed number of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum

from ..conf import config
from ..models import Attempt, Batch, BatchRender
from ..models.states import ACTIVE, Money, State
from .review import IS_PUBLISHED, OUTDATED, UNCONFIRMED, reviewable


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Numbers of renders of a batch. The first seven add up to `total`. Money is in micro-USD."""

    waiting: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    refused: int = 0
    """Not possible, for example because the product has no image. `BatchRender.problem` gives the reason."""
    canceled: int = 0
    """Canceled individually by an operator."""
    dropped: int = 0
    """Still waiting when the batch was canceled."""
    total: int
    unknown_outcomes: int = 0
    """Failed, but may have been charged."""
    shared: int = 0
    """Not paid by this batch, since an equal render existed."""
    unreviewed: int = 0
    accepted: int = 0
    unconfirmed: int
    """Accepted by one user, but with `REVIEW_BY_TWO` not yet by a second one. They count as accepted, too."""
    rejected: int = 0
    rejections: Mapping[str, int]
    """The numbers of rejected renders by `BatchRender.RejectionReason`, without zeros."""
    published: int
    outdated: int
    """The product has another image now, and the render is in the shop or not replaced yet."""
    held: int
    spent: int
    is_prepared: bool
    """Whether all rows exist. Until then, `total` is an upper bound."""
    waiting_for: str
    """The code of the refusal that postpones the batch, such as "budget_exhausted", or ""."""
    waiting_until: datetime | None

    @property
    def ended(self) -> int:
        """Return the number of renders that are neither waiting nor running."""
        return self.total - self.waiting - self.running

    @property
    def is_finished(self) -> bool:
        """Return whether no render is waiting or running."""
        return not self.waiting and not self.running

    @property
    def retryable(self) -> int:
        """Return the number of renders that `retry` would put back."""
        return self.failed - self.unknown_outcomes + self.refused


def progress(batch: Batch) -> Progress:
    """Return the progress of the batch as it is now."""
    now = Batch.objects.defer("products").get(pk=batch.pk)
    counts, rejections = _counts(now)
    is_prepared = (
        now.status in (Batch.Status.DRAFT, Batch.Status.CANCELED) or now.products_done >= now.product_count
    )
    # Count the renders that have no row yet.
    if now.status == Batch.Status.CANCELED:
        counts["dropped"] += now.total - now.next_position
    elif not is_prepared:
        counts["waiting"] += now.total - now.next_position
    attempts = Attempt.objects.filter(request__batch=now).order_by()
    money = dict(attempts.values_list("money").annotate(total=Sum("amount")))
    return Progress(
        **counts,
        unconfirmed=reviewable(now).filter(UNCONFIRMED).count() if config.REVIEW_BY_TWO else 0,
        rejections=rejections,
        total=now.total,
        **now.renders.order_by().aggregate(
            published=Count("pk", filter=Q(IS_PUBLISHED)), outdated=Count("pk", filter=OUTDATED)
        ),
        held=money.get(Money.HELD, 0),
        spent=money.get(Money.SPENT, 0),
        is_prepared=is_prepared,
        waiting_for=now.waiting_for,
        waiting_until=now.waiting_until,
    )


def _counts(batch: Batch) -> tuple[Counter[str], Counter[str]]:
    """Return the counts by the fields of `Progress`, and those of the rejections by their reason."""
    fields = ("status", "request__state", "request__error_code", "request__batch", "review")
    groups = batch.renders.order_by().values_list(*fields, "rejection_reason").annotate(number=Count("pk"))
    counts: Counter[str] = Counter()
    rejections: Counter[str] = Counter()
    for status, state, code, payer, review, reason, number in groups:
        names = _count_names(status, state, code, review, is_shared=payer != batch.pk)
        counts.update(dict.fromkeys(names, number))
        if "rejected" in names:
            rejections[reason] += number
    return counts, rejections


def _count_names(status: str, state: Any, code: str, review: str, *, is_shared: bool) -> list[str]:
    """Return the fields of `Progress` that count a render with these values."""
    if status != BatchRender.Status.REQUESTED:
        return [status]
    names = ["running" if state in ACTIVE else str(state or State.CANCELED)]
    if is_shared:
        names.append("shared")
    if state == State.FAILED and code == "outcome_unknown":
        names.append("unknown_outcomes")
    if state == State.COMPLETED:
        names.append(review or "unreviewed")
    return names
