"""The page language is the language of the shop's page. The interface language is that of our own texts.

They differ if our texts are not completely translated into the page language. All our texts are then English
and marked as English, so that they never mix two languages on a page.

A shop may use language prefixes for its pages and mount the try-on outside of them. A response of the try-on
is then in the browser's language, unless the URL has `?lang=`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import find
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import (
    get_language,
    get_language_from_path,
    get_supported_language_variant,
    override,
    pgettext,
    to_locale,
)

LOCALE_DIR = Path(__file__).parents[1] / "locale"
"""The folder of the package's own catalogs. Each has all messages for shoppers."""

_languages: ContextVar[tuple[str, str] | None] = ContextVar("vton_languages", default=None)
"""The page language and the interface language, within `override_interface_language`."""


def requested_language(request: HttpRequest) -> str | None:
    """Return the shop's language that `?lang=` names, or None."""
    try:
        return get_supported_language_variant(request.GET.get("lang", ""))
    except (LookupError, ValueError):
        return None


def interface_language(language: str) -> str:
    """Return the language of our texts on a page in `language`: English if they are not fully translated.

    A shop's own catalog counts as complete if it translates the name of its language.
    """
    if _base(language) == "en":
        return language
    if settings.USE_I18N and find("django", LOCALE_DIR, [to_locale(language)]):
        return language
    name, default = _own_name(language), settings.LANGUAGE_CODE
    # Django uses the catalog of LANGUAGE_CODE for missing translations.
    is_default = _base(language) != _base(default) and name == _own_name(default)
    return "en" if is_default or name == _own_name("en") else language


def direction(language: str) -> str:
    """Return the value of HTML's `dir` attribute for a language."""
    return "rtl" if _base(language) in settings.LANGUAGES_BIDI else "ltr"


def page_language() -> str:
    """Return the page language, even while another interface language is active."""
    active = get_language() or settings.LANGUAGE_CODE
    page, interface = _languages.get() or (active, active)
    return page if active == interface else active


@contextmanager
def override_interface_language(page: str | None = None) -> Iterator[str]:
    """Activate and yield the interface language for a page in language `page`, by default the current one."""
    page = page or page_language()
    interface = interface_language(page)
    token = _languages.set((page, interface))
    try:
        with override(interface):
            yield interface
    finally:
        _languages.reset(token)


def override_page_language() -> override:
    """Activate the page language, for the shop's own template, products and URLs."""
    return override(page_language())


def view_url(name: str, *args: object) -> str:
    """Return the URL of one of the package's views, with a language prefix if the shop uses prefixes."""
    with override_page_language():
        return reverse(f"vton:{name}", args=args)


def localized_url(name: str, *args: object, **query: object) -> str:
    """Return the URL at which one of the package's pages is in the current page language."""
    return with_language(view_url(name, *args), **query)


def with_language(url: str, **query: object) -> str:
    """Return the URL with this query, and with `lang` if the URL alone does not select the page language."""
    language = page_language()
    if not _selects_language(url, language):
        query["lang"] = language
    return f"{url}?{urlencode(query)}" if query else url


def _selects_language(url: str, language: str) -> bool:
    """Return whether Django's `LocaleMiddleware` selects this language for this URL."""
    prefixes, default_has_one = is_language_prefix_patterns_used(get_urlconf() or settings.ROOT_URLCONF)
    if not prefixes:
        return True
    prefix = get_language_from_path("/" + url.removeprefix(get_script_prefix()))
    return (prefix or (None if default_has_one else settings.LANGUAGE_CODE)) == language


def _base(language: str) -> str:
    return language.partition("-")[0]


def _own_name(language: str) -> str:
    with override(language):
        # Translators: your language's own name, such as "Deutsch". Translate it last: from then on, shoppers
        # read your language instead of English.
        return pgettext("vton", "English")
