"""The states of a try-on, and what may follow what. Pure data.

queued -> submitting -> submitted -> rendered -> completed, with `unknown` where a paid call was
cut off, `failed` and `canceled`. What happens at each change is in `lifecycle`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a try-on is. The shopper sees `PUBLIC`, a coarser view."""

    QUEUED = "queued", _("queued")
    SUBMITTING = "submitting", _("being sent")
    SUBMITTED = "submitted", _("being made")
    RENDERED = "rendered", _("being fetched")
    UNKNOWN = "unknown", _("outcome unknown")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


class Money(models.TextChoices):
    """What became of the money that was set aside for an attempt."""

    HELD = "held", _("held")
    SPENT = "spent", _("spent")
    FREE = "free", _("free")


ACTIVE = (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RENDERED, State.UNKNOWN)
TERMINAL = (State.COMPLETED, State.FAILED, State.CANCELED)

AT_VENDOR = (State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)
"""While the vendor may still fetch the pictures: links live only here."""

NOT_LOADED = ("photo_unusable", "product_image")
"""Failures of a picture that the vendor could not use; mostly, that it could not load."""

REOPENABLE_CODES = ("outcome_unknown", "deadline")
"""Failures that a late callback, or an operator who found the vendor's id, may reopen."""

SOURCES: dict[State, tuple[State, ...]] = {
    # UNKNOWN: the POST's own answer came late, and it was no. FAILED: a follower whose source is
    # reopened, or an operator's word that nothing was charged.
    State.QUEUED: (State.SUBMITTING, State.UNKNOWN, State.FAILED),
    State.SUBMITTING: (State.QUEUED,),
    State.UNKNOWN: (State.SUBMITTING,),
    # FAILED only with a code in REOPENABLE_CODES: see `lifecycle.submits.reopen`.
    State.SUBMITTED: (State.SUBMITTING, State.UNKNOWN, State.FAILED),
    State.RENDERED: (State.SUBMITTED,),
    # QUEUED: a follower, which ends with the try-on it follows.
    State.COMPLETED: (State.RENDERED, State.QUEUED),
    State.FAILED: ACTIVE,
    State.CANCELED: ACTIVE,
}
"""From which states each state may be reached; `lifecycle` swaps only along these."""

PUBLIC = {
    State.QUEUED: "queued",
    State.SUBMITTING: "processing",
    State.SUBMITTED: "processing",
    State.UNKNOWN: "processing",
    State.RENDERED: "processing",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CANCELED: "canceled",
}
"""The `status` of the API."""

PROGRESS = {
    State.QUEUED: 0.1,
    State.SUBMITTING: 0.2,
    State.SUBMITTED: 0.4,
    State.UNKNOWN: 0.4,
    State.RENDERED: 0.9,
    State.COMPLETED: 1.0,
    State.FAILED: 1.0,
    State.CANCELED: 1.0,
}
"""How far along, 0 to 1. It changes with the state only, so that an ETag can hold."""
