"""Wake workers through django-q2. No other module imports it, because it may not be installed."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.apps import apps
from django.core.signing import BadSignature
from django.db import DatabaseError, InterfaceError, close_old_connections

from ..conf import config
from . import liveness

logger = logging.getLogger(__name__)

TASK_TIMEOUT_SECONDS = 60
"""The timeout of a task. A dispatcher runs for at most 10 seconds and its last call for 20."""

SCHEDULES = {
    "vton: wake a worker for due try-ons": ("django_vton.tasks.wake", 1),
    "vton: delete expired data": ("django_vton.tasks.purge", 60),
    "vton: check the images of products": ("django_vton.tasks.check_products", 60),
}
"""The paths and intervals in minutes, by name. Operators may change them in django-q2's admin."""


def enqueue(path: str) -> None:
    """Enqueue a call through django-q2. This is the default of `ENQUEUE`."""
    from django_q.conf import Conf
    from django_q.tasks import async_task

    # With SYNC, the dispatcher would run inside the request, which would then last as long as a render.
    if not Conf.SYNC:
        async_task(path, ack_failure=True, save=False, timeout=TASK_TIMEOUT_SECONDS)


def cluster_settings() -> Any:
    """Return the settings that django-q2 has read at import, for the system check."""
    from django_q.conf import Conf

    return Conf


def uses_redis() -> bool:
    """Return whether the broker is Redis, which django-q2 uses if no other one is set."""
    Conf = cluster_settings()  # noqa: N806 - django-q2's own name
    return not (Conf.BROKER_CLASS or Conf.IRON_MQ or isinstance(Conf.SQS, dict) or Conf.ORM or Conf.MONGO)


def observe_workers() -> None:
    """Record when a worker starts, and when it finds a task of another project.

    The first scheduled task runs half a minute after the start.
    """
    if apps.is_installed("django_q"):
        from django_q.conf import logger as django_q_logger
        from django_q.signals import post_spawn

        post_spawn.connect(_record_start, dispatch_uid="vton.worker_start")
        django_q_logger.addHandler(ForeignTaskHandler())


class ForeignTaskHandler(logging.Handler):
    """Record tasks with a wrong signature. django-q2 drops and logs them, and sends no signal."""

    INTERVAL_SECONDS = 60.0

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Record it for all processes, at most once a minute."""
        error = record.exc_info[1] if record.exc_info else None
        if config.ENQUEUE or not isinstance(error, BadSignature) or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.INTERVAL_SECONDS
        try:
            close_old_connections()
            liveness.record_foreign_task()
            close_old_connections()
        except (DatabaseError, InterfaceError):
            logger.exception("A task of another project could not be recorded.")


def _record_start(**_kwargs: Any) -> None:
    if not config.ENQUEUE:
        try:
            liveness.record_heartbeat()
        except DatabaseError as error:
            text = "The worker's start was not recorded (%s). If tables are missing, run manage.py migrate."
            logger.error(text, error)  # noqa: TRY400 - the traceback would hide what to do


def register_schedules(using: str, **_kwargs: Any) -> None:
    """Create schedules whose names are missing. Leave all others unchanged. Receiver of `post_migrate`."""
    if config.ENQUEUE or not apps.is_installed("django_q"):
        return
    from django.db import connections, router
    from django_q.models import Schedule

    if not router.allow_migrate_model(using, Schedule):
        return
    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return  # Only another app was migrated. This is called again when django-q2 is migrated.
    for name, (path, minutes) in SCHEDULES.items():
        Schedule.objects.using(using).get_or_create(
            name=name,
            defaults={"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
        )
