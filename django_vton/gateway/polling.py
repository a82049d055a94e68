"""How often the vendor is asked for a render: first, again, and after its callback."""

from __future__ import annotations

from datetime import timedelta

FIRST_POLL = timedelta(seconds=20)
FIRST_POLL_WITHOUT_CALLBACK = timedelta(seconds=5)

POLL_INTERVAL = timedelta(seconds=10)
POLL_INTERVAL_WITHOUT_CALLBACK = timedelta(seconds=5)

CALLBACK_POLL_INTERVAL = timedelta(seconds=10)
"""However many callbacks come, they cause one question to the vendor in this time."""

POLL_AFTER_CALLBACK = timedelta(minutes=1)
"""So long a render is asked for after a callback, though its deadline is over."""


def first_poll_delay(*, supports_callback: bool) -> timedelta:
    """From the submit's answer to the first question."""
    return FIRST_POLL if supports_callback else FIRST_POLL_WITHOUT_CALLBACK


def next_poll_delay(*, supports_callback: bool) -> timedelta:
    """From one question that brought nothing final to the next."""
    return POLL_INTERVAL if supports_callback else POLL_INTERVAL_WITHOUT_CALLBACK
