"""Change the state of try-ons, with the event and the money in one transaction. No other package does this.

A change of state locks the rows and reads them again first, since another process might have changed them.
Signals are sent after the commit, at most once.
"""

from .callbacks import receive_callback
from .clock_changes import UNHANDLED_AFTER, bring_forward, postpone_deadline, wait_once_more
from .fallback import fall_back_while_queued
from .followers import finish_followers, share, stop_sharing
from .operators import (
    adopt_vendor_id,
    confirm_not_charged,
    poll_now,
    retry,
    retryable,
    withdraw_adoption,
    write_off,
)
from .rendering import (
    MAX_CLAIMS,
    claim_due,
    fail_at_deadline,
    give_up,
    mark_completed,
    mark_render_failed,
    mark_rendered,
    record_download_failure,
    release,
)
from .reopening import find_adoption
from .requests import accept, cancel, cancel_if_unwanted, complete_follower
from .submission import (
    LEASE,
    claim_submits,
    end_unknown_outcome,
    mark_refused,
    mark_submitted,
    mark_unknown,
)
from .transition import CONNECTION_ERRORS, RolledBack, current_attempt

__all__ = [
    "CONNECTION_ERRORS",
    "LEASE",
    "MAX_CLAIMS",
    "UNHANDLED_AFTER",
    "RolledBack",
    "accept",
    "adopt_vendor_id",
    "bring_forward",
    "cancel",
    "cancel_if_unwanted",
    "claim_due",
    "claim_submits",
    "complete_follower",
    "confirm_not_charged",
    "current_attempt",
    "end_unknown_outcome",
    "fail_at_deadline",
    "fall_back_while_queued",
    "find_adoption",
    "finish_followers",
    "give_up",
    "mark_completed",
    "mark_refused",
    "mark_render_failed",
    "mark_rendered",
    "mark_submitted",
    "mark_unknown",
    "poll_now",
    "postpone_deadline",
    "receive_callback",
    "record_download_failure",
    "release",
    "retry",
    "retryable",
    "share",
    "stop_sharing",
    "wait_once_more",
    "withdraw_adoption",
    "write_off",
]
