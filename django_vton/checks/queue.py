"""Checks of the queue that `VTON["ENQUEUE"]` names."""

from __future__ import annotations

import math

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it

from ..conf import config
from ..queue import BY_DJANGO_TASKS
from ..queue.q2 import TASK_TIMEOUT_SECONDS, cluster_settings, uses_redis


def check_queue() -> list[CheckMessage]:
    """E030, W030 to W032, W034: django-q2. E031, W033: Django's tasks. The errors: it is missing."""
    if not config.ENQUEUE:
        return _check_django_q()
    return _check_django_tasks() if config.ENQUEUE == BY_DJANGO_TASKS else []


def _check_django_q() -> list[CheckMessage]:
    if not apps.is_installed("django_q"):
        hint = "Add 'django_q' to INSTALLED_APPS, or choose another queue in VTON['ENQUEUE']."
        return [Error("The queue is django-q2, which is not installed.", hint=hint, id="vton.E030")]
    Conf = cluster_settings()  # noqa: N806 - django-q2's own name
    found: list[CheckMessage] = []
    if not Conf.TIMEOUT:
        text = "django-q2 has no timeout, so a task that hangs blocks a worker forever."
        found.append(Warning(text, hint="Set Q_CLUSTER['timeout'] to 60.", id="vton.W030"))
    timeout = max(Conf.TIMEOUT or 0, TASK_TIMEOUT_SECONDS)
    # The last task that a worker has taken waits until the worker has finished this many earlier ones.
    rounds = 1 + math.ceil(((Conf.QUEUE_LIMIT or Conf.WORKERS**2) + Conf.BULK) / max(1, Conf.WORKERS))
    needed = (timeout + 3) * rounds
    if needed >= Conf.RETRY:
        hint = f"Set Q_CLUSTER['retry'] to more than {needed}, or lower Q_CLUSTER['queue_limit']."
        text = f"django-q2 retries tasks after {Conf.RETRY} s, so slow tasks run twice."
        found.append(Warning(text, hint=hint, id="vton.W031"))
    if uses_redis() and Conf.CLUSTER_NAME == "default":
        hint = "Set Q_CLUSTER['name'] to a name that no other project uses on this Redis."
        text = "django-q2's queue in Redis has no name of its own, so another project could take its tasks."
        found.append(Warning(text, hint=hint, id="vton.W034"))
    if Conf.SYNC:
        hint = "Remove Q_CLUSTER['sync'], or run `manage.py vton_worker`."
        found.append(
            Warning("Q_CLUSTER['sync'] is set, so no worker renders try-ons.", hint=hint, id="vton.W032")
        )
    return found


def _check_django_tasks() -> list[CheckMessage]:
    try:
        from ..queue.django_tasks import is_immediate
    except Exception as error:  # noqa: BLE001 - anything may be wrong with TASKS
        hint = "Django 5.2 needs django-tasks: pip install 'django-vton[tasks]'. See the setting TASKS."
        return [Error(f"Django's tasks cannot be used: {error}.", hint=hint, id="vton.E031")]
    if not is_immediate():
        return []
    hint = "Give TASKS['default'] a backend that has a worker, or run `manage.py vton_worker`."
    return [
        Warning(
            "TASKS['default'] is an ImmediateBackend, so no worker renders try-ons.",
            hint=hint,
            id="vton.W033",
        )
    ]
