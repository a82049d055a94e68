"""`r/{id}/`: the page of one try-on, while it runs and after it has ended."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from ... import lifecycle, privacy
from ...exceptions import Refused
from ...gateway.engines import engines
from ...intake import feedback
from ...kinds import get_kind
from ...models import PersonPhoto, TryOnRequest
from ...models.states import ACTIVE, State
from ...shoppers import Visitor
from ...utils import clock
from ...utils.languages import localized_url
from .. import tryon_serializers
from ..polling import REFRESH_SECONDS
from .base import HttpResponseSeeOther, confirmation_page, page_view, product_link, refusal_page, render

LATE_FACTOR = 3
"""After this many times the typical duration, the page says that the try-on takes longer than usual."""

REASON_PREFIX = "reason-"
"""Prefix of the form actions that give a reason for a dislike."""


@page_view
def result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """`r/{id}/`: the try-on's state, images and actions. Another shopper's try-on is answered with 404.

    `?auto=1` reloads the page while the try-on runs, `?picture=2` shows the second image, and
    `?confirm=delete` asks for confirmation.
    """
    visitor = Visitor.from_request(request)
    row = tryon_serializers.try_ons_of(visitor.find_shopper(), visitor.phone).filter(pk=pk).first()
    if row is None:
        return refusal_page(request, Refused("not_found"))
    if request.method == "POST":
        return _act(request, visitor, row)
    if request.GET.get("confirm") == "delete":
        return confirmation_page(request, "delete", row)
    return _render_result(request, row)


def _act(request: HttpRequest, visitor: Visitor, row: TryOnRequest) -> HttpResponse:
    next_url = localized_url("result", row.pk)
    action = request.POST.get("action", "")
    match action:
        case "cancel":
            if not lifecycle.cancel(row, actor_id=visitor.user_id):
                row.refresh_from_db()
                return _render_result(request, row, Refused("not_cancelable"))
        case "delete":
            privacy.erase_tryon(row)
            next_url = localized_url("history", done="deleted")
        case _:
            if row.state != State.COMPLETED or (value_and_reason := _feedback(row, action)) is None:
                return refusal_page(request, Refused("request_invalid"))
            try:
                feedback.save(row, *value_and_reason)
            except Refused as refusal:  # The try-on was erased in the meantime.
                return refusal_page(request, refusal)
            next_url += "#vton-feedback"
    return HttpResponseSeeOther(next_url)


def _feedback(row: TryOnRequest, action: str) -> tuple[str, str] | None:
    """Return the value and reason to store, or None for another action. A second click undoes the first."""
    if action in (feedback.LIKE, feedback.DISLIKE):
        return ("" if row.feedback == action else action, "")
    reason = action.removeprefix(REASON_PREFIX)
    if reason != action and reason in feedback.REASONS:
        return (feedback.DISLIKE, "" if row.feedback_reason == reason else reason)
    return None


def _selected_image(request: HttpRequest, images: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the image with the number in `?picture=`, by default the first. Return None without images."""
    by_number = {str(number): image for number, image in enumerate(images, 1)}
    return by_number.get(request.GET.get("picture", "")) or next(iter(images), None)


def _render_result(request: HttpRequest, row: TryOnRequest, refusal: Refused | None = None) -> HttpResponse:
    shown = tryon_serializers.TryOnSerializer(row).data
    is_running = row.state in ACTIVE
    late_after = LATE_FACTOR * timedelta(seconds=shown["typical_seconds"])
    reloads = is_running and request.GET.get("auto") == "1"
    context = {
        "row": row,
        "try_on": shown,
        "is_running": is_running,
        "is_nearly_done": tryon_serializers.shown_state(row) == State.RENDERED,
        "is_late": clock.now() > row.created_at + late_after,
        "reloads": reloads,
        "refresh_seconds": REFRESH_SECONDS,
        "picture": _selected_image(request, shown["images"]),
        "product_link": product_link(request, row.product_url),
        "reasons": TryOnRequest.FeedbackReason.choices,
        "photo": PersonPhoto.objects.visible_to(row.shopper).filter(try_ons=row).first(),
        "kind": get_kind(getattr(engines().get(row.engine), "kind", "")),
        "refusal": refusal,
    }
    response = render(request, "vton/pages/result.html", context, status=refusal.status if refusal else 200)
    if reloads:
        response["Refresh"] = str(REFRESH_SECONDS)
    return response
