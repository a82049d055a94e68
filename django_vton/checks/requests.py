"""Whether what the shop does with each request lets a guest's try-on be found again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it
from django.utils.module_loading import import_string

NAME = f"{SessionMiddleware.__module__}.{SessionMiddleware.__name__}"


def check_requests(**_kwargs: Any) -> list[CheckMessage]:
    """W050: no session middleware. The CSRF check is our own, so its middleware is not needed."""
    if any(map(_keeps_sessions, settings.MIDDLEWARE)):
        return []
    sentence = f"MIDDLEWARE has no {NAME}: no try-on of a guest is accepted."
    hint = f"Add {NAME!r} to MIDDLEWARE; guests find their try-ons by their session."
    return [Warning(sentence, hint=hint, id="vton.W050")]


def _keeps_sessions(name: str) -> bool:
    """Django's, a subclass of it, or one whose name says so: a shop may have its own."""
    try:
        middleware = import_string(name)
    except ImportError:
        return False  # Nothing at all would be served, and Django says so.
    return "session" in name.lower() or (
        isinstance(middleware, type) and issubclass(middleware, SessionMiddleware)
    )
