"""`r/{id}/`: one try-on, while it is made and afterwards."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from ... import lifecycle, privacy
from ...exceptions import Refused
from ...gateway.engines import engines
from ...intake import feedback
from ...models import PersonPhoto, TryOnRequest
from ...models.states import ACTIVE, State
from ...shoppers import Visitor
from ...utils.languages import page_address
from .. import serializers
from .base import SeeOther, confirm, notice, page, render
from .links import product_link

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

REFRESH_SECONDS = 5
"""How often a page checks that the shopper asked to check automatically."""

LATE = 3
"""From this many times the typical duration on, the page says that it takes longer than usual."""

REASON = "reason-"
"""The action that gives a reason for a dislike begins with this."""


@page
def result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """`r/{id}/`: its state, its pictures, and what to do with them. 404 for anybody but its owner.

    `?auto=1` checks again automatically while it runs, `?picture=2` shows the second preview, and
    `?confirm=delete` asks before deleting.
    """
    visitor = Visitor.of(request)
    row = serializers.try_ons_of(visitor.shopper(), visitor.phone).filter(pk=pk).first()
    if row is None:
        return notice(request, Refused("not_found"))
    if request.method == "POST":
        return _act(request, visitor, row)
    if request.GET.get("confirm") == "delete":
        return confirm(request, "delete", row)
    return _result(request, row)


def _act(request: HttpRequest, visitor: Visitor, row: TryOnRequest) -> HttpResponse:
    here = page_address("result", row.pk)
    action = request.POST.get("action", "")
    match action:
        case "cancel":
            if not lifecycle.cancel(row, actor_id=visitor.user_id):
                row.refresh_from_db()
                return _result(request, row, Refused("not_cancelable"))
        case "delete":
            privacy.erase(row)
            here = page_address("history", done="deleted")
        case _:
            if row.state != State.COMPLETED or (given := _feedback(row, action)) is None:
                return notice(request, Refused("request_invalid"))
            try:
                feedback.give(row, *given)
            except Refused as refusal:  # Erased meanwhile.
                return notice(request, refusal)
            here += "#vton-feedback"
    return SeeOther(here)


def _feedback(row: TryOnRequest, action: str) -> tuple[str, str] | None:
    """What a button gives: value and reason. The same button once more withdraws it."""
    if action in (feedback.LIKE, feedback.DISLIKE):
        return ("" if row.feedback == action else action, "")
    reason = action.removeprefix(REASON)
    if reason != action and reason in feedback.REASONS:
        return (feedback.DISLIKE, "" if row.feedback_reason == reason else reason)
    return None


def _picture(request: HttpRequest, images: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The preview that `?picture=` names, else the first."""
    number = request.GET.get("picture", "")
    named = {str(position): image for position, image in enumerate(images, 1)}
    return named.get(number) or next(iter(images), None)


def _result(request: HttpRequest, row: TryOnRequest, refusal: Refused | None = None) -> HttpResponse:
    shown = serializers.tryon(row)
    running = row.state in ACTIVE
    auto = running and request.GET.get("auto") == "1"
    context = {
        "row": row,
        "try_on": shown,
        "running": running,
        "nearly": serializers.shown_state(row) == State.RENDERED,
        "late": timezone.now() > row.created_at + LATE * timedelta(seconds=shown["typical_seconds"]),
        "auto": auto,
        "every": REFRESH_SECONDS,
        "picture": _picture(request, shown["images"]),
        "product_link": product_link(request, row.product_url),
        "reasons": TryOnRequest.FeedbackReason.choices,
        "photo": PersonPhoto.objects.visible_to(row.shopper).filter(try_ons=row).first(),
        "eyewear": getattr(engines().get(row.engine), "kind", "") == "eyewear",
        "refusal": refusal,
    }
    response = render(request, "vton/pages/result.html", context, status=refusal.status if refusal else 200)
    if auto:
        response["Refresh"] = str(REFRESH_SECONDS)
    return response
