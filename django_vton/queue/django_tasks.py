"""The bell as a task of Django's: of Django 6.0 and later, or of the backport for 5.2 (the extra `tasks`).

A worker finds a task by this module's name, so it is imported only where it is the queue.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("django.tasks"):
    from django.tasks import task
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks import task
    from django_tasks.backends.immediate import ImmediateBackend

from .. import tasks
from . import PUMP


@task
def pump() -> None:
    """Drive what is due, for one slice of time."""
    tasks.pump()


TASKS = {PUMP: pump}


def is_immediate() -> bool:
    """Whether a task would run inside the caller's request and hold it for the length of a render."""
    return isinstance(pump.get_backend(), ImmediateBackend)
