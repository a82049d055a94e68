"""What shoppers think of their results: like or dislike and, with a dislike, the reason.

The API and the pages write it here.
"""

from __future__ import annotations

from ..exceptions import Refused
from ..models import TryOnRequest

LIKE = "like"
DISLIKE = "dislike"

VALUES = ("", LIKE, DISLIKE)
"""The empty string withdraws the feedback."""

REASONS: tuple[str, ...] = tuple(TryOnRequest.FeedbackReason.values)


def give(row: TryOnRequest, value: str, reason: str | None = None) -> None:
    """Store the feedback; a reason goes with "dislike" alone, so any other value clears it.

    None keeps the reason that a dislike already has; the empty string clears it.
    """
    if value not in VALUES:
        raise Refused("feedback_invalid", field="value")
    if reason and (value != DISLIKE or reason not in REASONS):
        raise Refused("feedback_invalid", field="reason")
    changes = {"feedback": value}
    # Only a dislike has a reason, so another value leaves none to keep.
    if value != DISLIKE or reason is not None:
        changes["feedback_reason"] = reason or ""
    # Feedback that arrives while the try-on is being erased must not outlive it.
    if not TryOnRequest.objects.filter(pk=row.pk, erased_at__isnull=True).update(**changes):
        raise Refused("not_found")
    for name, text in changes.items():
        setattr(row, name, text)
