"""Detect a wrong `TRUSTED_PROXIES` setting from requests, for `vton_doctor` and `manage.py check` to report.

With a wrong number of proxies, all shoppers seem to have the same address and share one `IP_QUOTA`.
"""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from ..conf import config
from ..models import Quota
from ..shoppers import UNKNOWN_ADDRESS
from ..utils.periods import period_bounds

FORWARDED = "seen:forwarded"
"""The key of the `Quota` row that records a request with X-Forwarded-For while no proxy is trusted."""

RECENT = timedelta(days=2)


def record_untrusted_proxy(request: HttpRequest) -> None:
    """Record, once a day, that a request came through a proxy although `TRUSTED_PROXIES` is 0."""
    if config.TRUSTED_PROXIES == 0 and request.META.get("HTTP_X_FORWARDED_FOR"):
        start, _end = period_bounds("day")
        if not Quota.objects.filter(key=FORWARDED, window_start=start).exists():
            Quota.objects.bulk_create([Quota(key=FORWARDED, window_start=start)], ignore_conflicts=True)


def problems() -> list[str]:
    """Return a message for each problem of the last two days: what is wrong and what to do."""
    recent = Quota.objects.filter(window_start__gte=timezone.now() - RECENT)
    seen = set(recent.filter(key__in=(FORWARDED, UNKNOWN_ADDRESS)).values_list("key", flat=True))
    found = []
    if UNKNOWN_ADDRESS in seen:
        found.append(
            "Requests came without a client address, as behind a Unix socket, so all shoppers share one "
            "IP_QUOTA. Have the proxy set X-Forwarded-For, and set VTON['TRUSTED_PROXIES']."
        )
    if FORWARDED in seen and config.TRUSTED_PROXIES == 0:
        found.append(
            "Requests came with X-Forwarded-For while VTON['TRUSTED_PROXIES'] is 0, so all shoppers behind "
            "that proxy share one IP_QUOTA. Set it to the number of your proxies."
        )
    return found
