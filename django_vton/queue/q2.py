"""The one place that knows django-q2, which is asked only where nothing else is the queue."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from ..conf import config

TASK_TIMEOUT = 60
"""Seconds: a slice (10), the longest call (20) and as much again."""

SCHEDULES = {
    "vton: look for due try-ons": ("django_vton.tasks.wake", 1),
    "vton: delete what has had its time": ("django_vton.tasks.purge", 60),
}
"""Name, path and minutes. An operator may change or disable them in django-q2's admin."""


def enqueue(path: str) -> None:
    """What `ENQUEUE` is where a shop sets none."""
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
    if config.ENQUEUE or not apps.is_installed("django_q"):
        return
    from django.db import connections, router
    from django_q.models import Schedule

    if not router.allow_migrate_model(using, Schedule):
        return
    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return  # Another app alone was migrated; django-q2's turn calls this again.
    for name, (path, minutes) in SCHEDULES.items():
        Schedule.objects.using(using).get_or_create(
            name=name,
            defaults={"func": path, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
        )
