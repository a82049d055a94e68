"""Everything that is stored about a shopper, as plain data."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..billing import quotas
from ..models import PhoneLink, Shopper, TryOnImage, TryOnRequest
from . import access_log

if TYPE_CHECKING:
    from django.db.models import Model


def export(shopper: Shopper | None) -> dict[str, Any]:
    """All that is stored about a shopper, as plain data; pictures by their ids, moments in ISO 8601."""
    if shopper is None:
        lists = ("try_ons", "photos", "consents", "quotas", "phone_links", "looks")
        return {"shopper": None} | {name: [] for name in lists}
    consents = shopper.consents.order_by("given_at")
    photos = shopper.photos.order_by("created_at")
    results = TryOnImage.objects.filter(request__shopper=shopper)
    return {
        "shopper": _plain(shopper, "created_at", "seen_at"),
        "try_ons": [
            _export_tryon(request)
            for request in shopper.try_ons.with_parts().prefetch_related("conversions").order_by("created_at")
        ],
        "photos": [
            _plain(photo, "created_at", "expires_at", "width", "height")
            | {"id": str(photo.pk), "kept": photo.keep}
            for photo in photos
        ],
        "consents": [_plain(consent, *CONSENT_FIELDS) for consent in consents],
        "quotas": quotas.used_by(shopper),
        "phone_links": [_export_phone_link(link) for link in shopper.phone_links.order_by("created_at")],
        "looks": access_log.at([row.pk for row in (*photos, *results)]),
    }


CONSENT_FIELDS = ("version", "text_hash", "locale", "purpose", "recipient", "given_at", "withdrawn_at")
TRYON_FIELDS = (
    *("product", "product_title", "product_url", "engine", "options", "state", "error_code"),
    *("feedback", "feedback_reason", "created_at", "started_at", "finished_at", "expires_at"),
)


def _export_tryon(request: TryOnRequest) -> dict[str, Any]:
    return _plain(request, *TRYON_FIELDS) | {
        "id": str(request.pk),
        "photo": str(request.photo_id) if request.photo_id else None,
        "images": [str(image.pk) for image in request.pictures],
        "conversions": [_plain(row, "kind", "reference", "order", "at") for row in request.conversions.all()],
    }


def _plain(row: Model, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def _export_phone_link(link: PhoneLink) -> dict[str, Any]:
    """A phone link without anything that opens it."""
    names = ("product", "created_at", "opened_at", "used_at", "expires_at")
    return _plain(link, *names) | {"try_ons": [str(pk) for pk in link.try_ons.values_list("pk", flat=True)]}
