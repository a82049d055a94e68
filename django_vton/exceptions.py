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

from .messages import MESSAGES

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
        self.detail = MESSAGES[code] if detail is None else detail
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
    "method_not_allowed": 405,
    "paused": 503,
    "unavailable": 503,
    "not_configured": 503,
}
"""HTTP status of each code; 400 where none is named."""
