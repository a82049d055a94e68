"""`mine/` and `privacy/`: what is stored about a shopper, for how long, and how to be rid of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.db import transaction
from django.shortcuts import render

from .. import privacy, represent
from ..conf import config
from ..exceptions import Refused
from ..languages import page_address
from ..sentences import duration
from ..shoppers import SESSION_KEY, Visitor
from .forms import own_photos
from .frame import SeeOther, confirm, notice, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from ..models import Shopper

PER_PAGE = 20


@page
def history(request: HttpRequest) -> HttpResponse:
    """`mine/`: a shopper's own try-ons and photos, the newest first, and how to be rid of them."""
    shopper = Visitor.of(request).shopper()
    if request.method == "POST":
        return _tidy(request, shopper)
    if shopper is not None and (question := request.GET.get("confirm")) in ("erase", "withdraw"):
        return confirm(request, question)
    rows = represent.try_ons_of(shopper).order_by("-created_at", "pk")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": shown,
        "entries": list(zip(shown, represent.tryons(shown), strict=True)),
        "photos": own_photos(shopper),
        "shopper": shopper,
        "has_consented": privacy.has_consented(shopper),
        "done": request.GET.get("done"),
    }
    return render(request, "vton/pages/history.html", context)


def _tidy(request: HttpRequest, shopper: Shopper | None) -> HttpResponse:
    action = request.POST.get("action")
    if action not in ("erase", "withdraw", "forget"):
        return notice(request, Refused("request_invalid"))
    if shopper is not None:
        with transaction.atomic():
            if action == "erase":
                privacy.erase_shopper(shopper)
            elif action == "withdraw":
                privacy.withdraw_consent(shopper)
            else:
                for photo in shopper.photos.all():
                    if str(photo.pk) == request.POST.get("photo"):
                        privacy.delete_photo(photo)
    if action == "erase":
        request.session.pop(SESSION_KEY, None)
    return SeeOther(page_address("history", done=action))


@page
def privacy_policy(request: HttpRequest) -> HttpResponse:
    """`privacy/`: what happens to a photo, as the settings say."""
    context = {
        "photo_for": duration(config.PHOTO_RETENTION),
        "result_for": duration(config.RESULT_RETENTION),
        "consent": config.CONSENT_TEXT,
        "version": config.CONSENT_VERSION,
        "policy": config.PRIVACY_URL,
    }
    return render(request, "vton/pages/privacy.html", context)
