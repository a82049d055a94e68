"""What staff are told of once: no worker, an open breaker, a budget that ends, doubts, pictures out of reach.

Nobody reports an incident. One look (`watch`) reads from the rows what holds now, opens what is new and
closes what is over, so that the code that moves money knows nothing of mail. That staff are still to be
told is part of the row: whoever tells claims it first, and a mail that did not go is due again later.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from .. import signals
from ..billing.budget_status import BudgetStatus, budget_statuses
from ..conf import MICROS
from ..gateway.engines import engines
from ..models import Attempt, BudgetPeriod, GatewayState, Incident, TryOnEvent, TryOnRequest
from ..models.states import NOT_LOADED, State
from ..queue import liveness
from ..utils.periods import today, window
from . import mail

logger = logging.getLogger(__name__)

TELL_AGAIN = timedelta(minutes=10)
"""After so long a mail that was begun, and not noted as sent, is sent anew."""

LONGEST_WAY = timedelta(days=7)
"""A try-on ends so long after it was asked for, at most: older rows need not be looked through."""

IN_A_ROW = 3
"""So many of the newest renders have to fail for want of a picture before it is no shopper's photo."""

WRITTEN_OFF = Exists(
    TryOnEvent.objects.filter(request=OuterRef("pk"), name="written_off", at__gte=OuterRef("finished_at"))
)
"""An operator closed the matter since it failed; where it was reopened and fails again, it is a new one."""

PAYS_ITSELF = Exists(Attempt.objects.filter(request=OuterRef("pk")))
"""Not one that shares a render."""

OUTCOME_UNKNOWN = Q(PAYS_ITSELF, ~WRITTEN_OFF, state=State.FAILED, error_code="outcome_unknown")
"""It ended without the vendor's answer, and nobody has closed the matter."""


# What holds ------------------------------------------------------------------------------------------


def unloaded() -> int:
    """How many of the newest renders, up to IN_A_ROW, where all of them failed for want of a picture."""
    by_link = [name for name, engine in engines().items() if engine.images_as == "url"]
    ended = TryOnRequest.objects.filter(
        PAYS_ITSELF, engine__in=by_link, state__in=(State.COMPLETED, State.FAILED)
    )
    recent = ended.filter(created_at__gte=timezone.now() - LONGEST_WAY).order_by("-created_at")
    codes = list(recent.values_list("error_code", flat=True)[:IN_A_ROW])
    return len(codes) if set(codes) <= set(NOT_LOADED) else 0


def present() -> dict[str, BudgetStatus | None]:
    """The names of all that holds now, with the budget that a name is about.

    A budget's name has its period and its cap: with a higher cap, its end is news again.
    """
    day = today()
    found: dict[str, BudgetStatus | None] = {}
    if liveness.workers_are_gone():
        found["workers"] = None
    for state in GatewayState.objects.filter(engine__in=engines()).exclude(breaker=""):
        found[f"breaker.{state.engine}.{state.breaker}"] = None
    for budget in budget_statuses():
        if budget.cap:  # A budget of 0 is a decision, and no news.
            for level, holds in (("near", budget.is_near), ("reached", budget.is_reached)):
                if holds:
                    found[f"budget.{budget.kind}.{budget.starts_on}.{level}.{budget.cap}"] = budget
    midnight = window("day")[0]
    recent = Q(finished_at__gte=midnight, created_at__gte=midnight - LONGEST_WAY)
    if TryOnRequest.objects.filter(OUTCOME_UNKNOWN, recent).exists():
        found[f"doubt.{day}"] = None
    if unloaded() == IN_A_ROW:
        found["pictures"] = None
    return found


def _lasts(name: str) -> bool:
    """Whether it stays open until its day or month is over: a sum that sways is told of once."""
    day = today()
    lasting = (f"budget.day.{day}.", f"budget.month.{day.replace(day=1)}.", f"doubt.{day}")
    return name.startswith(lasting)


def open_now() -> Iterator[tuple[str, datetime | None]]:
    """What holds now and since when (None: it began since the last look); of two levels, the higher."""
    since = dict(Incident.objects.values_list("name", "opened_at"))
    found = present()
    for name in found:
        if not _is_outdone(name, found):
            yield name, since.get(name)


def _is_outdone(name: str, found: Container[str]) -> bool:
    """Whether another says it as well, and more: of a budget that is used up, most is used."""
    return ".near." in name and name.replace(".near.", ".reached.") in found


# One look --------------------------------------------------------------------------------------------


def watch() -> None:
    """Open, close and tell. Anybody may call it at any time, and more often than needed; it raises nothing.

    Where nothing has changed, nothing is written.
    """
    try:
        _look()
    except Exception:
        logger.exception("The look for incidents failed; the next one comes in a minute.")


def _look() -> None:
    now = timezone.now()
    found = present()
    rows = {row.name: row for row in Incident.objects.all()}
    for name, budget in found.items():
        if name not in rows:
            rows[name] = _open(name, budget, now, is_silent=_is_outdone(name, found))
    over = [row.name for row in rows.values() if row.name not in found and not _lasts(row.name)]
    if over:
        # What staff do not know of yet stays until they were told.
        Incident.objects.filter(name__in=over, notify_at__isnull=True).delete()
    for row in rows.values():
        if row.notify_at is not None and row.notify_at <= now:
            _tell(row, now, is_over=row.name not in found)


def _open(name: str, budget: BudgetStatus | None, now: datetime, *, is_silent: bool) -> Incident:
    """Two who see it at once open one; `is_silent` where another incident's mail says it as well."""
    row, is_new = Incident.objects.get_or_create(
        name=name, defaults={"opened_at": now, "notify_at": None if is_silent else now}
    )
    if is_new:
        logger.warning("An incident begins: %s", name)
        if budget is not None and ".near." in name:
            transaction.on_commit(partial(_warn, budget), robust=True)
    return row


def _warn(budget: BudgetStatus) -> None:
    assert budget.cap is not None
    for receiver, answer in signals.budget_near.send_robust(
        sender=BudgetPeriod,
        kind=budget.kind,
        starts_on=budget.starts_on,
        used=Decimal(budget.used) / MICROS,
        cap=Decimal(budget.cap) / MICROS,
    ):
        if isinstance(answer, Exception):
            logger.error("A receiver of budget_near failed: %r", receiver, exc_info=answer)


def _tell(row: Incident, now: datetime, *, is_over: bool) -> None:
    """Claim the telling, then mail. Who dies in between, or finds no mail server, leaves it due again."""
    addresses = mail.recipients()
    mine = Incident.objects.filter(name=row.name, notify_at=row.notify_at)
    if not addresses:
        mine.update(notify_at=None)
        return
    claimed = now + TELL_AGAIN
    if mine.update(notify_at=claimed):
        told = partial(_told, row.name, claimed)
        go = partial(mail.mail, row.name, addresses, is_over=is_over, then=told)
        transaction.on_commit(go, robust=True)


def _told(name: str, claimed: datetime) -> None:
    Incident.objects.filter(name=name, notify_at=claimed).update(notify_at=None)
