"""What belongs to a shopper: the start of a dialog, their photos, their data, their consent."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.response import Response

from ... import images, privacy, products
from ...billing import quotas
from ...conf import config
from ...exceptions import Refused
from ...intake import availability
from ...models import PersonPhoto
from ...models.states import ACTIVE, State
from ...monitoring.typical_duration import typical_seconds
from ...shoppers import SESSION_KEY, VISITOR_HEADER, Visitor
from ...utils.languages import page_address
from .. import serializers
from ..sessions import require_session
from . import parsing
from .base import ApiView

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from django.http import HttpRequest
    from rest_framework.request import Request

    from ...models import Shopper
    from ...products import Described

MIME_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic"}


@method_decorator(ensure_csrf_cookie, name="dispatch")
class Start(ApiView):
    """`GET api/start/?product=&lang=`: what the dialog needs when it opens. Stores nothing of a visitor."""

    def get(self, request: Request) -> Response:
        """`product_unknown` where there is no such product; else 200, with the reason where it is off."""
        described = products.find(parsing.text(request.query_params, "product"))
        visitor = self.visitor.trying_on(described.main_ref)
        shopper = visitor.shopper()
        own = serializers.try_ons_of(shopper, visitor.phone)
        done = own.filter(main_product=described.main_ref, state=State.COMPLETED)
        latest = done.order_by("-created_at").first()
        reason = _reason(request._request, described)
        quota = quotas.state_of(visitor.pays())
        privacy_url = config.PRIVACY_URL or page_address("privacy")
        response = Response(
            {
                "csrf_token": get_token(request._request),
                "lang": get_language(),
                "enabled": reason is None,
                "reason": reason,
                "product": _product(described),
                "consent": {
                    "required": not privacy.has_consented(shopper),
                    "version": config.CONSENT_VERSION,
                    "text": str(config.CONSENT_TEXT),
                    "url": privacy_url,
                },
                "photos": _kept(shopper),
                "house_models": _house(described.kind),
                "active": serializers.tryons(own.filter(state__in=ACTIVE).order_by("-created_at")),
                "latest": None if latest is None else serializers.tryon(latest),
                "quota": None if quota["limit"] is None else quota,
                "limits": {
                    "max_bytes": images.MAX_BYTES,
                    "min_side": images.MIN_SIDE,
                    "max_side": images.MAX_SIDE,
                    "formats": [MIME_TYPES[name] for name in images.PHOTO_FORMATS],
                },
                "retention": {
                    "photo_hours": _in_units(config.PHOTO_RETENTION, 3600),
                    "result_days": _in_units(config.RESULT_RETENTION, 86400),
                },
                "typical_seconds": typical_seconds(described.engine.name),
                "options": {
                    it.name: serializers.option(it, is_count=it.name == described.engine.samples_option)
                    for it in described.engine.options
                    if it.name in described.tryon.shopper_options
                    and it.name not in products.NEVER_BY_SHOPPERS
                },
                "captcha": {"required": True} if config.CAPTCHA else None,
                "links": {"history": page_address("history"), "privacy": privacy_url},
            }
        )
        response[VISITOR_HEADER] = Visitor.of(request._request).mark
        return response


class Photos(ApiView):
    """`GET api/photos/`."""

    def get(self, request: Request) -> Response:
        """`{"photos", "house_models"}`, as in the start."""
        return Response({"photos": _kept(self.shopper), "house_models": _house()})


class Photo(ApiView):
    """`DELETE api/photos/{id}/`."""

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase an own one; running try-ons that need it end."""
        shopper = self.shopper
        # House models, and photos whose owner is gone, belong to nobody: not even to a visitor without a row.
        own = None if shopper is None else shopper.photos.filter(pk=pk).first()
        if own is None:
            raise Refused("not_found")
        privacy.delete_photo(own)
        return Response(status=204)


class Me(ApiView):
    """`GET api/me/` and `DELETE`."""

    def get(self, request: Request) -> Response:
        """All that is stored about the caller."""
        return Response(privacy.export(self.shopper))

    def delete(self, request: Request) -> Response:
        """Erase all of it. Where nothing is stored, that is done already."""
        shopper = self.shopper
        if shopper is not None:
            privacy.erase_shopper(shopper)
        session = getattr(request._request, "session", None)
        if session is not None and SESSION_KEY in session:
            del session[SESSION_KEY]
        return Response(status=204)


class Consent(ApiView):
    """`DELETE api/consent/`."""

    def delete(self, request: Request) -> Response:
        """Take it back; own photos go with it."""
        shopper = self.shopper
        if shopper is not None:
            privacy.withdraw_consent(shopper)
        return Response(status=204)


class Nowhere(ApiView):
    """Any other address under `api/`."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """There is nothing, whatever the method."""
        super().initial(request, *args, **kwargs)
        raise Refused("not_found")


def _reason(request: HttpRequest, described: Described) -> str | None:
    """Why this product cannot be tried on now, found out before anybody is asked for a photo."""
    try:
        require_session(request)
        availability.require_for(described)
    except Refused as refusal:
        return refusal.code
    return None


def _product(described: Described) -> dict[str, Any]:
    """Of one that is not enabled no more than was asked: the shop may not have announced it yet."""
    is_shown = described.is_enabled
    return {
        "ref": described.ref,
        "title": str(described.title) if is_shown else "",
        "url": str(described.url) if is_shown else "",
        "image_url": described.image_url if is_shown else "",
        "kind": described.kind,
    }


def _kept(shopper: Shopper | None) -> list[dict[str, Any]]:
    return [serializers.photo(row) for row in PersonPhoto.objects.kept(shopper)]


def _house(kind: str = "") -> list[dict[str, Any]]:
    """The house models, those that suit a kind of product."""
    return [serializers.photo(row) for row in PersonPhoto.objects.house() if not kind or row.suits_kind(kind)]


def _in_units(span: timedelta, seconds: int) -> int:
    """Rounded up: nothing is promised to be gone sooner than it is."""
    return ceil(span.total_seconds() / seconds)
