"""Check that the vendor can reach the callback URL and the file URLs below `PUBLIC_BASE_URL`.

A redirected POST loses its body, and the only sign of it is that results are slow. The checks run Django's
own middleware instead of repeating its rules.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name for it
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import NoReverseMatch, Resolver404, resolve
from django.utils import translation
from django.utils.module_loading import import_string

from ..conf import config
from ..gateway import links


def check_urls() -> list[CheckMessage]:
    """W010: a URL is not ours. W011: it depends on the language. W012: its host is refused. W013: redirect.

    E014: PUBLIC_BASE_URL lacks the path of the shop. E015: it contains a path of the URLconf. If both
    `callback` and `vendor-file` have problems, only those of `callback` are reported.
    """
    if not config.PUBLIC_BASE_URL:
        return []
    for name in ("callback", "vendor-file") if config.uses_callbacks else ("vendor-file",):
        # Workers create these URLs in the default language.
        with translation.override(settings.LANGUAGE_CODE):
            found = list(_check_view(name))
        if found:
            return found
    return []


def _check_view(name: str) -> Iterator[CheckMessage]:
    try:
        path = _path(name)
    except NoReverseMatch:
        hint = 'Add path("try-on/", include("django_vton.urls")) to the URLconf.'
        yield Warning("The URLconf does not include django_vton.urls.", hint=hint, id="vton.W010")
        return
    yield from _check_script_name(path)
    yield from _check_resolves(name, path)
    yield from _check_language(name, path)
    yield from _check_middleware(path)


def _path(name: str) -> str:
    return links.public_path(name, "probe")


def _check_script_name(path: str) -> Iterator[CheckMessage]:
    """E014, E015: the path of PUBLIC_BASE_URL is the script name, and nothing of the URLconf."""
    base = urlsplit(config.PUBLIC_BASE_URL).path.rstrip("/")
    if missing := links.missing_script_name():
        text = f"VTON['PUBLIC_BASE_URL'] does not end with {missing}, the path at which the shop is mounted."
        hint = f"Set VTON['PUBLIC_BASE_URL'] to {links.with_script_name(missing)}."
        yield Error(text, hint=hint, id="vton.E014")
    elif base and not links.script_name() and path.startswith(f"{base}/"):
        text = f"VTON['PUBLIC_BASE_URL'] ends with {base}, which the URLconf adds: {base}{path}."
        hint = f"Set VTON['PUBLIC_BASE_URL'] to {links.with_script_name('')}."
        yield Error(text, hint=hint, id="vton.E015")


def _check_resolves(name: str, path: str) -> Iterator[CheckMessage]:
    """W010: an earlier pattern, such as a CMS's catch-all, matches the path instead of our view."""
    try:
        match = resolve(path)
    except Resolver404:
        target = "nowhere"
    else:
        if "vton" in match.app_names and match.url_name == name:
            return
        target = f"to {match.view_name or match._func_path}"
    text = f"Pixazo's requests to {path} would lead {target}."
    hint = "Put django_vton's URLs before patterns that match everything."
    yield Warning(text, hint=hint, id="vton.W010")


def _check_language(name: str, path: str) -> Iterator[CheckMessage]:
    """W011: a translated URL is found only in its own language, which the vendor's request does not have."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            other = _path(name)
        if other != path:
            text = f"The URL for Pixazo depends on the language: {path} or {other}."
            hint = "Put django_vton's URLs outside i18n_patterns(), under a path that is not translated."
            yield Warning(text, hint=hint, id="vton.W011")
            return


def _check_middleware(path: str) -> Iterator[CheckMessage]:
    """W012: ALLOWED_HOSTS refuses the vendor's request. W013: a middleware redirects the request."""
    request = _vendor_request(path)
    try:
        host = request.get_host()
    except DisallowedHost:
        text = f"ALLOWED_HOSTS refuses Pixazo's requests to {config.PUBLIC_BASE_URL}."
        hint = f"Add {urlsplit(config.PUBLIC_BASE_URL).hostname!r} to ALLOWED_HOSTS."
        yield Warning(text, hint=hint, id="vton.W012")
        return
    for middleware in settings.MIDDLEWARE:
        target = _redirect_target(middleware, request)
        if target is None:
            continue
        parts = urlsplit(target)
        cause = ""
        if parts.scheme != request.scheme:
            cause = " because of SECURE_SSL_REDIRECT"
            hint = "Set VTON['PUBLIC_BASE_URL'] to an https URL, or add the path to SECURE_REDIRECT_EXEMPT."
        elif parts.netloc != host:
            cause = " because of PREPEND_WWW"
            hint = f"Set VTON['PUBLIC_BASE_URL'] to {parts.scheme}://{parts.netloc}."
        else:
            hint = "Let the middleware accept the path with its final slash, as APPEND_SLASH does."
        text = f"{middleware} would redirect Pixazo's requests to {path} to {target}{cause}."
        yield Warning(text, hint=hint, id="vton.W013")


def _redirect_target(path: str, request: HttpRequest) -> str | None:
    """Return the URL to which this middleware redirects the request, or None.

    Run only Django's own classes and their subclasses, since others may have side effects.
    """
    try:
        middleware = import_string(path)
    except ImportError:
        return None  # Django itself reports this when the server starts.
    if not isinstance(middleware, type) or not issubclass(middleware, CommonMiddleware | SecurityMiddleware):
        return None
    # APPEND_SLASH redirects only after a 404, which is what our view answers to an unknown token.
    response: Any = middleware(lambda _request: HttpResponse(status=404))(request)
    location = response.headers.get("Location")
    return None if location is None else request.build_absolute_uri(location)


def _vendor_request(path: str) -> WSGIRequest:
    base = urlsplit(config.PUBLIC_BASE_URL)
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",  # For a POST, CommonMiddleware would raise an error in DEBUG.
            "SCRIPT_NAME": links.script_name(),
            "PATH_INFO": path,
            "HTTP_HOST": base.netloc,
            "SERVER_NAME": base.hostname,
            "SERVER_PORT": str(base.port or {"http": 80, "https": 443}[base.scheme]),
            "wsgi.url_scheme": base.scheme,
            "wsgi.input": io.BytesIO(),
        }
    )
