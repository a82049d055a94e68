"""Bytes: pictures and photos to those who may see them, and the links that the vendor fetches.

Somebody else's picture answers as one that never was.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt

from ..exceptions import Refused
from ..models import PersonPhoto, TryOnImage, VendorLink
from ..models.states import AT_VENDOR
from ..privacy import access_log
from ..shoppers import Visitor
from ..storage import PrivateFolder
from ..utils import languages
from ..utils.redaction import redact_errors
from ..utils.tokens import hash_token
from .sessions import leave_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.files.storage import Storage
    from django.db.models.fields.files import FieldFile
    from django.http.response import HttpResponseBase

logger = logging.getLogger(__name__)

JPEG = "image/jpeg"
EXTENSIONS = {JPEG: "jpg", "image/png": "png"}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
PUBLIC = "public, max-age=3600"
PRIVATE = "private, no-cache"
"""A browser may keep it and has to ask each time, so that what was erased or signed out of is gone."""

SAFE = ("GET", "HEAD")

LINKED = ("photo__file", "product_image__file")
"""Of a link's rows, all that is read."""

RETRY_AFTER = 10
"""Seconds until a storage that is away may be back."""


def _file(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """What these views have in common: for guests as well, outside any transaction, to be read only.

    Each raises Refused where there is nothing to be seen.
    """

    @login_not_required
    @transaction.non_atomic_requests
    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method not in SAFE:
                raise Refused("method_not_allowed")  # noqa: TRY301 - as the others
            return view(request, **kwargs)
        except Refused as refused:
            with languages.speaking(languages.asked(request)) as language:
                response = JsonResponse(refused.as_dict(), status=refused.status)
            response.headers["Content-Language"] = language
            response.headers["Cache-Control"] = "no-store"
            if request.method not in SAFE:
                response.headers["Allow"] = ", ".join(SAFE)
            if refused.retry_after is not None:
                response.headers["Retry-After"] = str(refused.retry_after)
            # Django would log the address, and with it a vendor's token.
            response._has_been_logged = True  # type: ignore[attr-defined] # how Django marks it
            return response

    return answer


@_file
def image(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET images/{id}/`: a published picture to anyone, else to those whom `_require_look` lets.

    `?size=thumbnail` is a small JPEG, `?download=1` comes to be saved.
    """
    row = TryOnImage.objects.select_related("request__photo").filter(pk=pk).first()
    if row is None:
        raise Refused("not_found")
    if row.published_at is None:
        _require_look(request, row, is_merchants=row.request.shows_house_model)
    small = request.GET.get("size") == "thumbnail"
    return _answer(
        request,
        row.thumbnail if small else row.file,
        content_type=JPEG if small else row.content_type,
        name="try-on",
        is_public=row.published_at is not None,
        download=request.GET.get("download") == "1",
    )


@_file
def photo(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET photos/{id}/`: an active house model to anyone, else to those whom `_require_look` lets.

    `?size=thumbnail` is a smaller one.
    """
    row = PersonPhoto.objects.filter(pk=pk).first()
    if row is None:
        raise Refused("not_found")
    is_public = row.is_house and row.is_active
    if not is_public:
        _require_look(request, row, is_merchants=row.is_house)
    stored = row.thumbnail if request.GET.get("size") == "thumbnail" else row.file
    return _answer(request, stored, content_type=JPEG, name="photo", is_public=is_public)


@_file
@redact_errors
def vendor_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """`GET files/{token}/`: what the vendor fetches while it has the render, and nobody afterwards.

    Reads no session. The token is looked up by its hash, as in `webhooks.callback`.
    """
    leave_session(request)
    links = VendorLink.objects.filter(
        token_hash=hash_token(token),
        expires_at__gt=timezone.now(),
        attempt__request__state__in=AT_VENDOR,
        attempt__request__erased_at__isnull=True,
    )
    try:
        link = links.select_related("photo", "product_image").only(*LINKED).get()
    except VendorLink.DoesNotExist:
        raise Refused("not_found") from None
    picture = link.photo or link.product_image
    assert picture is not None, "a link without a picture"
    return _opened(picture.file, JPEG, "picture", {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})


def _require_look(request: HttpRequest, row: PersonPhoto | TryOnImage, *, is_merchants: bool) -> None:
    """For its shopper, for staff where it is the merchant's own, and for staff with the permission.

    What these last ones see is recorded, before anything of it is read.
    """
    if Visitor.of(request).may_see(row):
        return
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_active or not user.is_staff:
        raise Refused("not_found")
    if not is_merchants:
        if not user.has_perm("vton.view_shopper_photos"):
            raise Refused("not_found")
        access_log.record(user, row)


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
    if is_public:
        leave_session(request)
    headers = {
        "Cache-Control": PUBLIC if is_public else PRIVATE,
        "ETag": f'"{hash_token(stored.name or "")[:32]}"',
    }
    known: HttpResponse | None = get_conditional_response(request, headers["ETag"])
    if known is not None and stored:
        known.headers["Cache-Control"], known.headers["ETag"] = headers["Cache-Control"], headers["ETag"]
        return known
    return _opened(stored, content_type, name, headers, download=download)


def _opened(
    stored: FieldFile, content_type: str, name: str, headers: dict[str, str], *, download: bool = False
) -> HttpResponseBase:
    """The file as an answer: read from the storage as it is sent, or named to nginx.

    Never as a redirect to an address of the storage's own, which would outlive the right to look. Where the
    storage is away, "not found" would be untrue, and the vendor would give up: 503, in a while again.
    """
    if not stored.name:
        raise Refused("not_found")
    filename = f"{name}.{EXTENSIONS.get(content_type, 'jpg')}"
    disposition = {"Content-Disposition": content_disposition_header(download, filename) or ""}
    try:
        response = _sent(stored.storage, stored.name, content_type)
    except Exception as error:  # noqa: BLE001 - a shop's storage raises what it likes
        if isinstance(error, FileNotFoundError) or _is_gone(stored.storage, stored.name):
            raise Refused("not_found") from None
        # Only the kind of error: remote storages tell addresses in its words.
        logger.warning("The private storage cannot be read: %s", type(error).__name__)
        raise Refused("unavailable", retry_after=RETRY_AFTER) from None
    for header, value in (HEADERS | headers | disposition).items():
        response.headers[header] = value
    return response


def _sent(storage: Storage, name: str, content_type: str) -> HttpResponseBase:
    if isinstance(storage, PrivateFolder) and storage.nginx_location:
        if not storage.exists(name):
            raise FileNotFoundError(name)
        # Whether there are byte ranges is nginx's to say.
        return HttpResponse(content_type=content_type, headers={"X-Accel-Redirect": storage.nginx_path(name)})
    file = storage.open(name)
    try:
        response = FileResponse(file, content_type=content_type, headers={"Accept-Ranges": "none"})
        if "Content-Length" not in response.headers:  # A network file that cannot be measured by seeking.
            response.headers["Content-Length"] = str(storage.size(name))
    except Exception:
        file.close()
        raise
    return response


def _is_gone(storage: Storage, name: str) -> bool:
    """Whether the storage answers, and has no such file: some tell it by an error of their own."""
    try:
        return not storage.exists(name)
    except Exception:  # noqa: BLE001 - a shop's storage raises what it likes
        return False
