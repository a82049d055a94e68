"""`privacy/`: the page that says what happens to a shopper's photo, according to the settings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from ...conf import config
from ...messages import format_duration
from .. import phone_links
from .base import page_view, render


@page_view
def privacy_policy(request: HttpRequest) -> HttpResponse:
    """`privacy/`."""
    context = {
        "photo_for": format_duration(config.PHOTO_RETENTION),
        "result_for": format_duration(config.RESULT_RETENTION),
        "consent": config.CONSENT_TEXT,
        "version": config.CONSENT_VERSION,
        "policy": config.PRIVACY_URL,
        "phone": phone_links.is_installed(),
    }
    return render(request, "vton/pages/privacy.html", context)
