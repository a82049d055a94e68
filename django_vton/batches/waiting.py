"""Tell why the renders of a batch wait, from the facts of `health` and from what its feeder has stored."""

from __future__ import annotations

from django.utils.translation import gettext as _

from .. import health
from ..billing.budget import budget_statuses
from ..models import Batch, TryOnRequest
from ..models.states import State
from ..utils.money import format_usd
from .progress import Progress


def waiting_reasons(batch: Batch, now: Progress) -> list[str]:
    """Return the reasons for which renders of a running batch wait, in the active language."""
    if batch.status != Batch.Status.RUNNING or now.is_finished:
        return []
    stops = [fact for fact in health.find_stops() if _is_stopped_by(batch, now, fact)]
    if stops or not now.waiting_for:
        return [health.notice(fact.cause).summary for fact in stops]
    amounts = [budget.left for budget in budget_statuses() if budget.left is not None]
    if now.waiting_for == "budget_exhausted" and amounts:
        left = format_usd(min(amounts))
        return [_("The next render costs more than the budget has left: %(left)s.") % {"left": left}]
    return [_("The next render could not be requested.")]


def _is_stopped_by(batch: Batch, now: Progress, fact: health.Fact) -> bool:
    if fact.check == "workers":
        return True
    if fact.engine:
        queued = TryOnRequest.objects.filter(batch=batch, state=State.QUEUED, engine=fact.engine)
        return now.waiting_for == "unavailable" or queued.exists()
    return now.waiting > 0  # Renders in the queue have their budget, and a pause does not stop them.
