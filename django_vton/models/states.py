"""The states of a try-on and the transitions between them, which `lifecycle` makes.

queued -> submitting -> submitted -> rendered -> completed. A try-on becomes `unknown` if the outcome of its
paid call is not known, and may end early as `failed` or `canceled`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """The internal state of a try-on. The API shows `PUBLIC_STATUS` instead."""

    QUEUED = "queued", _("queued")
    SUBMITTING = "submitting", _("being sent")
    SUBMITTED = "submitted", _("being made")
    RENDERED = "rendered", _("being fetched")
    UNKNOWN = "unknown", _("outcome unknown")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELED = "canceled", _("canceled")


class Money(models.TextChoices):
    """What happened to the money that was reserved for an attempt."""

    HELD = "held", _("reserved")
    SPENT = "spent", _("spent")
    FREE = "free", _("free")


ACTIVE = (State.QUEUED, State.SUBMITTING, State.SUBMITTED, State.RENDERED, State.UNKNOWN)
TERMINAL = (State.COMPLETED, State.FAILED, State.CANCELED)

AT_VENDOR = (State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)
"""The states in which vendor links are valid, since the vendor may still download the images."""

IMAGE_ERROR_CODES = ("photo_unusable", "product_image")
"""The error codes if the vendor says that it cannot use an image."""

IMAGES_UNREACHABLE = "images_unreachable"
"""The error code if the vendor has not downloaded the images, as the shop's own record of downloads shows."""

ERROR_LABELS = {
    "moderated": _("refused by the vendor's moderation"),
    "no_person": _("no person found in the photo"),
    "photo_unusable": _("photo not usable for the vendor"),
    "product_image": _("product image not usable for the vendor"),
    "photo_gone": _("photo gone: file missing, expired or release ended"),
    "product_image_gone": _("product image missing in the storage"),
    "images_unreachable": _("images not loaded from the shop"),
    "vendor": _("problem at the vendor"),
    "deadline": _("took too long"),
    "outcome_unknown": _("connection lost: counted as charged, please check"),
}
"""The reasons for failed renders by code, for staff."""

REOPENABLE_CODES = ("outcome_unknown", "deadline")
"""The error codes of try-ons that a late callback, or an operator who finds the vendor's id, can reopen."""

ALLOWED_SOURCES: dict[State, tuple[State, ...]] = {
    # UNKNOWN: the response to the submit came late and was a refusal, or a refusal was proved by no callback.
    # FAILED: the source of a follower was reopened, an operator retried the try-on, or an operator confirmed
    # that nothing was charged.
    State.QUEUED: (State.SUBMITTING, State.UNKNOWN, State.FAILED),
    State.SUBMITTING: (State.QUEUED,),
    State.UNKNOWN: (State.SUBMITTING,),
    # QUEUED: the submit before was refused, but a callback proves that the vendor has accepted it.
    # FAILED: only with a code in `REOPENABLE_CODES`.
    State.SUBMITTED: (State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.FAILED),
    State.RENDERED: (State.SUBMITTED,),
    # QUEUED: only a follower, which completes with its source.
    State.COMPLETED: (State.RENDERED, State.QUEUED),
    State.FAILED: ACTIVE,
    State.CANCELED: ACTIVE,
}
"""The states from which each state may be reached. `lifecycle` makes no other transition."""

PUBLIC_STATUS = {
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
"""The progress from 0 to 1. It depends only on the state, so that ETags stay valid."""
