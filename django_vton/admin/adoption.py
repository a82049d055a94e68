"""Adopting the vendor's id of a render for a try-on with an unknown outcome.

An operator can mistype an id. So the vendor is polled first, and an adopted id can be withdrawn until its
images are delivered.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import lifecycle
from ..gateway.engines import get_engine
from ..models import Attempt, TryOnRequest
from ..pixazo import PollFailed
from ..pixazo.ids import is_id
from ..utils.money import format_usd
from .base import can_operate

NOT_FOUND = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
"""The responses to a poll with an id that the vendor does not know."""

CLOCK_TOLERANCE = timedelta(minutes=1)


def _validate_id(text: str) -> None:
    if not is_id(text):
        raise ValidationError(_("This cannot be an id of the vendor."))


VENDOR_ID = forms.CharField(
    max_length=Attempt._meta.get_field("vendor_id").max_length,
    validators=[_validate_id],
    error_messages={"required": gettext_lazy("Enter the id that the vendor's panel shows.")},
)


def owner_problem(tryon: TryOnRequest, vendor_id: str) -> str:
    """Return whose id this is, if it belongs to another try-on, or ""."""
    same_id = Attempt.objects.filter(engine=tryon.engine, vendor_id=vendor_id)
    if other := same_id.exclude(request=tryon).first():
        problem = _("The id %(id)s belongs to another try-on: %(other)s. Nothing was changed.")
        return problem % {"id": vendor_id, "other": other.request}
    return ""


def vendor_problem(attempt: Attempt, vendor_id: str) -> str:
    """Poll the render with this id. Return why it cannot be the attempt's, or "" if it can.

    The poll is free. If the vendor cannot be reached from here, the id is not adopted.
    """
    from ..gateway.client import poll_once  # It loads an HTTP library.

    unchanged = _("Nothing was changed.")
    try:
        answer = poll_once(get_engine(attempt.engine), vendor_id)
    except PollFailed as failure:
        if failure.status_code in NOT_FOUND:
            text = _("The vendor does not know the id %(id)s.")
        else:
            text = _("The vendor could not be asked about the id %(id)s: %(error)s.")
        return f"{text % {'id': vendor_id, 'error': failure.error}} {unchanged}"
    except ImproperlyConfigured:
        text = _("Its engine is no longer in the settings, so the vendor cannot be asked.")
        return f"{text} {unchanged}"
    finished_at, posted_at = answer.finished_at, attempt.posted_at
    if finished_at is not None and posted_at is not None and finished_at < posted_at - CLOCK_TOLERANCE:
        text = _("The vendor had finished the render %(id)s before this try-on was sent.")
        return f"{text % {'id': vendor_id}} {unchanged}"
    return ""


def adoption_context(request: HttpRequest, tryon: TryOnRequest) -> dict[str, Any] | None:
    """Return the context of `adoption.html`, or None if the user can withdraw nothing."""
    attempt = tryon.attempts.filter(number=tryon.current_attempt_number).first()
    adoption = lifecycle.find_adoption(attempt) if attempt is not None and can_operate(request) else None
    if attempt is None or adoption is None:
        return None
    return {"vendor_id": attempt.vendor_id, "at": adoption.at, "price": format_usd(attempt.amount)}
