"""Keep our errors out of the shop's own requests: its pages, saved products, orders and logins.

As with Django's `send_robust`, an error is logged and not raised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import database

logger = logging.getLogger(__name__)

LOG_SECONDS = 60
"""The time in which a process logs a message once, since a busy shop serves many pages in a minute."""

logged_at: dict[str, float] = {}
"""When each message was last logged, by the monotonic clock."""


@contextmanager
def robust(message: str) -> Iterator[None]:
    """Log an exception of the block with `message` instead of raising it.

    If a transaction is open, the block is a savepoint: on PostgreSQL, a failed query of ours would otherwise
    make all further queries of the shop's request fail.
    """
    try:
        with database.savepoint():
            yield
    except Exception:  # noqa: BLE001 - caches and the shop's own code may raise anything
        log_error(message)


def log_error(message: str) -> None:
    """Log the current exception, with each message once a minute in each process."""
    now = time.monotonic()
    if now - logged_at.get(message, -LOG_SECONDS) >= LOG_SECONDS:
        logged_at[message] = now
        logger.exception(message)  # noqa: LOG004 - exception handlers call this
