"""Wake a worker through the queue that `VTON["ENQUEUE"]` names.

A task only starts a dispatcher. A task that is lost, late or run twice does no harm, because the database
rows say what is due and a schedule checks them every minute.

The values of `ENQUEUE`:

- None: django-q2, with its own schedules.
- `"django_vton.queue.by_django_tasks"`: Django's own tasks; on Django 5.2 their backport. They have no
  schedules, so run `vton_worker --once` every minute, and `vton_purge` and `vton_doctor --products` every
  hour, for example with cron.
- `"django_vton.queue.no_queue"`: no queue. A `vton_worker` process polls the database.
- The dotted path of your own callable. It takes the dotted path of a function without arguments, and makes a
  worker call the function soon. It raises an exception if the queue cannot be reached. Have the queue's own
  scheduler call `django_vton.tasks.wake` every minute, and `django_vton.tasks.purge` and
  `django_vton.tasks.check_products` every hour.
"""

from __future__ import annotations

import logging

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from ..conf import config
from . import dispatcher_leases

logger = logging.getLogger(__name__)

BY_DJANGO_TASKS = "django_vton.queue.by_django_tasks"
NO_QUEUE = "django_vton.queue.no_queue"

WORKERS = {
    None: ("django-q2", "manage.py qcluster"),
    BY_DJANGO_TASKS: ("Django's tasks", gettext_lazy("the worker of the backend in TASKS")),
    NO_QUEUE: ("none", "manage.py vton_worker"),
}
"""The names of the queue and of its worker process, by the value of `ENQUEUE`."""


def wake() -> None:
    """Make a worker start a dispatcher, unless enough are running. Call this after the commit."""
    if dispatcher_leases.count_held() >= config.DISPATCHERS:
        return
    try:
        import_string(config.ENQUEUE or "django_vton.queue.q2.enqueue")("django_vton.tasks.dispatch")
    except Exception:
        # Do not show an error to the shopper, because the schedule wakes a worker within a minute.
        logger.exception("The queue cannot be reached; the try-on waits for the next scheduled wake-up.")


def by_django_tasks(path: str) -> None:
    """Enqueue a call through Django's tasks, with the default backend of TASKS. For `ENQUEUE`."""
    from .django_tasks import enqueue

    enqueue(path)


def no_queue(path: str) -> None:
    """Do nothing, because a `vton_worker` process polls the database. For `ENQUEUE`."""


def describe_queue() -> tuple[str, str]:
    """Return the names of the queue and of its worker process."""
    custom = (config.ENQUEUE, gettext_lazy("the worker of your queue"))
    name, process = WORKERS.get(config.ENQUEUE, custom)
    return str(name), str(process)
