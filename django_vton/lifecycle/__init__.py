"""The only writer of a try-on's state. Every change is one compare-and-swap with its event and its money.

`swap.swap` is the heart: `UPDATE ... WHERE id = ? AND state IN (...)`. No row changed means that somebody
was faster, and the caller's news is void. Signals go out after the commit, at most once.
"""

from .asking import accept, cancel, cancel_unwanted, follow
from .followers import finish_followers
from .operators import adopt, ask_now, not_charged, retry, retryable, write_off
from .renders import (
    MAX_CLAIMS,
    claim,
    completed,
    deadline_over,
    fetch_failed,
    give_up,
    release,
    render_failed,
    rendered,
)
from .submits import (
    callback,
    claim_submit,
    grace_over,
    submit_answered,
    submit_refused,
    submit_unknown,
)
from .swap import current_attempt

__all__ = [
    "MAX_CLAIMS",
    "accept",
    "adopt",
    "ask_now",
    "callback",
    "cancel",
    "cancel_unwanted",
    "claim",
    "claim_submit",
    "completed",
    "current_attempt",
    "deadline_over",
    "fetch_failed",
    "finish_followers",
    "follow",
    "give_up",
    "grace_over",
    "not_charged",
    "release",
    "render_failed",
    "rendered",
    "retry",
    "retryable",
    "submit_answered",
    "submit_refused",
    "submit_unknown",
    "write_off",
]
