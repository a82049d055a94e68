"""The doorbell: the one place that knows django-q2. A task carries no work, only "look now".

Lost, doubled or late tasks cost nothing: the rows say what there is to do, and a schedule rings every
minute. `VTON["ENQUEUE"]` puts another queue in django-q2's place.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.module_loading import import_string

from .conf import config
from .models import PumpSlot

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("django_vton.queue")

PUMP = "django_vton.tasks.pump"
TASK_TIMEOUT = 60
"""Seconds: a slice (10), the longest call (20) and as much again."""

SCHEDULES = {
    "vton: look for due try-ons": ("django_vton.tasks.ring", 1),
    "vton: delete what has had its time": ("django_vton.tasks.purge", 60),
}
"""Name, path and minutes. An operator may change or disable them in django-q2's admin."""


def ring() -> None:
    """Have a pump look soon, unless one is looking already. Call it after the commit."""
    if PumpSlot.objects.filter(lease_until__gt=timezone.now()).count() >= config.PUMPS:
        return
    try:
        _enqueue()(PUMP)
    except Exception:
        # The row is safe and the schedule rings again within the minute: the shopper need not know.
        logger.exception("The queue cannot be reached; the try-on waits for the next look.")


def _enqueue() -> Callable[[str], Any]:
    return import_string(config.ENQUEUE) if config.ENQUEUE else _django_q


def _django_q(path: str) -> None:
    from django_q.conf import Conf
    from django_q.tasks import async_task

    if Conf.SYNC:
        # The pump would run inside the caller's request and hold it for the length of a render.
        return
    async_task(path, ack_failure=True, save=False, timeout=TASK_TIMEOUT)


def cluster() -> Any:
    """django-q2's settings as it read them at import, for the system check."""
    from django_q.conf import Conf

    return Conf


def register_schedules(using: str, **_kwargs: Any) -> None:
    """Receiver of `post_migrate`: make the schedules, by name, and never over an operator's edit."""
    if config.ENQUEUE:
        return
    from django.db import router
    from django_q.models import Schedule

    if not router.allow_migrate_model(using, Schedule):
        return
    for name, (path, minutes) in SCHEDULES.items():
        Schedule.objects.using(using).get_or_create(
            name=name,
            defaults={"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
        )
