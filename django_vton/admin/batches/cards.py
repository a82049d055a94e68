"""The cards of the review page: each render beside the pictures that it was made from."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ...batches.catalogue import find_products
from ...batches.review import IS_PUBLISHED
from ...conf import config
from ...models import BatchRender, TryOnImage
from ...models.states import ERROR_LABELS, State
from .. import display

logger = logging.getLogger(__name__)


def with_related(rows: QuerySet[BatchRender]) -> QuerySet[BatchRender]:
    """Load everything that a card shows, in a fixed number of queries."""
    found: QuerySet[BatchRender] = (
        rows.select_related("photo", "request__source", "reviewed_by", "confirmed_by")
        .prefetch_related("request__images", "request__source__images")
        .annotate(is_published=IS_PUBLISHED)
    )
    return found


def render_cards(rows: Iterable[Any], user: Any) -> list[dict[str, Any]]:
    """Return the contexts of `card.html` for renders from `with_related`. Makes one query per model."""
    renders = list(rows)
    urls = _image_urls(render.product for render in renders)
    cards = [_card(render, urls) for render in renders]
    return [card | _decisions(card, user) for card in cards]


def _image_urls(refs: Iterable[str]) -> dict[str, str]:
    """Return the URLs of the products' pictures, as far as they have any."""
    urls = {}
    for ref, described in find_products(dict.fromkeys(refs)).items():
        try:
            urls[ref] = described.image_url
        except Exception:
            logger.exception("%s has no picture, because the shop's own code failed", ref)
    return urls


def _card(render: Any, image_urls: Mapping[str, str]) -> dict[str, Any]:
    title = render.product_title or render.product
    request = render.request
    images = request.shown_images if request is not None and request.state == State.COMPLETED else []
    problem = render.problem
    if request is not None and request.state == State.FAILED:
        problem = str(ERROR_LABELS.get(request.error_code, request.error_code))
    return {
        "render": render,
        "title": title,
        "product": display.product_link(render.product, title),
        "product_image_url": image_urls.get(render.product, ""),
        "images": images,
        "flaws": [*dict.fromkeys(image.get_flaw_display() for image in images if image.flaw)],
        "problem": problem,
    }


def _decisions(card: dict[str, Any], user: Any) -> dict[str, Any]:
    """Return what this user can still decide, and who has accepted the render if two users have to."""
    render = card["render"]
    is_accepted = render.review == BatchRender.Review.ACCEPTED
    is_unconfirmed = is_accepted and config.REVIEW_BY_TWO and render.confirmed_at is None
    can_accept = not is_accepted or (is_unconfirmed and render.reviewed_by != user)
    is_unchanged = any(image.flaw == TryOnImage.Flaw.UNCHANGED for image in card["images"])
    is_open = render.review != BatchRender.Review.REJECTED and not render.is_published
    return {
        "can_accept": can_accept,
        "can_publish": is_accepted and not is_unconfirmed,
        # "Accept all" leaves out unchanged photos.
        "is_undecided": bool(card["images"]) and is_open and can_accept and not is_unchanged,
        "accepted_by": _accepted_by(render) if is_accepted and config.REVIEW_BY_TWO else "",
    }


def _accepted_by(render: Any) -> str:
    first = str(render.reviewed_by or _("an unknown user"))
    if render.confirmed_at is None:
        text = _("Accepted by %(name)s. A second staff member has to accept it before it is published.")
        return text % {"name": first}
    second = str(render.confirmed_by or _("an unknown user"))
    return _("Accepted by %(first)s and by %(second)s.") % {"first": first, "second": second}
