"""Two languages: the page's, in which the shop answers and our links lead on, and the one that we speak.

They differ where the page is in a language that nobody has translated our words into. Then all of our words
are English, and say so: never half of them.

A shop may have its pages under language prefixes and the try-on outside of them. There a request is
answered in the browser's language, unless its address says `?lang=`.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from gettext import find
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import (
    get_language,
    get_language_from_path,
    get_supported_language_variant,
    override,
    pgettext,
    to_locale,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

LOCALE_DIR = Path(__file__).parent / "locale"
"""The package's own catalogues, which are whole."""

_speaking: ContextVar[tuple[str, str] | None] = ContextVar("vton_speaking", default=None)
"""Inside `speaking`: the page's language and ours."""


def requested_language(request: HttpRequest) -> str | None:
    """The language of `?lang=`, or None where the shop does not have it."""
    try:
        return get_supported_language_variant(request.GET.get("lang", ""))
    except (LookupError, ValueError):
        return None


def interface_language(language: str) -> str:
    """The language of our words on a page in `language`: the same if it has a catalogue, else English.

    The package's catalogues are whole. A shop's own says that it is by translating its language's name.
    """
    if _base(language) == "en":
        return language
    if settings.USE_I18N and find("django", LOCALE_DIR, [to_locale(language)]):
        return language
    name, default = _own_name(language), settings.LANGUAGE_CODE
    # Django looks up what a language lacks in LANGUAGE_CODE's catalogue.
    is_default = _base(language) != _base(default) and name == _own_name(default)
    return "en" if is_default or name == _own_name("en") else language


def direction(language: str) -> str:
    """The value for HTML's `dir`."""
    return "rtl" if _base(language) in settings.LANGUAGES_BIDI else "ltr"


def page_language() -> str:
    """The page's language, also while we speak another one."""
    active = get_language() or settings.LANGUAGE_CODE
    page, ours = _speaking.get() or (active, active)
    return page if active == ours else active


@contextmanager
def override_interface_language(page: str | None = None) -> Iterator[str]:
    """Activate the language in which we can speak on a page in `page` (None: on the present one)."""
    page = page or page_language()
    ours = interface_language(page)
    token = _speaking.set((page, ours))
    try:
        with override(ours):
            yield ours
    finally:
        _speaking.reset(token)


def override_page_language() -> override:
    """Activate the page's language, for what is the shop's: its template, its products, its addresses."""
    return override(page_language())


def view_url(name: str, *args: object) -> str:
    """The address of a view of ours, under the page's language prefix where there are such prefixes."""
    with override_page_language():
        return reverse(f"vton:{name}", args=args)


def localized_url(name: str, *args: object, **query: object) -> str:
    """The address of one of our pages, at which it speaks the page's language."""
    return with_language(view_url(name, *args), **query)


def with_language(url: str, **query: object) -> str:
    """The address with a query, to which the page's language belongs where it is not told already."""
    language = page_language()
    if not _is_told_by(url, language):
        query["lang"] = language
    return f"{url}?{urlencode(query)}" if query else url


def _is_told_by(url: str, language: str) -> bool:
    """Whether Django's own `LocaleMiddleware` comes to this language there as well."""
    prefixes, default_has_one = is_language_prefix_patterns_used(get_urlconf() or settings.ROOT_URLCONF)
    if not prefixes:
        return True
    told = get_language_from_path("/" + url.removeprefix(get_script_prefix()))
    return (told or (None if default_has_one else settings.LANGUAGE_CODE)) == language


def _base(language: str) -> str:
    return language.partition("-")[0]


def _own_name(language: str) -> str:
    with override(language):
        # Translators: your language's own name, such as "Deutsch". Translate it last: from then on, shoppers
        # read your language instead of English.
        return pgettext("vton", "English")
