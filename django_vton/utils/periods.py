"""Find the beginnings and ends of days, months and quota periods in the shop's `BUDGET_TIME_ZONE`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from ..conf import config
from . import clock


def today(now: datetime | None = None) -> date:
    """Return the date in the shop's time zone."""
    return (now or clock.now()).astimezone(config.time_zone).date()


def start_of_day(day: date) -> datetime:
    """Return the moment at which the day begins in the shop's time zone."""
    return datetime.combine(day, time.min, config.time_zone)


def period_bounds(period: str, now: datetime | None = None) -> tuple[datetime, datetime]:
    """Return start and end of the current minute, hour, day or month in the shop's time zone."""
    local = (now or clock.now()).astimezone(config.time_zone)
    start = local.replace(second=0, microsecond=0)
    if period == "minute":
        return start, _add_elapsed(start, minutes=1)
    start = start.replace(minute=0)
    if period == "hour":
        return start, _add_elapsed(start, hours=1)
    # If clocks are set back at midnight, there are two midnights. The day begins at the first one.
    start = start.replace(hour=0, fold=0)
    if period == "day":
        return start, (start + timedelta(hours=36)).replace(hour=0)
    start = start.replace(day=1)
    return start, (start + timedelta(days=32)).replace(day=1)


def _add_elapsed(start: datetime, **duration: int) -> datetime:
    """Add elapsed time in UTC. Within a time zone, the sum would be an hour off when clocks change."""
    return (start.astimezone(UTC) + timedelta(**duration)).astimezone(start.tzinfo)


def seconds_until(moment: datetime, now: datetime | None = None) -> int:
    """Return the whole seconds until `moment`, at least 1, for a Retry-After header."""
    return max(1, int((moment - (now or clock.now())).total_seconds()))
