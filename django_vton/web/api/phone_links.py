"""The API with which the dialog on a computer creates and watches a link for a phone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from ... import products
from ...exceptions import Refused
from ...models import PhoneLink
from ...shoppers import address_keys
from ...utils.languages import localized_url, view_url
from .. import phone_links
from ..files import SECURITY_HEADERS
from ..polling import PHONE_LINK_SECONDS
from .base import ApiView
from .serializers import PhoneLinkSerializer, PhoneLinkStatusSerializer, ProductSerializer


class _PhoneLinkView(ApiView):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise `Refused` if no QR code can be drawn, or if no phone could open its URL."""
        super().initial(request, *args, **kwargs)
        if not phone_links.is_available(request._request):
            raise Refused("not_found")

    def get_link(self, pk: UUID) -> PhoneLink:
        """Return the visitor's link. Raise `Http404` for another shopper's link."""
        return get_object_or_404(PhoneLink, self.visitor.owned_rows, pk=pk)


class PhoneLinkListView(_PhoneLinkView):
    """`POST api/phone/`."""

    def post(self, request: Request) -> Response:
        """Create a link that continues the try-on on a phone. Earlier links stop working."""
        form = ProductSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        described = products.find_enabled(form.validated_data["product"])
        visitor = self.visitor
        link = phone_links.create(visitor, described, address_keys(request._request)[0])
        visitor.save_token(request._request)
        body = {
            "id": link.pk,
            "url": phone_links.url(request._request, link),
            # Localized, since the URL in the QR code depends on the language of this request.
            "code_url": localized_url("phone-code", link.pk),
            "expires_at": link.expires_at,
        }
        response = Response(PhoneLinkSerializer(body).data, status=201)
        response["Location"] = view_url("phone-link", link.pk)
        return response


class PhoneLinkDetailView(_PhoneLinkView):
    """`GET api/phone/{id}/`."""

    def get(self, request: Request, pk: UUID) -> Response:
        """Get the status of a phone link and the newest try-on that was requested on the phone."""
        link = self.get_link(pk)
        status = phone_links.status(link)
        newest = link.try_ons.order_by("-created_at").values_list("pk", flat=True).first()
        response = Response(PhoneLinkStatusSerializer({"status": status, "try_on": newest}).data)
        if status != "expired":
            response["Retry-After"] = str(PHONE_LINK_SECONDS)
        return response


class PhoneLinkCodeView(_PhoneLinkView):
    """`GET api/phone/{id}/code.svg`."""

    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """Get the QR code of a phone link."""
        link = self.get_link(pk)
        if phone_links.status(link) not in {"waiting", "opened"}:
            raise Refused("not_found")
        drawing = phone_links.qr_code_svg(phone_links.url(request._request, link))
        return HttpResponse(drawing, content_type="image/svg+xml", headers=SECURITY_HEADERS)
