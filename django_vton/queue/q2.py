"""Wake workers through django-q2. This is the only module that imports it, and only if it is the queue."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from ..conf import config

TASK_TIMEOUT_SECONDS = 60
"""Seconds: a dispatcher's run (10), the longest call (20), and twice that in total as a margin."""

SCHEDULES = {
    "vton: look for due try-ons": ("django_vton.tasks.wake", 1),
    "vton: delete what has had its time": ("django_vton.tasks.purge", 60),
}
"""Path and interval in minutes by name. Operators may change or disable them in django-q2's admin."""


def enqueue(path: str) -> None:
    """The default of `ENQUEUE`."""
    from django_q.conf import Conf
    from django_q.tasks import async_task

    # With SYNC, the dispatcher would run inside the request, which would then last as long as a render.
    if not Conf.SYNC:
        async_task(path, ack_failure=True, save=False, timeout=TASK_TIMEOUT_SECONDS)


def cluster_settings() -> Any:
    """django-q2's settings, which it reads at import; for the system check."""
    from django_q.conf import Conf

    return Conf


def register_schedules(using: str, **_kwargs: Any) -> None:
    """Receiver of `post_migrate`: create missing schedules by name, and leave edited ones unchanged."""
    if config.ENQUEUE or not apps.is_installed("django_q"):
        return
    from django.db import connections, router
    from django_q.models import Schedule

    if not router.allow_migrate_model(using, Schedule):
        return
    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return  # Only another app was migrated. This is called again when django-q2 is.
    for name, (path, minutes) in SCHEDULES.items():
        Schedule.objects.using(using).get_or_create(
            name=name,
            defaults={"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
        )
