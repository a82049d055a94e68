"""The shop's calendar: where its days, months and quota windows begin."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone

from .conf import config


def today(now: datetime | None = None) -> date:
    """The shop's date."""
    return (now or timezone.now()).astimezone(config.time_zone).date()


def window(period: str, now: datetime | None = None) -> tuple[datetime, datetime]:
    """When the current minute, hour, day or month began in the shop's zone, and when the next begins."""
    local = (now or timezone.now()).astimezone(config.time_zone)
    start = local.replace(second=0, microsecond=0)
    if period == "minute":
        return start, start + timedelta(minutes=1)
    start = start.replace(minute=0)
    if period == "hour":
        return start, start + timedelta(hours=1)
    start = start.replace(hour=0)
    if period == "day":
        return start, (start + timedelta(hours=36)).replace(hour=0)
    start = start.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def seconds_until(moment: datetime, now: datetime | None = None) -> int:
    """Whole seconds until then, at least 1: for Retry-After."""
    return max(1, int((moment - (now or timezone.now())).total_seconds()))
