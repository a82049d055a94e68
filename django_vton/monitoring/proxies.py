"""Detect settings that do not match the requests, for `vton_doctor` and `manage.py check` to report.

With a wrong number of `TRUSTED_PROXIES`, all shoppers seem to have the same address and share one `IP_QUOTA`.
Without the server's SCRIPT_NAME in `PUBLIC_BASE_URL`, the vendor cannot load images.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest

from ..conf import config
from ..gateway import links
from ..models import Quota
from ..shoppers import UNKNOWN_ADDRESS
from ..utils import clock, database
from ..utils.periods import period_bounds

FORWARDED = "seen:forwarded"
"""The key of the `Quota` row that records a request with X-Forwarded-For while no proxy is trusted."""

SCRIPT_NAME = "seen:script-name:"
"""The prefix of the key of the `Quota` row that records a script name that `PUBLIC_BASE_URL` lacks."""

MAX_KEY_LENGTH = 80
"""The length of the column."""

RECENT = timedelta(days=2)


def record_untrusted_proxy(request: HttpRequest) -> None:
    """Record, once a day, that a request came through a proxy although `TRUSTED_PROXIES` is 0."""
    if config.TRUSTED_PROXIES == 0 and request.META.get("HTTP_X_FORWARDED_FOR"):
        _record(FORWARDED)


def record_missing_script_name() -> None:
    """Record, once a day, that `PUBLIC_BASE_URL` lacks the script name of the current request."""
    if name := links.missing_script_name():
        _record(f"{SCRIPT_NAME}{name}"[:MAX_KEY_LENGTH])


@database.retry
def _record(key: str) -> None:
    start, _end = period_bounds("day")
    if not Quota.objects.filter(key=key, window_start=start).exists():
        Quota.objects.bulk_create([Quota(key=key, window_start=start)], ignore_conflicts=True)


def problems() -> list[str]:
    """Return a message for each problem of the last two days: what is wrong and what to do."""
    recent = Quota.objects.filter(window_start__gte=clock.now() - RECENT)
    is_about_proxies = Q(key__in=(FORWARDED, UNKNOWN_ADDRESS))
    rows = recent.filter(is_about_proxies | Q(key__startswith=SCRIPT_NAME))
    seen = set(rows.values_list("key", flat=True))
    names = sorted(key.removeprefix(SCRIPT_NAME) for key in seen if key.startswith(SCRIPT_NAME))
    found = [
        f"The server mounts the shop at {name}, so no try-on button is shown. Set VTON['PUBLIC_BASE_URL'] to "
        f"{links.with_script_name(name)}."
        for name in names
        if not links.has_script_name(name)
    ]
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
