"""Django's own tasks: of Django 6.0 and later, or of the backport for 5.2 (the extra `tasks`).

A worker finds a task by the name of this module, so it is imported only where it is the queue.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

if TYPE_CHECKING or find_spec("django.tasks"):
    from django.tasks import task
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks import task
    from django_tasks.backends.immediate import ImmediateBackend


@task
def call(path: str) -> None:
    """Call the function at this dotted path."""
    import_string(path)()


def enqueue(path: str) -> None:
    """Enqueue a call of the function at `path`, unless the backend would run it inside the caller's request."""
    if not is_immediate():
        call.enqueue(path)


def is_immediate() -> bool:
    """Whether a task would run inside the caller's request and block it for the length of a render."""
    return isinstance(call.get_backend(), ImmediateBackend)
