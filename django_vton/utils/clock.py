"""The time by which try-ons are due, leases end and money is counted.

It is the time of the database, since the clocks of web hosts and workers may differ. Each process reads it
every 30 seconds and adds the time of its monotonic clock in between, so a change of the host's clock has no
effect. SQLite has no clock of its own, so there it is the host's time.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from . import database

logger = logging.getLogger(__name__)

host_now = timezone.now

QUERIES = {"postgresql": "SELECT clock_timestamp()", "mysql": "SELECT UTC_TIMESTAMP(6)"}
"""The query for the current time, not for that of the transaction's beginning, by the database's vendor."""

MAX_AGE_SECONDS = 30.0
"""The age of a measurement at which the next caller takes another one."""

RETRY_SECONDS = 5.0
"""The pause after a measurement that failed. Connecting to a database that is down can take long."""

MAX_HOST_STEP_SECONDS = 1.0
"""A larger step of the host's clock needs a new measurement: the host may have been suspended."""


class _Measurement(NamedTuple):
    origin: datetime
    """The database's time when this host's monotonic clock showed zero."""
    host_origin: float
    """The host's time at that moment, as its clock shows it now."""


_measurement: _Measurement | None = None
_read_again_at = 0.0


def now() -> datetime:
    """Return the time, with a time zone. If the database does not answer, continue from its last answer."""
    measurement = _current_measurement()
    return host_now() if measurement is None else measurement.origin + timedelta(seconds=time.monotonic())


def host_lead() -> timedelta:
    """Return by how much the clock of this host is ahead of the database's. Zero if it has none."""
    measurement = _current_measurement()
    return host_now() - now() if measurement else timedelta(0)


def _current_measurement() -> _Measurement | None:
    global _measurement, _read_again_at  # noqa: PLW0603 - one clock for each process
    monotonic = time.monotonic()
    host_origin = time.time() - monotonic
    is_suspect = (
        _measurement is not None and abs(host_origin - _measurement.host_origin) > MAX_HOST_STEP_SECONDS
    )
    if monotonic < _read_again_at and not is_suspect:
        return _measurement
    query = QUERIES.get(database.connection().vendor)
    if query is None:
        _read_again_at = monotonic + MAX_AGE_SECONDS
        return None
    try:
        with database.borrowed_connection() as connection:
            connection.ensure_connection()
            # Below Django, since a caller's transaction, query log and query counts must not notice it.
            with connection.connection.cursor() as cursor:
                began = time.monotonic()
                cursor.execute(query)
                (answer,) = cursor.fetchone()
                middle = (began + time.monotonic()) / 2
    except Exception as error:  # noqa: BLE001 - drivers raise their own errors, and the time is always needed
        logger.warning("The database's time cannot be read: %s", type(error).__name__)
        if _measurement is not None:
            _measurement = _measurement._replace(host_origin=host_origin)
            _read_again_at = monotonic + RETRY_SECONDS
        return _measurement
    moment = answer if answer.tzinfo else answer.replace(tzinfo=UTC)
    _measurement = _Measurement(moment.astimezone(UTC) - timedelta(seconds=middle), host_origin)
    _read_again_at = monotonic + MAX_AGE_SECONDS
    return _measurement
