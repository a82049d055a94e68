"""`mine/` and `privacy/`: what is stored about a shopper, for how long, and how to delete it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.db import transaction

from ... import privacy
from ...conf import config
from ...exceptions import Refused
from ...intake import feedback
from ...messages import duration
from ...shoppers import SESSION_KEY, Visitor
from ...utils.languages import page_address
from .. import phone_links, serializers
from . import comparison
from .base import SeeOther, confirm, notice, page, render
from .forms import own_photos

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from ...models import Shopper, TryOnRequest

PER_PAGE = 24
"""Full rows of two, three and four columns."""


@page
def history(request: HttpRequest) -> HttpResponse:
    """`mine/`: a shopper's own try-ons and photos, the newest first, and how to delete them.

    `?liked=1` shows the liked ones, `?compare=ID&compare=ID` two side by side.
    """
    shopper = Visitor.of(request).shopper()
    own = serializers.try_ons_of(shopper)
    if request.method == "POST":
        return _act(request, shopper, own)
    if shopper is not None and (question := request.GET.get("confirm")) in ("erase", "withdraw"):
        return confirm(request, question)
    chosen = comparison.chosen(request)
    if looks := comparison.pair(request, own, chosen):
        compared = {"looks": looks, "here": comparison.compare_url(looks)}
        return render(request, "vton/pages/compare.html", compared)
    context = comparison.context(request, own, chosen, PER_PAGE) | {
        "photos": own_photos(shopper),
        "shopper": shopper,
        "has_consented": privacy.has_consented(shopper),
        "done": request.GET.get("done"),
    }
    return render(request, "vton/pages/history.html", context)


def _act(request: HttpRequest, shopper: Shopper | None, own: QuerySet[TryOnRequest]) -> HttpResponse:
    action = request.POST.get("action")
    match action:
        case "like":
            return _like(request, own)
        case "erase" | "withdraw" | "forget":
            if shopper is not None:
                _delete(request, shopper, action)
        case _:
            return notice(request, Refused("request_invalid"))
    if action == "erase":
        request.session.pop(SESSION_KEY, None)
    return SeeOther(page_address("history", done=action))


def _like(request: HttpRequest, own: QuerySet[TryOnRequest]) -> HttpResponse:
    """Like one of two that are side by side, or take it back."""
    looks = comparison.pair(request, own, comparison.chosen(request))
    for look in looks:
        if str(look.row.pk) == request.POST.get("try_on"):
            with suppress(Refused):  # Erased meanwhile: the page that follows shows it.
                feedback.give(look.row, "" if look.is_liked else feedback.LIKE)
    return SeeOther(comparison.compare_url(looks) if looks else page_address("history"))


def _delete(request: HttpRequest, shopper: Shopper, what: str) -> None:
    with transaction.atomic():
        if what == "erase":
            privacy.erase_shopper(shopper)
        elif what == "withdraw":
            privacy.withdraw_consent(shopper)
        else:
            for photo in shopper.photos.all():
                if str(photo.pk) == request.POST.get("photo"):
                    privacy.delete_photo(photo)


@page
def privacy_policy(request: HttpRequest) -> HttpResponse:
    """`privacy/`: what happens to a photo, as the settings say."""
    context = {
        "photo_for": duration(config.PHOTO_RETENTION),
        "result_for": duration(config.RESULT_RETENTION),
        "consent": config.CONSENT_TEXT,
        "version": config.CONSENT_VERSION,
        "policy": config.PRIVACY_URL,
        "phone": phone_links.is_installed(),
    }
    return render(request, "vton/pages/privacy.html", context)
