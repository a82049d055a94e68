"""The shop's sessions: required before a guest's try-on is stored, and not saved by public responses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ..exceptions import Refused


def require_session(request: HttpRequest) -> None:
    """Raise Refused for a guest if the shop has no session middleware: we could not recognise the guest."""
    user: Any = getattr(request, "user", None)
    if not hasattr(request, "session") and not (user is not None and user.is_authenticated):
        raise Refused("not_configured", retry_after=3600)


def skip_session_save(request: Any) -> None:
    """Prevent a session cookie on the response to this request, whatever the shop's settings are.

    With `SESSION_SAVE_EVERY_REQUEST`, Django sets the visitor's cookie on every response, even on one that a
    shared cache may store and serve to another visitor.
    """
    if hasattr(request, "session"):
        request.session = _UnsavedSession(request.session)


class _UnsavedSession:
    """A usable session that Django's middleware does not save.

    The middleware skips a session without an `accessed` attribute. The session is wrapped and not removed,
    since a middleware of the shop may use it after the view.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        if name == "accessed":
            raise AttributeError(name)
        return getattr(self._session, name)

    def __contains__(self, key: str) -> bool:
        return key in self._session

    def __getitem__(self, key: str) -> Any:
        return self._session[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._session[key] = value

    def __delitem__(self, key: str) -> None:
        del self._session[key]
