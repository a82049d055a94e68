"""The shop's calendar: when its days, months and quota windows begin, in BUDGET_TIME_ZONE."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from ..conf import config


def today(now: datetime | None = None) -> date:
    """The date in the shop's time zone."""
    return (now or timezone.now()).astimezone(config.time_zone).date()


def start_of_day(day: date) -> datetime:
    """When the day begins in the shop's time zone."""
    return datetime.combine(day, time.min, config.time_zone)


def period_bounds(period: str, now: datetime | None = None) -> tuple[datetime, datetime]:
    """Start and end of the current minute, hour, day or month in the shop's time zone."""
    local = (now or timezone.now()).astimezone(config.time_zone)
    start = local.replace(second=0, microsecond=0)
    if period == "minute":
        return start, _add_elapsed(start, minutes=1)
    start = start.replace(minute=0)
    if period == "hour":
        return start, _add_elapsed(start, hours=1)
    # If clocks are put back at midnight, the day begins at the first of its two midnights.
    start = start.replace(hour=0, fold=0)
    if period == "day":
        return start, (start + timedelta(hours=36)).replace(hour=0)
    start = start.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def _add_elapsed(start: datetime, **duration: int) -> datetime:
    """Add elapsed time. Arithmetic within a time zone would skip or repeat an hour when clocks change."""
    return (start.astimezone(UTC) + timedelta(**duration)).astimezone(start.tzinfo)


def seconds_until(moment: datetime, now: datetime | None = None) -> int:
    """Whole seconds until then, at least 1, for Retry-After."""
    return max(1, int((moment - (now or timezone.now())).total_seconds()))
