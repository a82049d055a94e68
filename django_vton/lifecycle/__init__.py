"""The only writer of a try-on's state. Every change is one compare-and-swap with its event and its money.

`swap.swap` is the heart: `UPDATE ... WHERE id = ? AND state IN (...)`. No row changed means that somebody
was faster, and the caller's news is void. Signals go out after the commit, at most once.
"""

from .followers import finish_followers
from .operators import adopt, not_charged, poll_now, retry, retryable, write_off
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
from .requests import accept, cancel, cancel_unwanted, follow
from .submits import (
    callback,
    claim_submit,
    outcome_timed_out,
    submit_answered,
    submit_refused,
    submit_unknown,
)
from .transition import current_attempt

__all__ = [
    "MAX_CLAIMS",
    "accept",
    "adopt",
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
    "not_charged",
    "outcome_timed_out",
    "poll_now",
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
