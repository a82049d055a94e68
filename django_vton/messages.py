"""Messages that tell why a request was refused or a render failed: for shoppers, and labels for staff."""

from __future__ import annotations

from datetime import timedelta

from django.utils.text import format_lazy
from django.utils.translation import npgettext, pgettext_lazy

from .images import MAX_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE, PHOTO_FORMATS

PHOTO_FORMAT_NAMES = ", ".join({"WEBP": "WebP", "HEIF": "HEIC"}.get(name, name) for name in PHOTO_FORMATS)

MESSAGES = {
    "consent_required": pgettext_lazy(
        "vton", "Please tick the box to agree first. We haven't used your photo."
    ),
    "photo_required": pgettext_lazy("vton", "Please add a photo first."),
    "photo_unreadable": pgettext_lazy(
        "vton", "We couldn't open this photo. Please choose another one. This didn't use up a try-on."
    ),
    "photo_format": format_lazy(
        pgettext_lazy(
            "vton",
            "We can't use this kind of file. Please choose a photo in one of these formats: {formats}. "
            "This didn't use up a try-on.",
        ),
        formats=PHOTO_FORMAT_NAMES,
    ),
    "photo_too_small": format_lazy(
        pgettext_lazy(
            "vton",
            "This photo is too small or too narrow: each side needs at least {side} px, and the long side "
            "may be at most {ratio} times the short one. Please choose another photo. "
            "This didn't use up a try-on.",
        ),
        side=MIN_SIDE,
        ratio=MAX_SIDE // MIN_SIDE,
    ),
    "photo_too_large": format_lazy(
        pgettext_lazy(
            "vton",
            "This photo is too big. Please choose one of up to {megabytes} MB and {megapixels} megapixels. "
            "This didn't use up a try-on.",
        ),
        megabytes=MAX_BYTES // 1_000_000,
        megapixels=MAX_PIXELS // 1_000_000,
    ),
    "photo_gone": pgettext_lazy(
        "vton",
        "This photo has been deleted. Please add it again or choose another one. "
        "This didn't use up a try-on.",
    ),
    "photo_refused": pgettext_lazy(
        "vton", "We can't use this photo. Please choose another one. This didn't use up a try-on."
    ),
    "product_unknown": pgettext_lazy("vton", "We couldn't find this product."),
    "product_not_enabled": pgettext_lazy("vton", "You can't try this on at the moment."),
    "options_invalid": pgettext_lazy(
        "vton",
        "One of your choices isn't available for this product. Please change it and try again. "
        "This didn't use up a try-on.",
    ),
    "captcha_required": pgettext_lazy(
        "vton", "Please confirm that you're not a robot, then try again. This didn't use up a try-on."
    ),
    "quota_exceeded": pgettext_lazy("vton", "You've used all your try-ons for now. Please come back later."),
    "in_flight_limit": pgettext_lazy(
        "vton",
        "Your other try-ons aren't ready yet. Please wait for one of them, then try again. "
        "This didn't use up a try-on.",
    ),
    "budget_exhausted": pgettext_lazy("vton", "Try-on is taking a break. Please come back later."),
    "idempotency_conflict": pgettext_lazy(
        "vton", "We already have this request, with other details. Please start again."
    ),
    "not_cancelable": pgettext_lazy("vton", "This try-on has already ended, so it can't be canceled."),
    "not_found": pgettext_lazy(
        "vton", "We couldn't find this. It may have been deleted, or belong to another account."
    ),
    "csrf_failed": pgettext_lazy(
        "vton",
        "Your session has expired, or your browser blocks cookies. Please allow cookies for this shop, "
        "reload the page and try again. This didn't use up a try-on.",
    ),
    "feedback_invalid": pgettext_lazy("vton", "This feedback isn't one of the choices."),
    "request_invalid": pgettext_lazy(
        "vton", "Something in this request is wrong. Please reload the page and try again."
    ),
    "method_not_allowed": pgettext_lazy("vton", "This address doesn't take this kind of request."),
    "paused": pgettext_lazy("vton", "Try-on is paused at the moment. Please come back later."),
    "unavailable": pgettext_lazy(
        "vton", "Try-on isn't available right now. Please try again in a few minutes."
    ),
    "not_configured": pgettext_lazy("vton", "Try-on isn't set up in this shop yet."),
}
"""The reasons for refusals by code, with what to do and whether a try-on was used up."""

UNCHANGED_MESSAGE = pgettext_lazy("vton", "The picture looks unchanged. You can try another photo.")

RENDER_MESSAGES = {
    "moderated": pgettext_lazy(
        "vton",
        "Our picture service turned down this photo or product. That can happen by mistake: "
        "a plain photo, or one that shows more clothing, often works.",
    ),
    "no_person": pgettext_lazy(
        "vton", "We couldn't find a person in this photo. A clear photo of just you works best."
    ),
    "photo_unusable": pgettext_lazy(
        "vton", "Our picture service couldn't use this photo. Please try another one."
    ),
    "product_image": pgettext_lazy(
        "vton", "We couldn't use the picture of this product. The shop has been told."
    ),
    "photo_gone": pgettext_lazy(
        "vton", "The shop doesn't have this photo any more. Please add it again or choose another one."
    ),
    "product_image_gone": pgettext_lazy(
        "vton", "We couldn't use the picture of this product. The shop has been told."
    ),
    "images_unreachable": pgettext_lazy(
        "vton",
        "Our picture service couldn't load the pictures from the shop. The problem is on the shop's side. "
        "Please try again later.",
    ),
    "vendor": pgettext_lazy("vton", "Something went wrong at our picture service. Please try again."),
    "deadline": pgettext_lazy("vton", "Our picture service took too long. Please try again later."),
    "outcome_unknown": pgettext_lazy(
        "vton", "We lost the connection to our picture service. Please try again."
    ),
}
"""The reasons for failed renders by code. The pages add whether the render counts towards the quota."""

RETRYABLE_CODES = {"images_unreachable", "vendor", "deadline", "outcome_unknown"}
"""The codes of failures after which the same photo and product can succeed."""


def format_duration(length: timedelta) -> str:
    """Format a duration in days if it is two or more whole days, otherwise in whole hours or minutes."""
    minutes = int(length.total_seconds()) // 60
    if minutes >= 2 * 24 * 60 and minutes % (24 * 60) == 0:
        days = minutes // (24 * 60)
        return npgettext("vton", "%(count)d day", "%(count)d days", days) % {"count": days}
    if minutes % 60 == 0:
        hours = minutes // 60
        return npgettext("vton", "%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return npgettext("vton", "%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
