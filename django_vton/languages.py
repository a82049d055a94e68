"""The language of the shop's page, kept where an address of ours does not tell it.

A shop may have its pages under language prefixes and the try-on outside of them. There a request is
answered in the browser's language, unless its address says `?lang=`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.translation import get_language, get_language_from_path, get_supported_language_variant

if TYPE_CHECKING:
    from django.http import HttpRequest


def asked(request: HttpRequest) -> str | None:
    """The language of `?lang=`, or None where the shop does not have it."""
    try:
        return get_supported_language_variant(request.GET.get("lang", ""))
    except (LookupError, ValueError):
        return None


def page_address(name: str, *args: object, **query: object) -> str:
    """The address of one of our pages, at which it speaks the language of the moment."""
    return telling(reverse(f"vton:{name}", args=args), **query)


def telling(address: str, **query: object) -> str:
    """The address with a query, to which the language of the moment belongs where it is not told already."""
    language = get_language()
    if language is not None and not _is_told_by(address, language):
        query["lang"] = language
    return f"{address}?{urlencode(query)}" if query else address


def _is_told_by(address: str, language: str) -> bool:
    """Whether Django's own `LocaleMiddleware` comes to this language there as well."""
    prefixes, default_has_one = is_language_prefix_patterns_used(get_urlconf() or settings.ROOT_URLCONF)
    if not prefixes:
        return True
    told = get_language_from_path("/" + address.removeprefix(get_script_prefix()))
    return (told or (None if default_has_one else settings.LANGUAGE_CODE)) == language
