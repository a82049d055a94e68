"""What a shopper reads: why something is refused or a render has failed, by its code; and spans of time."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

SENTENCES = {
    "consent_required": _("Please agree to the use of your photo first. Nothing was sent."),
    "photo_required": _("Please choose a photo first."),
    "photo_unreadable": _("This photo cannot be read, so nothing was counted. Please choose another one."),
    "photo_format": _("Nothing was counted: please choose a JPEG, PNG or WebP photo."),
    "photo_too_small": _(
        "This photo is too small or too narrow, so nothing was counted. Please choose a larger or wider one."
    ),
    "photo_too_large": _("This photo is too large, so nothing was counted. Please choose a smaller one."),
    "photo_gone": _("This photo has been deleted, so nothing was counted. Please choose another one."),
    "photo_refused": _("This photo cannot be used, so nothing was counted. Please choose another one."),
    "product_unknown": _("This product was not found."),
    "product_not_enabled": _("This product cannot be tried on at the moment. Nothing was sent."),
    "options_invalid": _("One of the options is not possible for this product. Nothing was sent."),
    "captcha_required": _("Please confirm that you are not a robot. Nothing was counted."),
    "quota_exceeded": _("You have used all your try-ons for now. Please come back later."),
    "in_flight_limit": _(
        "Your other try-ons are still being made, so nothing was sent. Please wait for one of them."
    ),
    "budget_exhausted": _("Try-on is taking a break and will be back soon. Nothing was sent."),
    "idempotency_conflict": _("This request was already sent with other contents."),
    "not_cancelable": _("This try-on has already ended."),
    "not_found": _("There is nothing here, or it is no longer yours."),
    "csrf_failed": _("Your visit has expired, so nothing was sent. Please reload the page and try again."),
    "feedback_invalid": _("Feedback is “like”, “dislike” or empty."),
    "request_invalid": _("This request cannot be read."),
    "method_not_allowed": _("This address does not answer that kind of request."),
    "paused": _("Try-on is paused by the shop. Please come back later. Nothing was sent."),
    "unavailable": _("Try-on is not available right now. Please come back later. Nothing was sent."),
    "not_configured": _("Try-on is not set up in this shop yet."),
}
"""What a shopper reads: what happened and what to do."""

RENDER_SENTENCES = {
    "moderated": _(
        "The picture service did not accept this photo or product. That can happen by mistake: "
        "a plainer photo, or one with more clothing, often works."
    ),
    "no_person": _("No person was found in the photo. A clear photo of one person works best."),
    "photo_unusable": _("The picture service could not use this photo. Please try another one."),
    "product_image": _("This product's picture could not be used. The shop has been told."),
    "vendor": _("The picture service had a problem. Please try again."),
    "deadline": _("The picture service took too long. Please try again later."),
    "outcome_unknown": _("The connection to the picture service broke. Please try again."),
}
"""Why a render failed, for the shopper; never the vendor's raw text."""

RETRYABLE = {"vendor", "deadline", "outcome_unknown"}
"""Failures where the same photo and product may well succeed the next time."""


def duration(length: timedelta) -> str:
    """In words: whole days from two on, else whole hours, else minutes."""
    minutes = int(length.total_seconds()) // 60
    if minutes >= 2 * 24 * 60 and minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if minutes % 60 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", minutes // 60) % {"count": minutes // 60}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
