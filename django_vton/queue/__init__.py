"""Waking workers. A task carries no work, it only starts a dispatcher. `VTON["ENQUEUE"]` chooses the queue.

Lost, duplicate or late tasks do no harm: the rows say what is due, and a schedule looks every minute.

- None: django-q2, with its own schedules.
- `"django_vton.queue.by_django_tasks"`: Django's own tasks; on 5.2 their backport. They have no schedules, so
  run `vton_worker --once` every minute and `vton_purge` every hour, by cron for example.
- `"django_vton.queue.no_queue"`: none. A `vton_worker` process polls the database.
- The dotted path of a callable of your own. It takes the dotted path of a function without arguments and
  has a worker call it soon: zero times, once or more. It raises an exception if it cannot. The queue's own
  schedule calls `django_vton.tasks.wake` every minute and `django_vton.tasks.purge` every hour.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from ..conf import config
from ..models import DispatcherLease

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

DISPATCH = "django_vton.tasks.dispatch"
"""The task that every wake-up enqueues."""

BY_DJANGO_TASKS = "django_vton.queue.by_django_tasks"
NO_QUEUE = "django_vton.queue.no_queue"

WORKERS = {
    None: ("django-q2", "manage.py qcluster"),
    BY_DJANGO_TASKS: ("Django's tasks", gettext_lazy("the worker of the backend in TASKS")),
    NO_QUEUE: ("none", "manage.py vton_worker"),
}
"""For each `ENQUEUE`, the name of the queue and of the process that works for it."""


def wake() -> None:
    """Start a dispatcher soon, unless enough are running. Call it after the commit."""
    if DispatcherLease.objects.filter(lease_until__gt=timezone.now()).count() >= config.DISPATCHERS:
        return
    try:
        _enqueue()(DISPATCH)
    except Exception:
        # The row is stored and the schedule wakes a dispatcher within a minute: no error for the shopper.
        logger.exception("The queue cannot be reached; the try-on waits for the next scheduled wake-up.")


def _enqueue() -> Callable[[str], Any]:
    if config.ENQUEUE:
        chosen: Callable[[str], Any] = import_string(config.ENQUEUE)
        return chosen
    from .q2 import enqueue

    return enqueue


def by_django_tasks(path: str) -> None:
    """`ENQUEUE` for the default backend in the setting TASKS."""
    from .django_tasks import enqueue

    enqueue(path)


def no_queue(path: str) -> None:
    """`ENQUEUE` where a `vton_worker` process always runs: it polls the database."""


def in_use() -> tuple[str, str]:
    """The name of the queue, and of the process that works for it."""
    other = (config.ENQUEUE, gettext_lazy("the worker of your queue"))
    name, process = WORKERS.get(config.ENQUEUE, other)
    return str(name), str(process)
