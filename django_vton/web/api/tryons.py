"""The views that create, list, poll, cancel, erase and rate try-ons."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse, HttpResponseNotModified
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.http import parse_etags
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_variables
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from ... import lifecycle, privacy
from ...exceptions import Refused
from ...intake import TryOnOrder, feedback, request_tryon
from ...intake.hooks import has_solved_captcha
from ...models import TryOnRequest
from ...monitoring import proxies
from ...shoppers import VISITOR_HEADER, Visitor, address_keys
from ...utils.languages import page_language
from ..polling import POLL_SECONDS
from ..tryon_serializers import TryOnSerializer, shown_state, try_ons_of
from ..uploads import clear_file_names, require_photo_size
from .base import ApiView
from .serializers import FeedbackSerializer, ProductSerializer, TryOnFormSerializer


class TryOnPagination(CursorPagination):
    """Pages of 20 try-ons. The links to other pages are paths."""

    page_size = 20
    ordering = ("-created_at", "-pk")

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor. Raise `Refused` for a forged date, on which the database could fail."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_datetime(str(cursor.position)):
            raise Refused("not_found", field="cursor")
        return cursor


def _is_datetime(text: str) -> bool:
    try:
        value = parse_datetime(text)
    except ValueError:
        return False
    return value is not None and value.tzinfo is not None and 2000 <= value.year < 9000  # noqa: PLR2004 - years


class TryOnListView(ApiView):
    """`GET` and `POST api/try-ons/`."""

    def get(self, request: Request) -> Response:
        """List the try-ons that the caller may view, newest first."""
        visitor = self.visitor
        rows = try_ons_of(visitor.find_shopper(), visitor.phone)
        query = ProductSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        product = query.validated_data["product"]
        if product:
            rows = rows.filter(Q(product=product) | Q(main_product=product))
        paginator = TryOnPagination()
        page = paginator.paginate_queryset(rows, request, view=self)
        paginator.base_url = request.get_full_path()
        return paginator.get_paginated_response(TryOnSerializer(page, many=True).data)

    @sensitive_variables("form")
    def post(self, request: Request) -> Response:
        """Request a try-on. The status is 200 if the result exists already."""
        form = TryOnFormSerializer(data=request.data)
        clear_file_names(request.FILES)
        require_photo_size(request._request)
        key = request.headers.get("Idempotency-Key", "").strip() or None
        form.is_valid(raise_exception=True)
        visitor = Visitor.from_request(request._request, key or "")
        order = TryOnOrder(
            visitor=visitor,
            idempotency_key=key,
            addresses=address_keys(request._request),
            locale=get_language() or "",
            is_human=partial(has_solved_captcha, request._request),
            **form.validated_data,
        )
        proxies.record_untrusted_proxy(request._request)
        accepted = request_tryon(order)
        visitor.save_token(request._request)
        row = TryOnRequest.objects.select_related("photo", "source").get(pk=accepted.request.pk)
        response = Response(TryOnSerializer(row).data, status=200 if accepted.is_ready else 202)
        response["Location"] = reverse("vton:tryon", args=[row.pk])
        response[VISITOR_HEADER] = Visitor.from_request(request._request).pseudonym
        _set_retry_after(response, row)
        return response


class TryOnDetailView(ApiView):
    """`GET` and `DELETE api/try-ons/{id}/`."""

    def get(self, request: Request, pk: UUID) -> Response | HttpResponse:
        """Get a try-on."""
        row = self.get_tryon(pk)
        etag = _etag(row)
        known = parse_etags(request.headers.get("If-None-Match", ""))
        response: Response | HttpResponse
        if "*" in known or etag.removeprefix("W/") in [each.removeprefix("W/") for each in known]:
            response = HttpResponseNotModified()
        else:
            response = Response(TryOnSerializer(row).data)
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        _set_retry_after(response, row)
        return response

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase a try-on and its images, and its photo if nothing else needs the photo."""
        privacy.erase_tryon(self.get_tryon(pk))
        return Response(status=204)


class TryOnCancelView(ApiView):
    """`POST api/try-ons/{id}/cancel/`."""

    def post(self, request: Request, pk: UUID) -> Response:
        """Cancel a running try-on."""
        if not lifecycle.cancel(self.get_tryon(pk), actor_id=request.user.pk):
            raise Refused("not_cancelable")
        return Response(TryOnSerializer(self.get_tryon(pk)).data)


class TryOnFeedbackView(ApiView):
    """`PUT api/try-ons/{id}/feedback/`."""

    def put(self, request: Request, pk: UUID) -> Response:
        """Store the shopper's feedback, or withdraw it."""
        row = self.get_tryon(pk)
        form = FeedbackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        feedback.save(row, **form.validated_data)
        return Response(TryOnSerializer(row).data)


def _etag(row: TryOnRequest) -> str:
    """Return a weak ETag, since responses with the same ETag may differ in `typical_seconds`.

    Computing it needs no query, so that a poll costs only one. New images always change `finished_at`.
    """
    finished_at = row.finished_at.timestamp() if row.finished_at else ""
    parts = [row.pk, shown_state(row), row.feedback, row.photo_id, page_language(), finished_at]
    return 'W/"{}"'.format("-".join(map(str, parts)))


def _set_retry_after(response: HttpResponse, row: TryOnRequest) -> None:
    """Set Retry-After to the seconds until the next poll, unless the try-on has ended."""
    seconds = POLL_SECONDS.get(shown_state(row))
    if seconds is not None:
        response["Retry-After"] = str(seconds)
