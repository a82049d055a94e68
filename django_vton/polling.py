"""How often the vendor is asked for a render: first, again, and after its callback."""

from __future__ import annotations

from datetime import timedelta

FIRST_ASK = timedelta(seconds=20)
FIRST_ASK_WITHOUT_CALLBACK = timedelta(seconds=5)

ASK_EVERY = timedelta(seconds=10)
ASK_EVERY_WITHOUT_CALLBACK = timedelta(seconds=5)

HINT_PAUSE = timedelta(seconds=10)
"""However many callbacks come, they cause one question to the vendor in this time."""

AFTER_HINT = timedelta(minutes=1)
"""So long a render is asked for after a callback, though its deadline is over."""


def first_pause(*, calls_back: bool) -> timedelta:
    """From the submit's answer to the first question."""
    return FIRST_ASK if calls_back else FIRST_ASK_WITHOUT_CALLBACK


def next_pause(*, calls_back: bool) -> timedelta:
    """From one question that brought nothing final to the next."""
    return ASK_EVERY if calls_back else ASK_EVERY_WITHOUT_CALLBACK
