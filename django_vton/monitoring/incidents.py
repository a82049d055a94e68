"""Incidents, such as missing workers or a used-up budget. Staff get one mail about each.

The code that moves money does not report incidents, so it does not depend on mail. Instead, `check()` opens
an incident for each fact of `health` that is one, and closes those that are over. A mail is due at
`Incident.notify_at`. A process claims a mail before sending it. A mail that was not sent becomes due again.

The names of incidents:

- `workers`
- `storage`
- `breaker.<engine>.<HTTP status, or "unreachable">`
- `budget.<kind>.<first day>.<near or reached>.<cap in micro-USD>`, so that a new cap is a new incident.
- `unknown_outcome.<day>`, until all outcomes of the day are resolved
- `unknown_status.<pk>`, for a week after an engine first had a status that it does not declare
- `charged_errors.<engine>`, while the vendor charges for submits that it answers with an error
- `release.<house model>.<soon or ended>.<last day>`
- `images_unreachable`, if the vendor has not downloaded the images
- `missing_files`, if a file that the database names was not in the storage
- `undeleted_files`, if a file could not be deleted for a day
- `images_unreadable`, if it says that it cannot use images that it has downloaded
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from .. import health, signals
from ..billing.budget import budget_statuses
from ..conf import MICROS_PER_USD
from ..models import BudgetPeriod, Incident
from ..utils import clock, database
from ..utils.periods import today
from . import mail

logger = logging.getLogger(__name__)

MAIL_RETRY = timedelta(minutes=10)
"""The time after which a mail that was claimed but not sent becomes due again."""


def check() -> None:
    """Open and close incidents, and send mails that are due. Log errors instead of raising them."""
    try:
        _check()
    except Exception:
        logger.exception("Checking for incidents failed; the next scheduled check is in a minute.")


@database.retry
def _check() -> None:
    now = clock.now()
    found = [fact.cause for fact in health.find_incidents()]
    rows = {row.name: row for row in Incident.objects.all()}
    for name in found:
        if ".reached." in name:  # One mail is enough, but the signal is sent too.
            near = name.replace(".reached.", ".near.")
            if near not in rows:
                rows[near] = _open(near, now, has_own_mail=False)
        if name not in rows:
            rows[name] = _open(name, now)
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


def _open(name: str, now: datetime, *, has_own_mail: bool = True) -> Incident:
    """Get or create the incident's row. Only the process that creates it logs and sends the signal."""
    row, is_new = Incident.objects.get_or_create(
        name=name, defaults={"opened_at": now, "notify_at": now if has_own_mail else None}
    )
    if is_new:
        logger.warning("New incident: %s", name)
        if ".near." in name:
            database.on_commit(partial(_send_budget_near, name), robust=True)
    return row


def _send_budget_near(name: str) -> None:
    budget = next(status for status in budget_statuses() if name.startswith(f"budget.{status.kind}."))
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
        database.on_commit(send, robust=True)
