"""Check that sessions work, because they identify guests."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it
from django.utils.module_loading import import_string

SESSION_MIDDLEWARE = f"{SessionMiddleware.__module__}.{SessionMiddleware.__name__}"


def check_requests(**_kwargs: Any) -> list[CheckMessage]:
    """W050: no session middleware. CSRF middleware is not needed, since the views check the token."""
    if any(map(_is_session_middleware, settings.MIDDLEWARE)):
        return []
    text = f"MIDDLEWARE has no {SESSION_MIDDLEWARE}, so guests cannot use try-on."
    hint = f"Add {SESSION_MIDDLEWARE!r} to MIDDLEWARE."
    return [Warning(text, hint=hint, id="vton.W050")]


def _is_session_middleware(path: str) -> bool:
    """Return whether this is Django's session middleware, a subclass, or has "session" in its path."""
    try:
        middleware = import_string(path)
    except ImportError:
        return False  # Django itself reports this when the server starts.
    return "session" in path.lower() or (
        isinstance(middleware, type) and issubclass(middleware, SessionMiddleware)
    )
