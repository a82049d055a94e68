"""The link to a phone, as the computer's dialog uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from rest_framework.response import Response

from ... import products
from ...exceptions import Refused
from ...models import PhoneLink
from ...shoppers import address_keys
from ...utils.languages import address, page_address
from .. import phone_links
from ..files import HEADERS
from . import parsing
from .base import ApiView

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from rest_framework.request import Request

POLL_SECONDS = 3


class _PhoneView(ApiView):
    """Not there where no code can be drawn, or where no phone could open it."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """`not_found` where it is not offered."""
        super().initial(request, *args, **kwargs)
        if not phone_links.is_available(request._request):
            raise Refused("not_found")

    def own_link(self, pk: UUID) -> PhoneLink:
        """The caller's link; somebody else's is `not_found`."""
        link = PhoneLink.objects.filter(self.visitor.owns, pk=pk).first()
        if link is None:
            raise Refused("not_found")
        return link


class PhoneLinks(_PhoneView):
    """`POST api/phone/`."""

    def post(self, request: Request) -> Response:
        """A link for this product, which ends all earlier ones of the caller's."""
        described = products.find_enabled(parsing.text(parsing.fields(request), "product"))
        visitor = self.visitor
        link = phone_links.create(visitor, described, address_keys(request._request)[0])
        visitor.remember(request._request)
        response = Response(
            {
                "id": str(link.pk),
                "url": phone_links.url(request._request, link),
                # The drawing holds the same URL, its language as well.
                "code_url": page_address("phone-code", link.pk),
                "expires_at": link.expires_at.isoformat(),
            },
            status=201,
        )
        response["Location"] = address("phone-link", link.pk)
        return response


class PhoneLinkStatus(_PhoneView):
    """`GET api/phone/{id}/`."""

    def get(self, request: Request, pk: UUID) -> Response:
        """What has become of the link, and the newest try-on that its phone asked for."""
        link = self.own_link(pk)
        status = phone_links.status(link)
        newest = link.try_ons.order_by("-created_at").values_list("pk", flat=True).first()
        response = Response({"status": status, "try_on": None if newest is None else str(newest)})
        if status != "expired":
            response["Retry-After"] = str(POLL_SECONDS)
        return response


class PhoneCode(_PhoneView):
    """`GET api/phone/{id}/code.svg`."""

    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """The QR code, while it may be used."""
        link = self.own_link(pk)
        if phone_links.status(link) not in {"waiting", "opened"}:
            raise Refused("not_found")
        drawing = phone_links.svg(phone_links.url(request._request, link))
        # `ApiView` has it stored nowhere.
        return HttpResponse(drawing, content_type="image/svg+xml", headers=HEADERS)
