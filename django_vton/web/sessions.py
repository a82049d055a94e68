"""The shop's sessions: left alone by answers for everybody, and needed before a guest's try-on is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..exceptions import Refused

if TYPE_CHECKING:
    from django.http import HttpRequest


def require_session(request: HttpRequest) -> None:
    """Refuse a guest where the shop has no session middleware: nothing would know them again."""
    user: Any = getattr(request, "user", None)
    if not hasattr(request, "session") and not (user is not None and user.is_authenticated):
        raise Refused("not_configured", retry_after=3600)


def leave_session(request: Any) -> None:
    """Make the answer to this request carry no session cookie, whatever the shop's settings say.

    With `SESSION_SAVE_EVERY_REQUEST`, Django sets the visitor's cookie on every answer, also on one that a
    shared cache may keep and give to somebody else.
    """
    if hasattr(request, "session"):
        request.session = _Unsaved(request.session)


class _Unsaved:
    """A session that can be used, and that Django's middleware does not save.

    The middleware leaves a request alone whose session cannot tell whether it was accessed. Were there no
    session at all, a middleware of the shop's that uses it after the view would fail.
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
