"""What can go wrong, as a tree.

VtonError
├── Refused                 a request that is answered 4xx or 503, before anything is spent
│   ├── BudgetExhausted     the shop's daily or monthly cap is reached
│   └── QuotaExceeded       this shopper, or this address, has had its share
└── ProductNotRegistered    a template or a call names a product without a `TryOn`

Configuration errors are `django.core.exceptions.ImproperlyConfigured`, outside this tree: they are
for the developer, at `check`, and never for a shopper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class VtonError(Exception):
    """Every run-time error of the package."""


class ProductNotRegistered(VtonError):  # noqa: N818 - it says what happened
    """The model of this product has no `TryOn`; see `django_vton.products.register`."""


class Refused(VtonError):  # noqa: N818 - an answer to a person, not an error of the program
    """Nothing was done and nothing was spent.

    `code` is one of the codes in the API's documentation, `detail` a translated sentence for the
    shopper, `status` the HTTP status, `field` the input it is about ("" for the whole request),
    `retry_after` the seconds after which it is worth another try, or None.
    """

    def __init__(
        self,
        code: str,
        detail: _StrOrPromise | None = None,
        *,
        status: int | None = None,
        field: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = SENTENCES[code] if detail is None else detail
        self.status = STATUS.get(code, 400) if status is None else status
        self.field = field
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer: `{"code", "detail", "field"}`."""
        return {"code": self.code, "detail": str(self.detail), "field": self.field}


class BudgetExhausted(Refused):
    """The shop's cap for today or this month is reached; `retry_after` is the end of that period."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("budget_exhausted", retry_after=retry_after)


class QuotaExceeded(Refused):
    """This shopper's or this address's share is used up; `retry_after` is the end of the window."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("quota_exceeded", retry_after=retry_after)


STATUS = {
    "photo_too_large": 413,
    "product_unknown": 404,
    "not_found": 404,
    "csrf_failed": 403,
    "quota_exceeded": 429,
    "in_flight_limit": 429,
    "budget_exhausted": 429,
    "idempotency_conflict": 409,
    "not_cancelable": 409,
    "paused": 503,
    "unavailable": 503,
    "not_configured": 503,
}
"""HTTP status of each code; 400 where none is named."""

SENTENCES = {
    "consent_required": _("Please agree to the use of your photo first. Nothing was sent."),
    "photo_required": _("Please choose a photo first."),
    "photo_unreadable": _("This photo cannot be read. Please choose another one."),
    "photo_format": _("Please choose a JPEG, PNG or WebP photo."),
    "photo_too_small": _("This photo is too small. Please choose a larger one."),
    "photo_too_large": _("This photo is too large. Please choose a smaller one."),
    "photo_gone": _("This photo has been deleted. Please choose another one."),
    "photo_refused": _("This photo cannot be used. Please choose another one."),
    "product_unknown": _("This product was not found."),
    "product_not_enabled": _("This product cannot be tried on at the moment."),
    "options_invalid": _("One of the options is not possible for this product."),
    "captcha_required": _("Please confirm that you are not a robot."),
    "quota_exceeded": _("You have used all your try-ons for now. Please come back later."),
    "in_flight_limit": _("Your other try-ons are still being made. Please wait for one of them."),
    "budget_exhausted": _("Try-on is taking a break and will be back soon. Nothing was sent."),
    "idempotency_conflict": _("This request was already sent with other contents."),
    "not_cancelable": _("This try-on has already ended."),
    "not_found": _("There is nothing here, or it is no longer yours."),
    "csrf_failed": _("Your visit has expired. Please reload the page and try again."),
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
