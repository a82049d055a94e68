"""The try-ons: ask for one, look at it, end it, erase it, say how it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.http import HttpResponseNotModified
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_variables
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from ... import lifecycle, privacy
from ...conf import config
from ...exceptions import Refused
from ...intake import TryOnOrder, feedback, request_tryon
from ...intake.hooks import run_hook
from ...models import TryOnRequest
from ...monitoring import proxies
from ...shoppers import VISITOR_HEADER, Visitor, address_keys
from .. import serializers
from ..uploads import unnamed
from . import parsing
from .base import ApiView

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from django.http import HttpResponse
    from rest_framework.request import Request


class Newest(CursorPagination):
    """Pages of 20 by cursors, whose links are paths."""

    page_size = 20
    ordering = ("-created_at", "-pk")
    cursor_query_param = "cursor"
    page_size_query_param = None
    offset_cutoff = 1000

    def decode_cursor(self, request: Request) -> Any:
        """DRF's, but a caller's own invention ends here, and not in the database's calendar."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_moment(str(cursor.position)):
            raise Refused("not_found", field="cursor")
        return cursor


class TryOns(ApiView):
    """`POST api/try-ons/` and `GET api/try-ons/`."""

    def get(self, request: Request) -> Response:
        """The caller's own, newest first, those of one product with `?product=`."""
        visitor = self.visitor
        rows = serializers.try_ons_of(visitor.shopper(), visitor.phone)
        product = parsing.text(request.query_params, "product")
        if product:
            rows = rows.filter(Q(product=product) | Q(main_product=product))
        pages = Newest()
        page = pages.paginate_queryset(rows, request, view=self)
        pages.base_url = request.get_full_path()
        return pages.get_paginated_response(serializers.tryons(page or []))

    @sensitive_variables("body")
    def post(self, request: Request) -> Response:
        """Ask for a try-on: 202, or 200 where the answer is there already."""
        body = parsing.fields(request)
        unnamed(request.FILES)
        if self.upload.is_too_large:
            raise Refused("photo_too_large", field="photo")
        key = parsing.idempotency_key(request)
        visitor = Visitor.of(request._request, key or "")
        ask = TryOnOrder(
            visitor=visitor,
            product=parsing.text(body, "product"),
            photo=parsing.photo(request, body),
            photo_id=parsing.text(body, "photo_id"),
            consent=parsing.consent(body),
            keep_photo=parsing.boolean(body, "keep_photo"),
            options=parsing.options(body),
            idempotency_key=key,
            addresses=address_keys(request._request),
            locale=get_language() or "",
            is_human=lambda: run_hook(config.CAPTCHA, request._request),
        )
        proxies.note(request._request)
        accepted = request_tryon(ask)
        visitor.remember(request._request)
        row = TryOnRequest.objects.select_related("photo", "source").get(pk=accepted.request.pk)
        response = Response(serializers.tryon(row), status=200 if accepted.is_ready else 202)
        response["Location"] = reverse("vton:tryon", args=[row.pk])
        response[VISITOR_HEADER] = Visitor.of(request._request).mark
        _say_when(response, row)
        return response


class TryOn(ApiView):
    """`GET api/try-ons/{id}/` and `DELETE`."""

    def get(self, request: Request, pk: UUID) -> Response | HttpResponse:
        """The object, or 304."""
        row = self.own(pk)
        etag = serializers.etag(row)
        known = parse_etags(request.headers.get("If-None-Match", ""))
        response: Response | HttpResponse
        if "*" in known or etag.removeprefix("W/") in [it.removeprefix("W/") for it in known]:
            response = HttpResponseNotModified()
        else:
            response = Response(serializers.tryon(row))
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        _say_when(response, row)
        return response

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase it with its photo and images."""
        privacy.erase(self.own(pk))
        return Response(status=204)


class Cancel(ApiView):
    """`POST api/try-ons/{id}/cancel/`."""

    def post(self, request: Request, pk: UUID) -> Response:
        """End it where it still runs; `not_cancelable` where it has ended."""
        if not lifecycle.cancel(self.own(pk), actor_id=request.user.pk):
            raise Refused("not_cancelable")
        return Response(serializers.tryon(self.own(pk)))


class Feedback(ApiView):
    """`PUT api/try-ons/{id}/feedback/`."""

    def put(self, request: Request, pk: UUID) -> Response:
        """`{"value": "like" or "dislike" or null}`, a dislike also with "reason"; answers with the object."""
        row = self.own(pk)
        body = parsing.fields(request)
        value, reason = body.get("value", ...), body.get("reason", "")
        if not isinstance(value, str | None):
            raise Refused("feedback_invalid", field="value")
        if not isinstance(reason, str | None):
            raise Refused("feedback_invalid", field="reason")
        # A body without "reason" leaves the stored one as it is; null clears it.
        feedback.give(row, value or "", (reason or "") if "reason" in body else None)
        return Response(serializers.tryon(row))


def _is_moment(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is not None and 2000 <= moment.year < 9000  # noqa: PLR2004 - years


def _say_when(response: HttpResponse, row: TryOnRequest) -> None:
    seconds = serializers.retry_after(row)
    if seconds is not None:
        response["Retry-After"] = str(seconds)
