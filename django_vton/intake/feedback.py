"""Shoppers' feedback on their results: like or dislike and, with a dislike, a reason."""

from __future__ import annotations

from ..exceptions import Refused
from ..models import TryOnRequest

LIKE = "like"
DISLIKE = "dislike"

VALUES = ("", LIKE, DISLIKE)
"""The empty string withdraws the feedback."""

REASONS: tuple[str, ...] = tuple(TryOnRequest.FeedbackReason.values)


def save(row: TryOnRequest, value: str, reason: str | None = None) -> None:
    """Store the feedback. Raises Refused.

    Only "dislike" has a reason; any other value clears it. A `reason` of None keeps the reason that a dislike
    already has, the empty string clears it.
    """
    if value not in VALUES:
        raise Refused("feedback_invalid", field="value")
    if reason and (value != DISLIKE or reason not in REASONS):
        raise Refused("feedback_invalid", field="reason")
    changes = {"feedback": value}
    if value != DISLIKE or reason is not None:
        changes["feedback_reason"] = reason or ""
    # Feedback that arrives while the try-on is being erased must not outlive it.
    if not TryOnRequest.objects.filter(pk=row.pk, erased_at__isnull=True).update(**changes):
        raise Refused("not_found")
    for name, text in changes.items():
        setattr(row, name, text)
