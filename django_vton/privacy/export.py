"""Export everything that is stored about a shopper (GDPR, article 15)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Model

from ..billing import quotas
from ..models import PhoneLink, Shopper, TryOnImage, TryOnRequest
from . import access_log


def export_shopper(shopper: Shopper | None) -> dict[str, Any]:
    """Return everything that is stored about a shopper, for JSON. Images are ids, times are ISO 8601."""
    if shopper is None:
        empty = ("try_ons", "photos", "consents", "quotas", "phone_links", "looks")
        return {"shopper": None} | {name: [] for name in empty}
    consents = shopper.consents.order_by("given_at")
    photos = shopper.photos.order_by("created_at")
    results = TryOnImage.objects.filter(request__shopper=shopper)
    return {
        "shopper": _values(shopper, "created_at", "seen_at"),
        "try_ons": [
            _export_tryon(request)
            for request in shopper.try_ons.with_related()
            .prefetch_related("conversions")
            .order_by("created_at")
        ],
        "photos": [
            _values(photo, "created_at", "expires_at", "width", "height")
            | {"id": str(photo.pk), "kept": photo.is_reusable}
            for photo in photos
        ],
        "consents": [_values(consent, *CONSENT_FIELDS) for consent in consents],
        "quotas": quotas.export_usage(shopper),
        "phone_links": [_export_phone_link(link) for link in shopper.phone_links.order_by("created_at")],
        "looks": access_log.accesses_to([row.pk for row in (*photos, *results)]),
    }


CONSENT_FIELDS = ("version", "text_hash", "locale", "purpose", "recipient", "given_at", "withdrawn_at")
TRYON_FIELDS = (
    *("product", "product_title", "product_url", "engine", "options", "state", "error_code"),
    *("feedback", "feedback_reason", "created_at", "started_at", "finished_at", "expires_at"),
)


def _export_tryon(request: TryOnRequest) -> dict[str, Any]:
    return _values(request, *TRYON_FIELDS) | {
        "id": str(request.pk),
        "photo": str(request.photo_id) if request.photo_id else None,
        "images": [str(image.pk) for image in request.shown_images],
        "conversions": [
            _values(row, "kind", "reference", "order", "at") for row in request.conversions.all()
        ],
    }


def _values(row: Model, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


def _export_phone_link(link: PhoneLink) -> dict[str, Any]:
    """Return a phone link without its secret token."""
    names = ("product", "created_at", "opened_at", "used_at", "expires_at")
    return _values(link, *names) | {"try_ons": [str(pk) for pk in link.try_ons.values_list("pk", flat=True)]}
