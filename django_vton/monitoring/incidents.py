"""Incidents, such as missing workers or a used-up budget. Staff get one mail about each.

The code that moves money does not report incidents, so it does not depend on mail. Instead, `check()` derives
the current incidents from the database, opens new ones and closes those that are over. A mail is due at
`Incident.notify_at`. A process claims a mail before sending it. A mail that was not sent becomes due again.

The names of incidents:

- `workers`
- `breaker.<engine>.<status code>`
- `budget.<kind>.<first day>.<near or reached>.<cap in micro-USD>`, so that a new cap is a new incident.
- `unknown_outcome.<day>`
- `images_unreachable`, if the vendor has not downloaded the images
- `images_unreadable`, if it says that it cannot use images that it has downloaded
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from .. import signals
from ..billing.budget import BudgetStatus, budget_statuses
from ..conf import MICROS_PER_USD
from ..gateway.engines import engines
from ..models import Attempt, BudgetPeriod, GatewayState, Incident, TryOnEvent, TryOnRequest
from ..models.states import IMAGE_ERROR_CODES, IMAGES_UNREACHABLE, State
from ..queue import liveness
from ..utils.periods import period_bounds, today
from . import mail

logger = logging.getLogger(__name__)

MAIL_RETRY = timedelta(minutes=10)
"""The time after which a mail that was claimed but not sent becomes due again."""

MAX_TRYON_AGE = timedelta(days=7)
"""Every try-on ends within this time after it was ordered, so older rows are not searched."""

MIN_UNREACHABLE = 2
"""The number of failed renders in a row that is an incident if the vendor has not downloaded the images."""

MIN_UNREADABLE = 3
"""The number of failed renders in a row that cannot be explained by one bad image."""

IS_WRITTEN_OFF = Exists(
    TryOnEvent.objects.filter(request=OuterRef("pk"), name="written_off", at__gte=OuterRef("finished_at"))
)
"""Whether the try-on was written off since it last failed."""

HAS_ATTEMPT = Exists(Attempt.objects.filter(request=OuterRef("pk")))
"""Whether the try-on has a render of its own, instead of sharing one."""

OUTCOME_UNKNOWN = Q(HAS_ATTEMPT, ~IS_WRITTEN_OFF, state=State.FAILED, error_code="outcome_unknown")
"""The try-on ended without the vendor's response, and no operator has written it off."""


@dataclass(frozen=True)
class ImageFailures:
    """The newest renders, if all of them failed because of an image."""

    incident: str
    """The name of the incident that they are if there are enough of them."""
    number: int
    is_incident: bool


def recent_image_failures() -> ImageFailures | None:
    """Return how the newest renders failed because of images. Return None if one of them did not.

    Only renders whose images the vendor downloads are examined.
    """
    by_link = [name for name, engine in engines().items() if engine.images_as == "url"]
    ended = TryOnRequest.objects.filter(
        HAS_ATTEMPT, engine__in=by_link, state__in=(State.COMPLETED, State.FAILED)
    )
    recent = ended.filter(created_at__gte=timezone.now() - MAX_TRYON_AGE).order_by("-created_at")
    codes = list(recent.values_list("error_code", flat=True)[:MIN_UNREADABLE])
    for incident, image_codes, minimum in (
        ("images_unreachable", {IMAGES_UNREACHABLE}, MIN_UNREACHABLE),
        ("images_unreadable", {IMAGES_UNREACHABLE, *IMAGE_ERROR_CODES}, MIN_UNREADABLE),
    ):
        newest = codes[:minimum]
        if newest and set(newest) <= image_codes:
            return ImageFailures(incident, len(newest), is_incident=len(newest) == minimum)
    return None


def current_incidents() -> dict[str, BudgetStatus | None]:
    """Return the current incidents by name. The value is the budget's status; None for other incidents."""
    day = today()
    found: dict[str, BudgetStatus | None] = {}
    if liveness.workers_are_gone():
        found["workers"] = None
    for state in GatewayState.objects.filter(engine__in=engines()).exclude(breaker=""):
        found[f"breaker.{state.engine}.{state.breaker}"] = None
    for budget in budget_statuses():
        if budget.cap:  # A budget of 0 is a decision, not an incident.
            for level, is_at_level in (("near", budget.is_near), ("reached", budget.is_reached)):
                if is_at_level:
                    found[f"budget.{budget.kind}.{budget.starts_on}.{level}.{budget.cap}"] = budget
    midnight = period_bounds("day")[0]
    recent = Q(finished_at__gte=midnight, created_at__gte=midnight - MAX_TRYON_AGE)
    if TryOnRequest.objects.filter(OUTCOME_UNKNOWN, recent).exists():
        found[f"unknown_outcome.{day}"] = None
    images = recent_image_failures()
    if images is not None and images.is_incident:
        found[images.incident] = None
    return found


def open_incidents() -> Iterator[tuple[str, datetime | None]]:
    """Yield each current incident's name and start. The start is None until `check` opens the incident."""
    since = dict(Incident.objects.values_list("name", "opened_at"))
    found = current_incidents()
    for name in found:
        if not _is_superseded(name, found):
            yield name, since.get(name)


def _is_superseded(name: str, found: Container[str]) -> bool:
    """Return whether this is the incident of a nearly used budget that is used up by now."""
    return ".near." in name and name.replace(".near.", ".reached.") in found


def check() -> None:
    """Open and close incidents, and send mails that are due. Log errors instead of raising them."""
    try:
        _check()
    except Exception:
        logger.exception("Checking for incidents failed; the next scheduled check is in a minute.")


def _check() -> None:
    now = timezone.now()
    found = current_incidents()
    rows = {row.name: row for row in Incident.objects.all()}
    for name, budget in found.items():
        if name not in rows:
            rows[name] = _open(name, budget, now, has_own_mail=not _is_superseded(name, found))
    over = [row.name for row in rows.values() if row.name not in found and not _lasts_for_period(row.name)]
    if over:
        # An incident whose mail is due stays, so that staff are told of it even though it is over.
        Incident.objects.filter(name__in=over, notify_at__isnull=True).delete()
    for row in rows.values():
        if row.notify_at is not None and row.notify_at <= now:
            _notify(row, now, is_over=row.name not in found)


def _lasts_for_period(name: str) -> bool:
    """Return whether an incident stays open until its day or month ends, so that it causes only one mail."""
    day = today()
    lasting = (f"budget.day.{day}.", f"budget.month.{day.replace(day=1)}.", f"unknown_outcome.{day}")
    return name.startswith(lasting)


def _open(name: str, budget: BudgetStatus | None, now: datetime, *, has_own_mail: bool) -> Incident:
    """Get or create the incident's row. Only the process that creates it logs and sends the signal."""
    row, is_new = Incident.objects.get_or_create(
        name=name, defaults={"opened_at": now, "notify_at": now if has_own_mail else None}
    )
    if is_new:
        logger.warning("New incident: %s", name)
        if budget is not None and ".near." in name:
            transaction.on_commit(partial(_send_budget_near, budget), robust=True)
    return row


def _send_budget_near(budget: BudgetStatus) -> None:
    assert budget.cap is not None
    signals.budget_near.send_robust(
        sender=BudgetPeriod,
        kind=budget.kind,
        starts_on=budget.starts_on,
        used=Decimal(budget.used) / MICROS_PER_USD,
        cap=Decimal(budget.cap) / MICROS_PER_USD,
    )


def _notify(row: Incident, now: datetime, *, is_over: bool) -> None:
    """Claim the mail and send it after the commit. A mail not sent becomes due again after `MAIL_RETRY`."""
    recipients = mail.recipients()
    unclaimed = Incident.objects.filter(name=row.name, notify_at=row.notify_at)
    if not recipients:
        unclaimed.update(notify_at=None)
        return
    claimed = Incident.objects.filter(name=row.name, notify_at=now + MAIL_RETRY)
    if unclaimed.update(notify_at=now + MAIL_RETRY):
        on_sent = partial(claimed.update, notify_at=None)
        send = partial(mail.send_incident_mail, row.name, recipients, is_over=is_over, on_sent=on_sent)
        transaction.on_commit(send, robust=True)
