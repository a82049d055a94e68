"""The delays between polls of a render's status: at first, later, and after a callback."""

from __future__ import annotations

from datetime import timedelta

FIRST_POLL = timedelta(seconds=20)
FIRST_POLL_WITHOUT_CALLBACK = timedelta(seconds=5)

POLL_INTERVAL = timedelta(seconds=10)
POLL_INTERVAL_WITHOUT_CALLBACK = timedelta(seconds=5)

CALLBACK_POLL_INTERVAL = timedelta(seconds=10)
"""The interval in which callbacks cause at most one poll, however many callbacks arrive."""

CALLBACK_WAIT = timedelta(minutes=1)
"""How long after a submit its callback is awaited if the vendor has answered it with 500 or 503."""

POLL_AFTER_CALLBACK = timedelta(minutes=1)
"""How long polling continues after a callback, even past the deadline of the render."""


def first_poll_delay(*, supports_callback: bool) -> timedelta:
    """Return the time from the response to the submit until the first poll."""
    return FIRST_POLL if supports_callback else FIRST_POLL_WITHOUT_CALLBACK


def next_poll_delay(*, supports_callback: bool) -> timedelta:
    """Return the time between two polls."""
    return POLL_INTERVAL if supports_callback else POLL_INTERVAL_WITHOUT_CALLBACK
