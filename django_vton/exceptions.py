"""The exceptions of the package.

VtonError
├── Refused                 the request is refused with 4xx or 503, before anything is spent
│   ├── BudgetExhausted     the shop's daily or monthly cap is reached
│   └── QuotaExceeded       the quota of this shopper or IP address is used up
└── ProductNotRegistered    the model of a product has no `TryOn`

Errors in the configuration raise `django.core.exceptions.ImproperlyConfigured`, because they are for
developers and not for shoppers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .messages import MESSAGES

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class VtonError(Exception):
    """The base class of the package's exceptions."""


class ProductNotRegistered(VtonError):  # noqa: N818 - public name
    """The model of this product has no `TryOn`. See `django_vton.products.register`."""


class Refused(VtonError):  # noqa: N818 - an expected result, not an error
    """The request was refused. Nothing was done and nothing was spent.

    `code` is one of the API's documented codes, `detail` a translated message for the shopper, `status` the
    HTTP status, `field` the name of the wrong input ("" for the whole request), and `retry_after` the seconds
    after which the shopper may try again, or None.
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
        self.detail = MESSAGES[code] if detail is None else detail
        self.status = HTTP_STATUS.get(code, 400) if status is None else status
        self.field = field
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        """Return the body of the response: `{"code", "detail", "field"}`."""
        return {"code": self.code, "detail": str(self.detail), "field": self.field}


class BudgetExhausted(Refused):
    """The shop's cap for today or this month is reached. `retry_after` is the time until that period ends."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("budget_exhausted", retry_after=retry_after)


class QuotaExceeded(Refused):
    """The quota of this shopper or IP address is used up. `retry_after` is the time until the window ends."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("quota_exceeded", retry_after=retry_after)


HTTP_STATUS = {
    "photo_too_large": 413,
    "product_unknown": 404,
    "not_found": 404,
    "csrf_failed": 403,
    "quota_exceeded": 429,
    "in_flight_limit": 429,
    "budget_exhausted": 429,
    "idempotency_conflict": 409,
    "not_cancelable": 409,
    "method_not_allowed": 405,
    "paused": 503,
    "unavailable": 503,
    "not_configured": 503,
}
"""The HTTP status by code. All other codes have the status 400."""
