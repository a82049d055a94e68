"""`GET dialog/?product=&lang=`: the dialog's HTML, already in the page's language.

It holds nothing of a shopper's, so it may be cached; what is personal comes from `api/start/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from .. import queue
from ..conf import config
from ..exceptions import Refused
from ..messages import MESSAGES, duration
from ..models import TryOnRequest
from ..products import NEVER_BY_SHOPPERS, Described, find
from ..queue import liveness
from ..utils import languages
from . import phone_links
from .sessions import leave_session

if TYPE_CHECKING:
    from ..pixazo.engine import Option

MAX_AGE = 300
FEW = 10
"""So many values of a number are offered as a list."""

FEW_LEFT = 3
"""The dialog says how many try-ons are left when there are this many or fewer."""

PLACES = {
    "photo_required": "choose",
    "photo_unreadable": "choose",
    "photo_format": "choose",
    "photo_too_small": "choose",
    "photo_too_large": "choose",
    "photo_gone": "choose",
    "photo_refused": "choose",
    "consent_required": "check",
    "options_invalid": "check",
    "captcha_required": "check",
    "not_cancelable": "waiting",
}
"""The view in which a code's sentence helps; the error view for all others."""

AGAIN = {"in_flight_limit", "unavailable", "paused", "csrf_failed"}
"""Refusals after which the same order may go out once more."""

FINAL = {"product_unknown", "product_not_enabled", "quota_exceeded", "budget_exhausted", "not_configured"}
"""Refusals that another photo does not change."""

REST = FINAL - {"product_unknown"} | {"paused", "unavailable"}
"""Refusals for which nothing went wrong: it is only not possible now."""

SAID_BY_SCRIPTS = REST | {
    *("consent_required", "photo_format", "photo_too_large", "photo_too_small", "photo_unreadable"),
}
"""Codes whose sentences the dialog brings along; for all others the API's answer has one."""


@dataclass(frozen=True, slots=True)
class Field:
    """An option that a shopper may set, as a form shows it."""

    option: Option
    choices: list[tuple[str, Any]]
    """Values as JSON writes them, with their labels; empty for a number to type."""
    initial: str


@login_not_required
@transaction.non_atomic_requests
@require_safe
def dialog(request: HttpRequest) -> HttpResponse:
    """The dialog for one product; 404 for an unknown one.

    `lang` is the page's language, since this address need not be under the page's language prefix; an
    unsupported one falls back to the request's.
    """
    leave_session(request)
    asked = languages.asked(request)
    with languages.speaking(asked) as language:
        try:
            product = find(request.GET.get("product", ""))
        except Refused as refused:
            return HttpResponseNotFound(str(refused.detail), content_type="text/plain; charset=utf-8")
        # Without the request: the shop's context processors could put something personal into it.
        response = HttpResponse(
            render_to_string("vton/dialog/dialog.html", _context(request, product, language))
        )
        response["Content-Language"] = language
    # A developer's templates change, and so does the hint.
    response["Cache-Control"] = "no-store" if settings.DEBUG else f"public, max-age={MAX_AGE}"
    if not asked:
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _context(request: HttpRequest, product: Described, language: str) -> dict[str, Any]:
    return {
        "product": product,
        "lang": language,
        "dir": languages.direction(language),
        "try_ons": languages.address("tryons"),
        "photos": languages.address("photos"),
        "phone": languages.address("phone") if phone_links.is_available(request) else "",
        "eyewear": product.kind == "eyewear",
        "captcha": config.CAPTCHA,
        "photo_for": duration(config.PHOTO_RETENTION),
        "few": range(1, FEW_LEFT + 1),
        "reasons": TryOnRequest.FeedbackReason.choices,
        "missing_worker": queue.in_use()[1] if settings.DEBUG and not liveness.seen_recently() else "",
        "fields": _fields(product),
        "sentences": [
            {
                "code": code,
                "text": text if code in SAID_BY_SCRIPTS else "",
                "at": PLACES.get(code, "error"),
                "again": code in AGAIN,
                "final": code in FINAL,
                "rest": code in REST,
            }
            for code, text in MESSAGES.items()
            if code in SAID_BY_SCRIPTS | PLACES.keys() | AGAIN | FINAL
        ],
    }


def _fields(product: Described) -> list[Field]:
    chosen = product.tryon.get_options(product.product)
    return [
        _field(option, chosen.get(option.name, option.default))
        for option in product.engine.options
        if option.name in product.tryon.shopper_options and option.name not in NEVER_BY_SHOPPERS
    ]


def _field(option: Option, initial: object) -> Field:
    choices: list[tuple[str, Any]] = []
    if option.kind == "choice":
        choices = list(option.labelled_choices)
    elif option.kind == "boolean":
        choices = [("true", pgettext("vton", "Yes")), ("false", pgettext("vton", "No"))]
    elif option.minimum is not None and option.maximum is not None and option.maximum - option.minimum < FEW:
        choices = [(str(number), number) for number in range(option.minimum, option.maximum + 1)]
    shown = "" if initial is None else str(initial)
    return Field(option, choices, shown.lower() if option.kind == "boolean" else shown)
