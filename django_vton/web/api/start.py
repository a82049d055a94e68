"""The data that the dialog needs when it opens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.request import Request
from rest_framework.response import Response

from ... import images, privacy, products
from ...billing import quotas
from ...conf import config
from ...exceptions import Refused
from ...intake import availability
from ...models import PersonPhoto
from ...models.states import ACTIVE, State
from ...monitoring.typical_duration import typical_seconds
from ...pixazo import Option
from ...products import DescribedProduct
from ...shoppers import VISITOR_HEADER, Visitor
from ...utils.languages import localized_url
from ..options import allowed_options
from ..sessions import require_session
from ..tryon_serializers import try_ons_of
from .base import ApiView
from .serializers import ProductSerializer, StartSerializer

MIME_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "HEIF": "image/heic"}


@method_decorator(ensure_csrf_cookie, name="dispatch")
class StartView(ApiView):
    """`GET api/start/?product=&lang=`. The view stores nothing about the visitor."""

    def get(self, request: Request) -> Response:
        """Get what the dialog needs when it opens."""
        query = ProductSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        described = products.find(query.validated_data["product"])
        visitor = self.visitor.for_try_on_of(described.main_ref)
        shopper = visitor.find_shopper()
        own = try_ons_of(shopper, visitor.phone)
        completed = own.filter(main_product=described.main_ref, state=State.COMPLETED)
        house_models = PersonPhoto.objects.active_house_models()
        reason = _unavailable_reason(request._request, described)
        quota = quotas.quota_status(visitor.quota_owner())
        privacy_url = config.PRIVACY_URL or localized_url("privacy")
        start = StartSerializer(
            {
                "csrf_token": get_token(request._request),
                "lang": get_language(),
                "enabled": reason is None,
                "reason": reason,
                "product": _product(described),
                "consent": {
                    "required": not privacy.has_consented(shopper),
                    "version": config.CONSENT_VERSION,
                    "text": config.CONSENT_TEXT,
                    "url": privacy_url,
                },
                "photos": PersonPhoto.objects.reusable_by(shopper),
                "house_models": [row for row in house_models if row.suits_kind(described.kind)],
                "active": own.filter(state__in=ACTIVE).order_by("-created_at"),
                "latest": completed.order_by("-created_at").first(),
                "quota": None if quota["limit"] is None else quota,
                "limits": {
                    "max_bytes": images.MAX_BYTES,
                    "min_side": images.MIN_SIDE,
                    "max_side": images.MAX_SIDE,
                    "formats": [MIME_TYPES[name] for name in images.PHOTO_FORMATS],
                },
                # Rounded up, since nothing may be kept for longer than the shopper is told.
                "retention": {
                    "photo_hours": _round_up(config.PHOTO_RETENTION, 3600),
                    "result_days": _round_up(config.RESULT_RETENTION, 86400),
                },
                "typical_seconds": typical_seconds(described.engine.name),
                "options": _shopper_options(described),
                "captcha": {"required": True} if config.CAPTCHA else None,
                "links": {"history": localized_url("history"), "privacy": privacy_url},
            }
        )
        response = Response(start.data)
        response[VISITOR_HEADER] = Visitor.from_request(request._request).pseudonym
        return response


def _unavailable_reason(request: HttpRequest, described: DescribedProduct) -> str | None:
    """Return the reason why this product cannot be tried on, or None if it can."""
    try:
        require_session(request)
        availability.require_available_for(described)
    except Refused as refusal:
        return refusal.code
    return None


def _product(described: DescribedProduct) -> dict[str, Any]:
    """Describe the product. If it is not enabled and perhaps unannounced, hide its name, URL and image."""
    is_shown = described.is_enabled
    return {
        "ref": described.ref,
        "title": described.title if is_shown else "",
        "url": described.url if is_shown else "",
        "image_url": described.image_url if is_shown else "",
        "kind": described.kind,
    }


def _shopper_options(described: DescribedProduct) -> dict[str, Option]:
    """Return the options that the shopper may set, by name. The number of images is 1 by default."""
    found = {option.name: option for option in allowed_options(described)}
    count = found.get(described.engine.samples_option or "")
    if count is not None and count.default is None:
        found[count.name] = replace(count, default=1)
    return found


def _round_up(span: timedelta, unit_seconds: int) -> int:
    return ceil(span.total_seconds() / unit_seconds)
