"""The views of the shop by who may use them, and requests that try to misuse them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from django_vton.models import (
    Consent,
    PersonPhoto,
    PhoneLink,
    Shopper,
    TryOnImage,
    TryOnRequest,
)
from tests.tryons import TOKEN, read_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model
    from django.test import Client


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

OWNER_ONLY, OWNER_OR_STAFF, CALLERS_OWN = "owner only", "owner or staff", "caller's own"
BY_TOKEN, PUBLIC, NOT_FOUND = "by token", "public", "not found"
SHOP_VIEWS: dict[str, str] = {
    # By the id of a shopper's object: only for its owner. For everyone else it does not exist.
    "tryon": OWNER_ONLY,
    "cancel": OWNER_ONLY,
    "feedback": OWNER_ONLY,
    "photo": OWNER_ONLY,
    "result": OWNER_ONLY,
    "phone-link": OWNER_ONLY,
    "phone-code": OWNER_ONLY,
    # The same, and for staff with the permission `view_shopper_photos`.
    "image": OWNER_OR_STAFF,
    "photo-file": OWNER_OR_STAFF,
    # Without an id: returns the caller's own objects.
    "start": CALLERS_OWN,
    "tryons": CALLERS_OWN,
    "photos": CALLERS_OWN,
    "me": CALLERS_OWN,
    "consent": CALLERS_OWN,
    "phone": CALLERS_OWN,
    "try": CALLERS_OWN,
    "history": CALLERS_OWN,
    # For callers who know the token: the vendor, or a phone that has read the QR code.
    "phone-page": BY_TOKEN,
    "vendor-file": BY_TOKEN,
    "callback": BY_TOKEN,
    # Without METRICS_TOKEN it does not exist.
    "metrics": NOT_FOUND,
    # The same for everyone.
    "dialog": PUBLIC,
    "privacy": PUBLIC,
    # Any other URL below `api/`.
    "": NOT_FOUND,
}

OWNER_REQUESTS: list[tuple[str, str, int]] = [
    # The owner's requests in this order. 409 is about the state, so the owner had access.
    ("tryon", "GET", 200),
    ("result", "GET", 200),
    ("image", "GET", 200),
    ("photo-file", "GET", 200),
    ("phone-link", "GET", 200),
    ("phone-code", "GET", 200),
    ("feedback", "PUT", 200),
    ("cancel", "POST", 409),
    ("photo", "DELETE", 204),
    ("tryon", "DELETE", 204),
]


def url_names(patterns: list[Any]) -> Iterator[str]:
    for it in patterns:
        if isinstance(it, URLResolver):
            yield from url_names(it.url_patterns)
        elif isinstance(it, URLPattern):
            yield it.name or ""


def view_url(name: str, row: TryOnRequest) -> str:
    """Return the view's URL, for the owner's object if it needs an id."""
    if name == "":
        return reverse("vton:tryons") + "nowhere/"
    args: dict[str, list[Any]] = {
        "photo": [row.photo_id],
        "photo-file": [row.photo_id],
        "image": [image.pk for image in row.images.all()],
        "try": [row.product],
        "phone-page": [TOKEN],
        "vendor-file": [TOKEN],
        "callback": [TOKEN],
    }
    if name in {"phone-link", "phone-code"}:
        args[name] = [get_phone_link(row).pk]
    needs_id = SHOP_VIEWS[name] in {OWNER_ONLY, OWNER_OR_STAFF}
    return reverse(f"vton:{name}", args=args.get(name, [row.pk] if needs_id else []))


def get_phone_link(row: TryOnRequest) -> PhoneLink:
    """Return the owner's link, or an unknown one if there is no owner any more."""
    if row.shopper is None:
        return PhoneLink()
    later = timezone.now() + timedelta(minutes=10)
    values = {"product": row.product, "token_hash": "of the owner's", "expires_at": later}
    link, _created = PhoneLink.objects.get_or_create(shopper=row.shopper, defaults=values)
    return link


def harmful_body(row: TryOnRequest) -> dict[str, str]:
    """Return a body that would do the most harm in any of the views."""
    photo = str(row.photo_id)
    body = {"action": "erase", "photo": photo, "photo_id": photo, "value": "dislike", "id": str(row.pk)}
    return body | {
        "product": row.product,
        "consent": "true",
        "key": str(row.pk),
        "shopper": str(row.shopper_id),
    }


def send_request(client: Client, method: str, url: str, row: TryOnRequest) -> tuple[int, bytes, str]:
    """Return the status and body of the response, and everything that was sent."""
    sent = json.dumps(harmful_body(row))
    if method in {"GET", "HEAD", "OPTIONS"}:
        sent = (
            f"product={row.product}&confirm=erase&lang=en"  # Without the ids: the caller must not learn them.
        )
        response: Any = client.generic(method, url, QUERY_STRING=sent)
    elif method == "POST":
        response = client.post(url, harmful_body(row))
    else:
        response = client.generic(method, url, sent, "application/json")
    body = read_stream(response) if response.streaming else response.content
    return response.status_code, body, url + sent


def stored_rows(shopper: Shopper) -> list[Any]:
    """Return all rows of the owner."""
    found: list[Any] = list(Shopper.objects.filter(pk=shopper.pk).values())
    owned: list[tuple[type[Model], str]] = [
        (TryOnRequest, "shopper"),
        (PersonPhoto, "shopper"),
        (Consent, "shopper"),
        (PhoneLink, "shopper"),
        (TryOnImage, "request__shopper"),
    ]
    for model, field in owned:
        found += model._default_manager.filter(**{field: shopper}).order_by("pk").values()
    return found


def leaked_ids(row: TryOnRequest, body: bytes, sent: str) -> set[str]:
    """Return the owner's ids that the response contains and the caller did not send."""
    pictures = row.images.values_list("pk", flat=True)
    return {
        str(pk)
        for pk in (row.pk, row.photo_id, *pictures)
        if str(pk).encode() in body and str(pk) not in sent
    }
