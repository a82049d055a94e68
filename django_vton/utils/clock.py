"""The time by which try-ons are due, leases end and money is counted."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the time, with a time zone."""
    return timezone.now()
