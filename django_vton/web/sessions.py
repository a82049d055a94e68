"""Require a session for guests who order a try-on, and prevent public responses from saving one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ..exceptions import Refused


def require_session(request: HttpRequest) -> None:
    """Raise `Refused` if a guest cannot be recognized because the shop has no session middleware."""
    user: Any = getattr(request, "user", None)
    if not hasattr(request, "session") and not (user is not None and user.is_authenticated):
        raise Refused("not_configured", retry_after=3600)


def skip_session_save(request: Any) -> None:
    """Prevent a session cookie on the response to this request, whatever the shop's settings are.

    With `SESSION_SAVE_EVERY_REQUEST`, Django sets the visitor's cookie on every response, even on a response
    that a shared cache may store and serve to another visitor.
    """
    if hasattr(request, "session"):
        session = request.session
        request.session = _UnsavedSession(lambda: session)


class _UnsavedSession(SimpleLazyObject):  # type: ignore[type-arg] # not generic at run time
    """A session that can be used as usual but that Django's middleware does not save.

    The middleware skips a session without an `accessed` attribute. The session is wrapped and not removed,
    since a middleware of the shop may use it after the view.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "accessed":
            raise AttributeError(name)
        return super().__getattr__(name)
