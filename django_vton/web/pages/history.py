"""`mine/`: a shopper's own try-ons and photos, the comparison of two results, and the deletion of data."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from ... import privacy
from ...exceptions import Refused
from ...intake import feedback
from ...models import Shopper, TryOnRequest
from ...models.states import State
from ...shoppers import SESSION_KEY, Visitor
from ...utils.languages import localized_url
from .. import tryon_serializers
from .base import HttpResponseSeeOther, confirmation_page, page_view, product_link, refusal_page, render
from .forms import own_photos, parse_uuid

PER_PAGE = 24
"""A multiple of 2, 3 and 4, so that the rows are complete with any of these numbers of columns."""

COMPARED_ENTRIES = 2


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A try-on as the history shows it."""

    row: TryOnRequest
    try_on: dict[str, Any]
    """The try-on as the API returns it."""
    product_link: str
    is_chosen: bool = False
    """Whether the try-on is ticked for the comparison."""

    @property
    def is_liked(self) -> bool:
        """Whether the shopper likes the result."""
        return self.row.feedback == feedback.LIKE


@page_view
def history(request: HttpRequest) -> HttpResponse:
    """`mine/`: the list of try-ons, newest first.

    `?liked=1` lists the liked try-ons, `?compare=ID&compare=ID` shows two side by side, and `?confirm=erase`
    or `?confirm=withdraw` asks for confirmation.
    """
    shopper = Visitor.from_request(request).find_shopper()
    own = tryon_serializers.try_ons_of(shopper)
    if request.method == "POST":
        return _act(request, shopper, own)
    if shopper is not None and (question := request.GET.get("confirm")) in ("erase", "withdraw"):
        return confirmation_page(request, question)
    if compared := _compared_entries(request, own):
        context: dict[str, Any] = {"entries": compared, "action_url": _comparison_url(compared)}
        return render(request, "vton/pages/compare.html", context)
    context = _list_context(request, own) | {
        "photos": own_photos(shopper),
        "shopper": shopper,
        "has_consented": privacy.has_consented(shopper),
        "done": request.GET.get("done"),
    }
    return render(request, "vton/pages/history.html", context)


def _act(request: HttpRequest, shopper: Shopper | None, own: QuerySet[TryOnRequest]) -> HttpResponse:
    action = request.POST.get("action")
    if action == "like":
        return _toggle_like(request, own)
    if action not in ("erase", "withdraw", "forget"):
        return refusal_page(request, Refused("request_invalid"))
    if shopper is not None:
        _delete(request, shopper, action)
    if action == "erase":
        request.session.pop(SESSION_KEY, None)
    return HttpResponseSeeOther(localized_url("history", done=action))


def _toggle_like(request: HttpRequest, own: QuerySet[TryOnRequest]) -> HttpResponse:
    """Toggle the like of one of the two compared try-ons."""
    entries = _compared_entries(request, own)
    for entry in entries:
        if str(entry.row.pk) == request.POST.get("try_on"):
            with suppress(Refused):  # The try-on was erased in the meantime, which the next page shows.
                feedback.save(entry.row, "" if entry.is_liked else feedback.LIKE)
    return HttpResponseSeeOther(_comparison_url(entries) if entries else localized_url("history"))


def _delete(request: HttpRequest, shopper: Shopper, action: str) -> None:
    match action:
        case "erase":
            privacy.erase_shopper(shopper)
        case "withdraw":
            privacy.withdraw_consent(shopper)
        case "forget":
            for photo in shopper.photos.all():
                if str(photo.pk) == request.POST.get("photo"):
                    privacy.delete_photo(photo)


def _list_context(request: HttpRequest, own: QuerySet[TryOnRequest]) -> dict[str, Any]:
    """Return the context of one page of the list. Canceled try-ons are listed separately."""
    chosen = _chosen_ids(request)
    only_liked = request.GET.get("liked") == "1"
    rows = own.filter(feedback=feedback.LIKE) if only_liked else own
    page = Paginator(rows.order_by("-created_at", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    query = {"liked": 1} if only_liked else {}
    entries = _entries(request, page, chosen)
    completed = [entry for entry in entries if entry.row.state == State.COMPLETED]
    return {
        "page": page,
        "newer": page.has_previous() and localized_url("history", **query, page=page.previous_page_number()),
        "older": page.has_next() and localized_url("history", **query, page=page.next_page_number()),
        "only_liked": only_liked,
        "entries": [entry for entry in entries if entry.row.state != State.CANCELED],
        "canceled": [entry for entry in entries if entry.row.state == State.CANCELED],
        "can_compare": len(completed) >= COMPARED_ENTRIES,
        "chosen_count": len(chosen),
        # A form with method="get" drops the query of its URL, such as `lang`.
        "hidden_fields": parse_qsl(urlsplit(localized_url("history")).query),
    }


def _chosen_ids(request: HttpRequest) -> list[str]:
    """Return the ids in `?compare=` without duplicates."""
    return list(dict.fromkeys(request.GET.getlist("compare")))


def _compared_entries(request: HttpRequest, own: QuerySet[TryOnRequest]) -> list[HistoryEntry]:
    """Return the two completed try-ons in `?compare=`, in that order. Return [] unless both exist."""
    chosen = _chosen_ids(request)
    ids = [pk for pk in map(parse_uuid, chosen) if pk is not None]
    if len(chosen) != COMPARED_ENTRIES or len(ids) != COMPARED_ENTRIES:
        return []
    entries = _entries(request, own.filter(pk__in=ids, state=State.COMPLETED), [])
    entries.sort(key=lambda entry: ids.index(entry.row.pk))
    return entries if len(entries) == COMPARED_ENTRIES else []


def _comparison_url(entries: Iterable[HistoryEntry]) -> str:
    url = localized_url("history")
    query = urlencode([("compare", str(entry.row.pk)) for entry in entries])
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _entries(request: HttpRequest, rows: Iterable[TryOnRequest], chosen: list[str]) -> list[HistoryEntry]:
    rows = list(rows)
    return [
        HistoryEntry(row, try_on, product_link(request, row.product_url), str(row.pk) in chosen)
        for row, try_on in zip(rows, tryon_serializers.TryOnSerializer(rows, many=True).data, strict=True)
    ]
