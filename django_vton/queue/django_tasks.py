"""Wake workers through Django's tasks, which need a backport on Django 5.2 and are built in since 6.0.

Import this module only if `ENQUEUE` names it, because the backport (the extra `tasks`) may not be installed.
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
    """Enqueue a call of the function at this dotted path, unless the call would run inside the request."""
    if not is_immediate():
        call.enqueue(path)


def is_immediate() -> bool:
    """Return whether the backend runs tasks inside the request, which would then take as long as a render."""
    return isinstance(call.get_backend(), ImmediateBackend)
