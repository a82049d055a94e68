"""Bytes: pictures and photos to those who may see them, and the links that the vendor fetches.

Somebody else's picture answers as one that never was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from .exceptions import Refused
from .models import PersonPhoto, TryOnImage, VendorLink
from .shoppers import Visitor
from .states import AT_VENDOR
from .tokens import hash_token

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile
    from django.http.response import HttpResponseBase

JPEG = "image/jpeg"
EXTENSIONS = {JPEG: "jpg", "image/png": "png"}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "none",
}
PUBLIC = "public, max-age=3600"
PRIVATE = "private, no-cache"
"""A browser may keep it and has to ask each time, so that what was erased or signed out of is gone."""


@login_not_required
@transaction.non_atomic_requests
@require_safe
def image(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET images/{id}/`: a published picture to anyone, else to its shopper, and to staff by `_staff_may`.

    `?size=thumbnail` is a small JPEG, `?download=1` comes to be saved.
    """
    row = TryOnImage.objects.select_related("request__photo").filter(pk=pk).first()
    if row is None:
        return _not_found()
    if row.published_at is None:
        visible = TryOnImage.objects.visible_to(Visitor.of(request).shopper()).filter(pk=pk).exists()
        if not visible and not _staff_may(request, is_merchants=row.request.shows_house_model):
            return _not_found()
    small = request.GET.get("size") == "thumbnail"
    return _answer(
        request,
        row.thumbnail if small else row.file,
        content_type=JPEG if small else row.content_type,
        name="try-on",
        is_public=row.published_at is not None,
        download=request.GET.get("download") == "1",
    )


@login_not_required
@transaction.non_atomic_requests
@require_safe
def photo(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET photos/{id}/`: an active house model to anyone, else to its shopper, and to staff by `_staff_may`.

    `?size=thumbnail` is a smaller one.
    """
    row = PersonPhoto.objects.filter(pk=pk).first()
    if row is None:
        return _not_found()
    is_public = row.is_house and row.is_active
    if not is_public:
        visible = PersonPhoto.objects.visible_to(Visitor.of(request).shopper()).filter(pk=pk).exists()
        if not visible and not _staff_may(request, is_merchants=row.is_house):
            return _not_found()
    stored = row.thumbnail if request.GET.get("size") == "thumbnail" else row.file
    return _answer(request, stored, content_type=JPEG, name="photo", is_public=is_public)


@login_not_required
@transaction.non_atomic_requests
@require_safe
def vendor_file(request: HttpRequest, token: str) -> HttpResponseBase:  # noqa: ARG001 - a view
    """`GET files/{token}/`: what the vendor fetches while it has the render, and nobody afterwards.

    Reads no session. The token is looked up by its hash, as in `webhooks.callback`.
    """
    link = (
        VendorLink.objects.select_related("photo", "product_picture")
        .filter(
            token_hash=hash_token(token),
            expires_at__gt=timezone.now(),
            attempt__request__state__in=AT_VENDOR,
            attempt__request__erased_at__isnull=True,
        )
        .first()
    )
    picture = None if link is None else link.photo or link.product_picture
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    response = None if picture is None else _opened(picture.file, JPEG, "picture", headers)
    return HttpResponse(status=404, headers=headers) if response is None else response


def _staff_may(request: HttpRequest, *, is_merchants: bool) -> bool:
    """Staff see what is the merchant's own; shoppers' pictures only with the permission for them."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_active or not user.is_staff:
        return False
    return is_merchants or user.has_perm("vton.view_shopper_photos")


def _answer(
    request: HttpRequest,
    stored: FieldFile,
    *,
    content_type: str,
    name: str,
    is_public: bool,
    download: bool = False,
) -> HttpResponseBase:
    """The file, or 304: a stored file has a random name of its own and is never written again."""
    headers = {
        "Cache-Control": PUBLIC if is_public else PRIVATE,
        "ETag": f'"{hash_token(stored.name or "")[:32]}"',
    }
    known: HttpResponse | None = get_conditional_response(request, headers["ETag"])
    if known is not None:
        known.headers["Cache-Control"], known.headers["ETag"] = headers["Cache-Control"], headers["ETag"]
        return known
    return _opened(stored, content_type, name, headers, download=download) or _not_found()


def _opened(
    stored: FieldFile, content_type: str, name: str, headers: dict[str, str], *, download: bool = False
) -> HttpResponseBase | None:
    """The file as an answer, read as it is sent; None where it is gone."""
    if not stored:
        return None
    try:
        opened = stored.open("rb")
    except FileNotFoundError:
        return None
    return FileResponse(
        opened,
        as_attachment=download,
        filename=f"{name}.{EXTENSIONS.get(content_type, 'jpg')}",
        content_type=content_type,
        headers=HEADERS | headers,
    )


def _not_found() -> HttpResponse:
    refused = Refused("not_found")
    return JsonResponse(refused.as_dict(), status=refused.status, headers={"Cache-Control": "no-store"})
