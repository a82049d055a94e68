"""Whether the vendor finds the doors that it is given addresses of, without a detour.

Its POST would lose its body in a redirect, and nobody would notice but by slow results. Django's own
middleware is asked, so that what it would do, and what is exempt from it, is known nowhere twice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's own name for it
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils import translation
from django.utils.module_loading import import_string

from ..conf import config, problems

if TYPE_CHECKING:
    from django.http import HttpRequest


def check_urls(**_kwargs: Any) -> list[CheckMessage]:
    """W010: an address does not lead to us. W011: it has a language. W012: its host. W013: a redirect.

    The doors are `callback` and `vendor-file`; one cause is told once, of the first that has it.
    """
    if problems(getattr(settings, "VTON", {})) or not config.PUBLIC_BASE_URL:
        return []
    for door in ("callback", "vendor-file") if config.callbacks else ("vendor-file",):
        # As a worker makes it, who speaks to nobody.
        with translation.override(settings.LANGUAGE_CODE):
            found = list(_look(door))
        if found:
            return found
    return []


def _look(door: str) -> Iterator[CheckMessage]:
    try:
        address = _address(door)
    except NoReverseMatch:
        hint = 'Add path("try-on/", include("django_vton.urls")) to the URLconf.'
        yield Warning("The URLconf has no django_vton.urls.", hint=hint, id="vton.W010")
        return
    path = "/" + address.removeprefix(get_script_prefix())
    yield from _check_way_back(door, path)
    yield from _check_language(door, address)
    yield from _check_middleware(path)


def _address(door: str) -> str:
    return reverse(f"vton:{door}", args=["probe"])


def _check_way_back(door: str, path: str) -> Iterator[CheckMessage]:
    """What `reverse` gives may be caught by an earlier pattern, such as a catch-all of a CMS."""
    try:
        match = resolve(path)
    except Resolver404:
        where = "nowhere"
    else:
        if "vton" in match.app_names and match.url_name == door:
            return
        where = f"to {match.view_name or match._func_path}"
    sentence = f"Pixazo's calls to {path} would lead {where}."
    hint = "Put django_vton's URLs before patterns that match everything."
    yield Warning(sentence, hint=hint, id="vton.W010")


def _check_language(door: str, address: str) -> Iterator[CheckMessage]:
    """A translated address is found only in its own language, which a vendor's call does not have."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            other = _address(door)
        if other != address:
            sentence = f"Pixazo is given an address that changes with the language: {address} or {other}."
            hint = "Put django_vton's URLs outside i18n_patterns(), with an address that is not translated."
            yield Warning(sentence, hint=hint, id="vton.W011")
            return


def _check_middleware(path: str) -> Iterator[CheckMessage]:
    """What Django's middleware would answer to a call of the vendor's."""
    request = _call(path)
    try:
        host = request.get_host()
    except DisallowedHost:
        sentence = f"ALLOWED_HOSTS refuses Pixazo's calls to {config.PUBLIC_BASE_URL}."
        hint = f"Add {urlsplit(config.PUBLIC_BASE_URL).hostname!r} to ALLOWED_HOSTS."
        yield Warning(sentence, hint=hint, id="vton.W012")
        return
    for name in settings.MIDDLEWARE:
        target = _redirect(name, request)
        if target is None:
            continue
        parts = urlsplit(target)
        setting = ""
        if parts.scheme != request.scheme:
            setting = " for SECURE_SSL_REDIRECT"
            hint = "Give VTON['PUBLIC_BASE_URL'] with https, or match the path in SECURE_REDIRECT_EXEMPT."
        elif parts.netloc != host:
            setting = " for PREPEND_WWW"
            hint = f"Set VTON['PUBLIC_BASE_URL'] to {parts.scheme}://{parts.netloc}."
        else:
            hint = "Let it pass the path as it is, with the slash at its end: APPEND_SLASH would agree."
        sentence = f"Pixazo's calls to {path} would be redirected to {target} by {name}{setting}."
        yield Warning(sentence, hint=hint, id="vton.W013")


def _redirect(name: str, request: HttpRequest) -> str | None:
    """Where Django's own middleware, or a shop's subclass, sends it; no other is asked: it may do more."""
    try:
        middleware = import_string(name)
    except ImportError:
        return None  # Nothing at all would be served, and Django says so.
    if not isinstance(middleware, type) or not issubclass(middleware, CommonMiddleware | SecurityMiddleware):
        return None
    # Behind it, a door that knows no token: APPEND_SLASH looks at what answers 404.
    answer: Any = middleware(lambda _request: HttpResponse(status=404))(request)
    location = answer.headers.get("Location")
    return None if location is None else request.build_absolute_uri(location)


def _call(path: str) -> WSGIRequest:
    base = urlsplit(config.PUBLIC_BASE_URL)
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",  # For a POST, CommonMiddleware would raise in DEBUG.
            "PATH_INFO": path,
            "HTTP_HOST": base.netloc,
            "SERVER_NAME": base.hostname,
            "SERVER_PORT": str(base.port or {"http": 80, "https": 443}[base.scheme]),
            "wsgi.url_scheme": base.scheme,
            "wsgi.input": io.BytesIO(),
        }
    )
