"""The doorbell: a task carries no work, only "look now". `VTON["ENQUEUE"]` says whose task it is.

Lost, doubled or late tasks cost nothing: the rows say what there is to do, and somebody looks every minute.

- None: django-q2, which looks every minute by its schedules.
- `"django_vton.queue.by_django_tasks"`: Django's own tasks, on 5.2 their backport. They have no schedules, so
  `vton_pump --once` has to run each minute and `vton_purge` each hour, by cron for example.
- `"django_vton.queue.nothing"`: none. A `vton_pump` process looks by itself.
- The dotted path of a callable of the shop's own. It takes the dotted path of a function without
  arguments, and has a worker call that soon: zero times, once or more. It raises where it cannot. The
  queue's own schedule calls `django_vton.tasks.ring` each minute and `django_vton.tasks.purge` each hour.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from ..conf import config
from ..models import PumpSlot

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("django_vton.queue")

PUMP = "django_vton.tasks.pump"

BY_DJANGO_TASKS = "django_vton.queue.by_django_tasks"
NOTHING = "django_vton.queue.nothing"

WORKERS = {
    None: ("django-q2", "manage.py qcluster"),
    BY_DJANGO_TASKS: ("Django's tasks", gettext_lazy("the worker of the backend in TASKS")),
    NOTHING: ("none", "manage.py vton_pump"),
}
"""For each `ENQUEUE`, what it is called and which process works for it."""


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
    if config.ENQUEUE:
        chosen: Callable[[str], Any] = import_string(config.ENQUEUE)
        return chosen
    from .q2 import enqueue

    return enqueue


def by_django_tasks(path: str) -> None:
    """`ENQUEUE` for the default backend in the setting TASKS."""
    from .django_tasks import TASKS, is_immediate

    if not is_immediate():
        TASKS[path].enqueue()


def nothing(path: str) -> None:
    """`ENQUEUE` where `vton_pump` runs all the time: it looks by itself."""


def in_use() -> tuple[str, str]:
    """What the queue is called, and which process works for it."""
    other = (config.ENQUEUE, gettext_lazy("the worker of your queue"))
    name, process = WORKERS.get(config.ENQUEUE, other)
    return str(name), str(process)
