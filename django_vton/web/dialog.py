"""`GET dialog/?product=&lang=`: the dialog's HTML in the page's language.

It contains nothing personal, so it may be cached. Personal data comes from `api/start/`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from .. import queue
from ..conf import config
from ..exceptions import Refused
from ..kinds import get_kind
from ..messages import MESSAGES, format_duration
from ..models import TryOnRequest
from ..products import DescribedProduct, find
from ..queue import liveness
from ..utils import database, languages
from . import phone_links
from .options import option_fields
from .sessions import skip_session_save

MAX_AGE_SECONDS = 300
MAX_REMAINING_SHOWN = 3
"""The largest number of remaining try-ons that the dialog shows."""

MESSAGE_VIEWS = (
    {code: "choose" for code in MESSAGES if code.startswith("photo_")}
    | dict.fromkeys(("consent_required", "options_invalid", "captcha_required"), "check")
    | {"not_cancelable": "waiting"}
)
"""The dialog's view that shows a message, by code. All other messages are in the error view."""

RETRYABLE_CODES = {"in_flight_limit", "unavailable", "paused", "csrf_failed"}
"""The codes after which the shopper may send the same order again."""

FINAL_CODES = {
    *("product_unknown", "product_not_enabled", "quota_exceeded", "budget_exhausted", "not_configured")
}
"""The codes of refusals that another photo cannot change."""

UNAVAILABLE_CODES = FINAL_CODES - {"product_unknown"} | {"paused", "unavailable"}
"""The codes that are no error: the heading says that a try-on is not possible at the moment."""

SCRIPT_MESSAGES = UNAVAILABLE_CODES | {
    *("consent_required", "photo_format", "photo_too_large", "photo_too_small", "photo_unreadable"),
}
"""The codes whose messages are part of the dialog's HTML. Other messages come with the API's response."""


@login_not_required
@database.non_atomic_requests
@require_safe
def dialog(request: HttpRequest) -> HttpResponse:
    """Return the dialog for a product, or 404 if the product is unknown.

    `lang` is the page's language, since this URL can be outside of the page's language prefix. If the shop
    does not have this language, the request's own language is used.
    """
    skip_session_save(request)
    requested = languages.requested_language(request)
    with languages.override_interface_language(requested) as language:
        try:
            product = find(request.GET.get("product", ""))
        except Refused as refused:
            return HttpResponseNotFound(str(refused.detail), content_type="text/plain; charset=utf-8")
        # Rendered without the request, since the shop's context processors may add personal data.
        response = HttpResponse(
            render_to_string("vton/dialog/dialog.html", _context(request, product, language))
        )
        response["Content-Language"] = language
    # Not cached in development, where templates and the warning about a missing worker change.
    response["Cache-Control"] = "no-store" if settings.DEBUG else f"public, max-age={MAX_AGE_SECONDS}"
    if not requested:
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _context(request: HttpRequest, product: DescribedProduct, language: str) -> dict[str, Any]:
    return {
        "product": product,
        "lang": language,
        "dir": languages.direction(language),
        "try_ons": languages.view_url("tryons"),
        "photos": languages.view_url("photos"),
        "phone": languages.view_url("phone") if phone_links.is_available(request) else "",
        "kind": get_kind(product.kind),
        "captcha": config.CAPTCHA,
        "photo_for": format_duration(config.PHOTO_RETENTION),
        "remaining_counts": range(1, MAX_REMAINING_SHOWN + 1),
        "reasons": TryOnRequest.FeedbackReason.choices,
        "missing_worker": queue.describe_queue()[1]
        if settings.DEBUG and not liveness.workers_seen_recently()
        else "",
        "fields": option_fields(product),
        "messages": [
            {
                "code": code,
                "text": text if code in SCRIPT_MESSAGES else "",
                "at": MESSAGE_VIEWS.get(code, "error"),
                "again": code in RETRYABLE_CODES,
                "final": code in FINAL_CODES,
                "rest": code in UNAVAILABLE_CODES,
            }
            for code, text in MESSAGES.items()
            if code in SCRIPT_MESSAGES | MESSAGE_VIEWS.keys() | RETRYABLE_CODES | FINAL_CODES
        ],
    }
