"""Rows as the plain data that shoppers get: the JSON objects of the API, and what the pages show.

All addresses are paths of this shop, and all texts are in the language of the moment.
"""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import pgettext

from ..messages import RENDER_MESSAGES, RETRYABLE
from ..models import PersonPhoto, TryOnImage, TryOnRequest
from ..models.states import ACTIVE, PROGRESS, PUBLIC, State
from ..monitoring.typical_duration import typical_seconds
from ..shoppers import made_by
from ..utils.languages import address, page_address, page_language
from ..utils.safe_urls import safe_url

KINDS = ("garment", "eyewear")

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from ..models import PhoneLink, Shopper
    from ..pixazo.engine import Option

RETRY_AFTER = {State.QUEUED: 2, State.SUBMITTING: 2, State.SUBMITTED: 3, State.UNKNOWN: 5, State.RENDERED: 2}
"""Seconds until it is worth another look."""


def try_ons_of(shopper: Shopper | None, phone: PhoneLink | None = None) -> QuerySet[TryOnRequest]:
    """A shopper's try-ons, with all that `tryon` reads, in four queries however many they are.

    With `phone` also those that this link's phone asked for.
    """
    rows = TryOnRequest.objects.with_parts().prefetch_related("source__images")
    if phone is not None:
        mine = made_by(phone)
        return rows.filter(mine if shopper is None else mine | Q(shopper=shopper))
    # Never `filter(shopper=None)`: renders of house models have no owner.
    return rows.none() if shopper is None else rows.filter(shopper=shopper)


def tryon(row: TryOnRequest, typical: int | None = None) -> dict[str, Any]:
    """The object of a try-on. `typical`: the engine's typical seconds, where the caller has them."""
    seconds = typical_seconds(row.engine) if typical is None else typical
    state = shown_state(row)
    photo_of_it = row.photo
    return {
        "id": str(row.pk),
        "product": row.product,
        "product_title": row.product_title,
        "product_url": safe_url(row.product_url),
        "engine": row.engine,
        "status": PUBLIC[state],
        "options": row.options,
        "counted": bool(row.counted_in),
        "cached": row.cached,
        "created_at": _moment(row.created_at),
        "started_at": _moment(_started_at(row)),
        "finished_at": _moment(row.finished_at),
        "expires_at": _moment(row.expires_at),
        "progress": PROGRESS[state],
        "eta_seconds": ceil(seconds * (1 - PROGRESS[state])),
        "typical_seconds": seconds,
        "photo": None if photo_of_it is None else photo(photo_of_it),
        "images": [image(it, row) for it in row.pictures] if state == State.COMPLETED else [],
        "feedback": row.feedback or None,
        "page_url": page_address("result", row.pk),
        "error": _error(row) if state == State.FAILED else None,
    }


def tryons(rows: Iterable[TryOnRequest]) -> list[dict[str, Any]]:
    """The objects of several, which share their engines' figures."""
    typical = cache(typical_seconds)
    return [tryon(row, typical(row.engine)) for row in rows]


def shown_state(row: TryOnRequest) -> State:
    """Its state; for one that waits for a shared render, that render's.

    Once that has ended, those who share it are about to end as well: nothing goes back to the queue.
    """
    if row.state == State.QUEUED and row.source is not None:
        return State(row.source.state) if row.source.state in ACTIVE else State.RENDERED
    return State(row.state)


def etag(row: TryOnRequest) -> str:
    """Weak (RFC 9110, 8.8.1): the typical seconds may move while the rest stands.

    Of the row alone, so that a poll costs one query: whatever brings it other pictures ends it anew.
    """
    ended = row.finished_at.timestamp() if row.finished_at else ""
    parts = [row.pk, shown_state(row), row.feedback, row.photo_id, page_language(), ended]
    return 'W/"{}"'.format("-".join(map(str, parts)))


def retry_after(row: TryOnRequest) -> int | None:
    """Seconds until the next look, or None where nothing will change any more."""
    return RETRY_AFTER.get(shown_state(row))


def photo(row: PersonPhoto) -> dict[str, Any]:
    """The object of a photo."""
    url = address("photo-file", row.pk)
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "name": row.name,
        "labels": row.labels,
        "suits": [kind for kind in KINDS if row.suits_kind(kind)],
        "url": url,
        "thumbnail_url": f"{url}?size=thumbnail",
        "width": row.width,
        "height": row.height,
        "expires_at": _moment(row.expires_at),
    }


def image(row: TryOnImage, of: TryOnRequest) -> dict[str, Any]:
    """The object of a finished picture; its alternative text speaks of the try-on that shows it."""
    url = address("image", row.pk)
    return {
        "id": str(row.pk),
        "url": url,
        "thumbnail_url": f"{url}?size=thumbnail",
        "download_url": f"{url}?download=1",
        "width": row.width,
        "height": row.height,
        "content_type": row.content_type,
        "alt": _alt(of),
    }


def option(it: Option, *, is_count: bool = False) -> dict[str, Any]:
    """What a shopper may choose; `is_count` where it says how many pictures: unsaid, it is one."""
    return {
        "kind": it.kind,
        "label": str(it.label),
        "choices": list(it.choices),
        "minimum": it.minimum,
        "maximum": it.maximum,
        "default": 1 if it.default is None and is_count else it.default,
    }


def _alt(row: TryOnRequest) -> str:
    title = row.product_title or row.product
    if row.photo is not None and row.photo.is_house:
        return pgettext("vton", "AI-generated preview: %(title)s on a model") % {"title": title}
    return pgettext("vton", "AI-generated preview: %(title)s on your photo") % {"title": title}


def _error(row: TryOnRequest) -> dict[str, Any]:
    # A shop's own engine may have further codes: they mean "vendor" to a shopper.
    code = row.error_code if row.error_code in RENDER_MESSAGES else "vendor"
    return {"code": code, "message": str(RENDER_MESSAGES[code]), "retryable": code in RETRYABLE}


def _started_at(row: TryOnRequest) -> datetime | None:
    if row.started_at is None and row.source is not None and row.state == State.QUEUED:
        return row.source.started_at
    return row.started_at


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
