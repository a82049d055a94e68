"""What requests tell about the proxies before Django: seen as they come, told by the doctor and `check`.

Where `TRUSTED_PROXIES` does not fit them, all shoppers look like one caller with one address quota.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from ..conf import config
from ..models import Quota
from ..shoppers import UNKNOWN_ADDRESS
from ..utils.periods import window

if TYPE_CHECKING:
    from django.http import HttpRequest

FORWARDED = "seen:forwarded"
"""The key of the row that says: X-Forwarded-For came, and no proxy is trusted."""

LATELY = timedelta(days=2)


def note(request: HttpRequest) -> None:
    """Keep that an order came through a proxy nobody trusts, once a day."""
    if config.TRUSTED_PROXIES == 0 and request.META.get("HTTP_X_FORWARDED_FOR"):
        start, _end = window("day")
        if not Quota.objects.filter(key=FORWARDED, window=start).exists():
            Quota.objects.bulk_create([Quota(key=FORWARDED, window=start)], ignore_conflicts=True)


def problems() -> list[str]:
    """What was seen in the last days, as sentences that say what to do."""
    recent = Quota.objects.filter(window__gte=timezone.now() - LATELY)
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
