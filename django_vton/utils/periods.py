"""The shop's calendar: where its days, months and quota windows begin."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from ..conf import config


def today(now: datetime | None = None) -> date:
    """The shop's date."""
    return (now or timezone.now()).astimezone(config.time_zone).date()


def midnight(day: date) -> datetime:
    """When that day begins in the shop's zone."""
    return datetime.combine(day, time.min, config.time_zone)


def window(period: str, now: datetime | None = None) -> tuple[datetime, datetime]:
    """When the current minute, hour, day or month began in the shop's zone, and when the next begins."""
    local = (now or timezone.now()).astimezone(config.time_zone)
    start = local.replace(second=0, microsecond=0)
    if period == "minute":
        return start, _later(start, minutes=1)
    start = start.replace(minute=0)
    if period == "hour":
        return start, _later(start, hours=1)
    # Where clocks are put back at midnight, a day begins at the first of its two midnights.
    start = start.replace(hour=0, fold=0)
    if period == "day":
        return start, (start + timedelta(hours=36)).replace(hour=0)
    start = start.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def _later(start: datetime, **by: int) -> datetime:
    """So much later in truth: arithmetic within a zone moves the hands, and skips or repeats an hour."""
    return (start.astimezone(UTC) + timedelta(**by)).astimezone(start.tzinfo)


def seconds_until(moment: datetime, now: datetime | None = None) -> int:
    """Whole seconds until then, at least 1: for Retry-After."""
    return max(1, int((moment - (now or timezone.now())).total_seconds()))
