"""The views that serve image files: results and photos for shoppers and staff, input images for the vendor.

Another shopper's file is answered with 404, like a file that does not exist.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import Storage
from django.db.models.fields.files import FieldFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt

from .. import marks
from ..conf import config
from ..exceptions import Refused
from ..gateway.fetches import record_fetch
from ..models import PersonPhoto, TryOnImage, VendorLink
from ..models.states import AT_VENDOR
from ..privacy import access_log
from ..shoppers import Visitor, client_address
from ..storage import PrivateFileSystemStorage, is_certainly_missing
from ..utils import clock, database, languages
from ..utils.decoding import decoding_slot
from ..utils.redaction import redact_errors
from ..utils.tokens import PROOF_HEADER, hash_token, shop_proof
from .sessions import skip_session_save
from .streaming import ThreadedFileResponse

logger = logging.getLogger(__name__)

JPEG = "image/jpeg"
EXTENSIONS = {JPEG: "jpg", "image/png": "png"}

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
PUBLIC_CACHE_CONTROL = "public, max-age=3600"
PRIVATE_CACHE_CONTROL = "private, no-cache"
"""A browser may store the file but must revalidate it each time, since the user can log out or erase it."""

SAFE_METHODS = ("GET", "HEAD")

LINK_FIELDS = ("fetched_at", "photo__file", "product_image__file")
"""The columns that `vendor_file` reads."""

RETRY_AFTER_SECONDS = 10
"""The value of Retry-After while the storage cannot be reached."""


def file_view(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Wrap a view that serves files: no login, no transaction, only GET and HEAD, `Refused` as JSON."""

    @login_not_required
    @database.non_atomic_requests
    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method not in SAFE_METHODS:
                raise Refused("method_not_allowed")  # noqa: TRY301 - answered like the view's own refusals
            with database.refusing_conflicts():
                return view(request, **kwargs)
        except Refused as refused:
            with languages.override_interface_language(languages.requested_language(request)) as language:
                response = JsonResponse(refused.as_dict(), status=refused.status)
            response.headers["Content-Language"] = language
            response.headers["Cache-Control"] = "no-store"
            if request.method not in SAFE_METHODS:
                response.headers["Allow"] = ", ".join(SAFE_METHODS)
            if refused.retry_after is not None:
                response.headers["Retry-After"] = str(refused.retry_after)
            if "token" in kwargs:
                response.headers[PROOF_HEADER] = shop_proof(kwargs["token"])
            # Django would log the URL, which contains the vendor's token.
            response._has_been_logged = True  # type: ignore[attr-defined] # how Django marks it
            return response

    return wrapper


@file_view
def image(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET images/{id}/`: a result image. Everyone may see a published image.

    `?size=thumbnail` returns a small JPEG, `?download=1` an attachment. A published image, a download and a
    response to `?marked=1` have the visible mark; on the shop's pages, a label is above the image instead.
    """
    row = TryOnImage.objects.select_related("request__photo").filter(pk=pk).first()
    if row is None:
        raise Refused("not_found")
    if row.published_at is None:
        _require_access(request, row, is_merchants=row.request.shows_house_model)
    small = request.GET.get("size") == "thumbnail"
    is_public, download = row.published_at is not None, request.GET.get("download") == "1"
    text = ""
    if config.MARK is not None and (is_public or download or request.GET.get("marked") == "1"):
        # Proxies may cache a public image, so it is the same in all languages.
        text = marks.mark_text(None if is_public else _language(request))
    return _file_response(
        request,
        row.thumbnail if small else row.file,
        content_type=JPEG if small else row.content_type,
        name="try-on",
        is_public=is_public,
        download=download,
        mark=text,
    )


@file_view
def photo(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """`GET photos/{id}/`: a photo of a person. Everyone may see a house model that is offered.

    `?size=thumbnail` returns a smaller JPEG.
    """
    row = PersonPhoto.objects.filter(pk=pk).first()
    if row is None:
        raise Refused("not_found")
    is_public = row.is_house and row.is_active and row.has_release
    if not is_public:
        _require_access(request, row, is_merchants=row.is_house)
    stored = row.thumbnail if request.GET.get("size") == "thumbnail" else row.file
    return _file_response(request, stored, content_type=JPEG, name="photo", is_public=is_public)


@file_view
@redact_errors
def vendor_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """`GET files/{token}/`: an input image for the vendor, until the render ends or the link expires.

    The session is not read. The token is looked up by its hash, as in `webhooks.callback`.

    The first download is recorded before the response is sent, since a render may fail as soon as the vendor
    has the image. A HEAD request returns no image and is not recorded. A range is. There is no 304.
    """
    skip_session_save(request)
    links = VendorLink.objects.filter(
        token_hash=hash_token(token),
        expires_at__gt=clock.now(),
        attempt__request__state__in=AT_VENDOR,
        attempt__request__erased_at__isnull=True,
    )
    try:
        link = links.select_related("photo", "product_image").only(*LINK_FIELDS).get()
    except VendorLink.DoesNotExist:
        raise Refused("not_found") from None
    stored = link.photo or link.product_image
    assert stored is not None, "a link without a file"
    response = _open_response(
        stored.file, JPEG, "picture", {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    )
    if request.method == "GET":
        address = client_address(request)
        record_fetch(link, None if address is None else str(address))
    return response


def _language(request: HttpRequest) -> str:
    return languages.requested_language(request) or languages.page_language()


def _require_access(request: HttpRequest, row: PersonPhoto | TryOnImage, *, is_merchants: bool) -> None:
    """Raise `Refused` with the code `not_found` unless the user may see the file of this row.

    Shoppers may see their own files, and active staff the merchant's files. Staff with the permission
    `view_shopper_photos` may also see shoppers' files. This access is recorded before the file is read.
    """
    if Visitor.from_request(request).can_view(row):
        return
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_active or not user.is_staff:
        raise Refused("not_found")
    if not is_merchants:
        if not user.has_perm("vton.view_shopper_photos"):
            raise Refused("not_found")
        access_log.record_access(user, row)


def _file_response(
    request: HttpRequest,
    stored: FieldFile,
    *,
    content_type: str,
    name: str,
    is_public: bool,
    download: bool = False,
    mark: str = "",
) -> HttpResponseBase:
    """Return the file, or 304 if the ETag matches. The ETag is from the name, since files never change.

    `mark` is the text of the visible mark, or "" for the file as it is stored.
    """
    if is_public:
        skip_session_save(request)
    headers = {
        "Cache-Control": PUBLIC_CACHE_CONTROL if is_public else PRIVATE_CACHE_CONTROL,
        "ETag": f'"{hash_token(f"{stored.name}{mark and marks.variant(mark)}")[:32]}"',
    }
    not_modified: HttpResponse | None = get_conditional_response(request, headers["ETag"])
    if not_modified is not None and stored:
        for header, value in headers.items():
            not_modified.headers[header] = value
        return not_modified
    return _open_response(
        stored, content_type, name, headers, download=download, mark=mark, is_public=is_public
    )


def _open_response(
    stored: FieldFile,
    content_type: str,
    name: str,
    headers: dict[str, str],
    *,
    download: bool = False,
    mark: str = "",
    is_public: bool = False,
) -> HttpResponseBase:
    """Return the file, or its marked copy, with all headers.

    There is no redirect to a URL of the storage, since such a URL stays valid after the right to see the file
    has ended. If the storage cannot be reached, the status is 503, since the vendor gives up after a 404.
    """
    if not stored.name:
        raise Refused("not_found")
    filename = f"{name}.{EXTENSIONS.get(content_type, 'jpg')}"
    disposition = {"Content-Disposition": content_disposition_header(download, filename) or ""}
    try:
        if mark:
            response = _marked(stored.storage, stored.name, content_type, mark, is_public=is_public)
        else:
            response = _stream(stored.storage, stored.name, content_type)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - a shop's storage may raise any exception
        if isinstance(error, FileNotFoundError) or is_certainly_missing(stored):
            raise Refused("not_found") from None
        # Log only the type: the messages of remote storages may contain URLs.
        logger.warning("The private storage cannot be read: %s", type(error).__name__)
        raise Refused("unavailable", retry_after=RETRY_AFTER_SECONDS) from None
    for header, value in (SECURITY_HEADERS | headers | disposition).items():
        response.headers[header] = value
    return response


def _marked(
    storage: Storage, name: str, content_type: str, text: str, *, is_public: bool
) -> HttpResponseBase:
    if is_public:
        data = marks.published_copy(name)
    else:
        with decoding_slot(), storage.open(name) as file:
            data = marks.mark_image(file.read(), text)
    headers = {"Accept-Ranges": "none", "Content-Length": str(len(data))}
    return HttpResponse(data, content_type=content_type, headers=headers)


def _stream(storage: Storage, name: str, content_type: str) -> HttpResponseBase:
    """Stream the file from the storage, or let nginx send it."""
    if isinstance(storage, PrivateFileSystemStorage) and storage.nginx_location:
        if not storage.exists(name):
            raise FileNotFoundError(name)
        # Accept-Ranges is not set, since nginx decides whether it serves ranges.
        return HttpResponse(content_type=content_type, headers={"X-Accel-Redirect": storage.nginx_path(name)})
    file = storage.open(name)
    try:
        response = ThreadedFileResponse(file, content_type=content_type, headers={"Accept-Ranges": "none"})
        if "Content-Length" not in response.headers:  # Django could not tell the size of a remote file.
            response.headers["Content-Length"] = str(storage.size(name))
    except Exception:
        file.close()
        raise
    return response
