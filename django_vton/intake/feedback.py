"""Store shoppers' feedback on their results: like, or dislike with an optional reason."""

from __future__ import annotations

from ..exceptions import Refused
from ..models import TryOnRequest

LIKE = "like"
DISLIKE = "dislike"

VALUES = ("", LIKE, DISLIKE)
"""The empty string withdraws the feedback."""

REASONS: tuple[str, ...] = tuple(TryOnRequest.FeedbackReason.values)


def save(row: TryOnRequest, value: str, reason: str | None = None) -> None:
    """Store the feedback. Raise `Refused` if it is invalid, or if the try-on is erased.

    Only "dislike" has a reason; any other value clears it. If `reason` is None, keep the stored reason of a
    dislike; the empty string clears it.
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
