"""Whether the queue in use can work as it is set up; of the others nothing is asked."""

from __future__ import annotations

import math
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it

from ..conf import config, problems
from ..queue import BY_DJANGO_TASKS
from ..queue.q2 import TASK_TIMEOUT, cluster


def check_queue(**_kwargs: Any) -> list[CheckMessage]:
    """E030, W030-W032: django-q2. E031, W033: Django's tasks. E030 and E031: it is not there."""
    if problems(getattr(settings, "VTON", {})):
        return []
    if not config.ENQUEUE:
        return _check_django_q()
    return _check_django_tasks() if config.ENQUEUE == BY_DJANGO_TASKS else []


def _check_django_q() -> list[CheckMessage]:
    if not apps.is_installed("django_q"):
        hint = "Add 'django_q' to INSTALLED_APPS, or name another queue in VTON['ENQUEUE']."
        return [Error("django-q2 is the queue, and not installed.", hint=hint, id="vton.E030")]
    Conf = cluster()  # noqa: N806 - django-q2's own name
    found: list[CheckMessage] = []
    if not Conf.TIMEOUT:
        hint = "Set Q_CLUSTER['timeout'] to 60."
        found.append(
            Warning("django-q2 has no timeout: a hung task holds a worker.", hint=hint, id="vton.W030")
        )
    timeout = max(Conf.TIMEOUT or 0, TASK_TIMEOUT)
    rounds = 1 + math.ceil(((Conf.QUEUE_LIMIT or Conf.WORKERS**2) + Conf.BULK) / max(1, Conf.WORKERS))
    needed = (timeout + 3) * rounds
    if needed >= Conf.RETRY:
        hint = f"Set Q_CLUSTER['retry'] above {needed}, or a smaller queue_limit."
        found.append(
            Warning(f"django-q2's retry of {Conf.RETRY} s runs slow tasks twice.", hint=hint, id="vton.W031")
        )
    if Conf.SYNC:
        hint = "Run `manage.py vton_worker` beside it."
        found.append(Warning("With Q_CLUSTER['sync'] nothing is rendered.", hint=hint, id="vton.W032"))
    return found


def _check_django_tasks() -> list[CheckMessage]:
    try:
        from ..queue.django_tasks import is_immediate
    except Exception as error:  # noqa: BLE001 - whatever is wrong with TASKS
        hint = "Django 5.2 needs django-tasks: pip install 'django-vton[tasks]'. See the setting TASKS."
        return [Error(f"Django's tasks cannot be used: {error}.", hint=hint, id="vton.E031")]
    if not is_immediate():
        return []
    hint = "Give TASKS['default'] a backend that has a worker, or run `manage.py vton_worker`."
    return [Warning("With an ImmediateBackend nothing is rendered.", hint=hint, id="vton.W033")]
