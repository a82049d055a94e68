"""`r/{id}/`: one try-on, while it is made and afterwards."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils import timezone

from .. import lifecycle, privacy, represent
from ..engines import engines
from ..exceptions import Refused
from ..languages import page_address
from ..models import PersonPhoto, TryOnRequest
from ..shoppers import Visitor
from ..states import ACTIVE, State
from .frame import SeeOther, confirm, notice, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

REFRESH_SECONDS = 5
"""Between two looks of a page that the shopper asked to check by itself."""

LATE = 3
"""So many times the typical length, and the page says that it takes longer than usual."""


@page
def result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """`r/{id}/`: how it stands, its pictures, and what to do with them. 404 for anybody but its owner.

    `?auto=1` looks again by itself while it runs; `?confirm=delete` asks before deleting.
    """
    visitor = Visitor.of(request)
    row = represent.try_ons_of(visitor.shopper(), visitor.phone).filter(pk=pk).first()
    if row is None:
        return notice(request, Refused("not_found"))
    if request.method == "POST":
        return _act(request, visitor, row)
    if request.GET.get("confirm") == "delete":
        return confirm(request, "delete", row)
    return _result(request, row)


def _act(request: HttpRequest, visitor: Visitor, row: TryOnRequest) -> HttpResponse:
    here = page_address("result", row.pk)
    match request.POST.get("action"):
        case "cancel":
            if not lifecycle.cancel(row, actor_id=visitor.user_id):
                row.refresh_from_db()
                return _result(request, row, Refused("not_cancelable"))
        case "like" | "dislike" as word if row.state == State.COMPLETED:
            # The same button once more takes it back.
            feedback = "" if row.feedback == word else word
            TryOnRequest.objects.filter(pk=row.pk).update(feedback=feedback)
        case "delete":
            privacy.erase(row)
            here = page_address("history", done="deleted")
        case _:
            return notice(request, Refused("request_invalid"))
    return SeeOther(here)


def _result(request: HttpRequest, row: TryOnRequest, refusal: Refused | None = None) -> HttpResponse:
    shown = represent.tryon(row)
    running = row.state in ACTIVE
    auto = running and request.GET.get("auto") == "1"
    context = {
        "row": row,
        "try_on": shown,
        "running": running,
        "nearly": represent.shown_state(row) == State.RENDERED,
        "late": timezone.now() > row.created_at + LATE * timedelta(seconds=shown["typical_seconds"]),
        "auto": auto,
        "every": REFRESH_SECONDS,
        "photo": PersonPhoto.objects.visible_to(row.shopper).filter(try_ons=row).first(),
        "eyewear": getattr(engines().get(row.engine), "kind", "") == "eyewear",
        "refusal": refusal,
    }
    response = render(request, "vton/pages/result.html", context, status=refusal.status if refusal else 200)
    if auto:
        response["Refresh"] = str(REFRESH_SECONDS)
    return response
