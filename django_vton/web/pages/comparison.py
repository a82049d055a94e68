"""What "My try-ons" shows: looks on a wall, only the liked ones, or two side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.paginator import Paginator

from ...intake import feedback
from ...models.states import State
from ...utils.languages import page_address
from .. import serializers
from .forms import as_uuid
from .links import product_link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from ...models import TryOnRequest

SIDE_BY_SIDE = 2


@dataclass(frozen=True, slots=True)
class Look:
    """A try-on as the wall shows it."""

    row: TryOnRequest
    try_on: dict[str, Any]
    product_link: str
    is_chosen: bool = False

    @property
    def is_liked(self) -> bool:
        """Whether the shopper likes it."""
        return self.row.feedback == feedback.LIKE


def context(
    request: HttpRequest, own: QuerySet[TryOnRequest], chosen: list[str], per_page: int
) -> dict[str, Any]:
    """One page of the wall. Cancelled try-ons are listed apart from the looks."""
    only_liked = request.GET.get("liked") == "1"
    rows = own.filter(feedback=feedback.LIKE) if only_liked else own
    pages = Paginator(rows.order_by("-created_at", "pk"), per_page)
    page = pages.get_page(request.GET.get("page"))
    query = {"liked": 1} if only_liked else {}
    shown = _looks(request, page, chosen)
    return {
        "page": page,
        "newer": page.has_previous() and page_address("history", **query, page=page.previous_page_number()),
        "older": page.has_next() and page_address("history", **query, page=page.next_page_number()),
        "only_liked": only_liked,
        "looks": [look for look in shown if look.row.state != State.CANCELED],
        "canceled": [look for look in shown if look.row.state == State.CANCELED],
        "comparable": sum(look.row.state == State.COMPLETED for look in shown) >= SIDE_BY_SIDE,
        "number_chosen": len(chosen),
        "carried": parse_qsl(urlsplit(page_address("history")).query),
    }


def chosen(request: HttpRequest) -> list[str]:
    """The try-ons that `?compare=` names, each once."""
    return list(dict.fromkeys(request.GET.getlist("compare")))


def pair(request: HttpRequest, own: QuerySet[TryOnRequest], chosen: list[str]) -> list[Look]:
    """Two finished try-ons of this shopper's, in the given order; empty where it is not exactly two."""
    ids = [pk for pk in map(as_uuid, chosen) if pk is not None]
    if len(chosen) != SIDE_BY_SIDE or len(ids) != SIDE_BY_SIDE:
        return []
    rows = own.filter(pk__in=ids, state=State.COMPLETED)
    looks = sorted(_looks(request, rows, []), key=lambda look: ids.index(look.row.pk))
    return looks if len(looks) == SIDE_BY_SIDE else []


def compare_url(looks: Iterable[Look]) -> str:
    """The URL at which these are seen side by side."""
    url = page_address("history")
    query = urlencode([("compare", str(look.row.pk)) for look in looks])
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _looks(request: HttpRequest, rows: Iterable[TryOnRequest], chosen: list[str]) -> list[Look]:
    rows = list(rows)
    return [
        Look(row, try_on, product_link(request, row.product_url), str(row.pk) in chosen)
        for row, try_on in zip(rows, serializers.tryons(rows), strict=True)
    ]
