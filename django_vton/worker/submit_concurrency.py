"""An adaptive limit of one dispatcher's open submits: higher while the vendor answers quickly, else lower."""

from __future__ import annotations

import time
from http import HTTPStatus

from ..conf import config
from ..pixazo import SubmitOutcome, SubmitResult

START = 4
"""The limit at which each dispatcher run begins."""

SLOW_SECONDS = 5.0
"""An answer that takes longer shows that the vendor is overloaded, unless it contains the images."""


class SubmitConcurrency:
    """The limit grows and shrinks as TCP's congestion window (AIMD), up to `SUBMIT_CONCURRENCY`.

    Until the first setback, each quick acceptance adds 1. Later, as many acceptances as the limit add 1. A
    setback halves the limit: a 429, a 5xx, a lost connection or a slow answer.
    """

    def __init__(self) -> None:
        self._limit = float(START)
        self._shrunk_at: float | None = None

    @property
    def limit(self) -> int:
        """The maximum number of open submits now, at least 1."""
        return min(int(self._limit), config.SUBMIT_CONCURRENCY)

    def record(self, result: SubmitResult, began: float, *, is_used: bool) -> None:
        """Adapt the limit to the result of a submit that was begun at this time on the monotonic clock.

        `is_used`: whether as many submits as allowed were open. If not, a higher limit would be no better.
        """
        now = time.monotonic()
        if _is_setback(result, now - began):
            # The submits that were open at a setback tell nothing new.
            if self._shrunk_at is None or began > self._shrunk_at:
                self._limit, self._shrunk_at = max(1.0, self.limit / 2), now
        elif result.outcome == SubmitOutcome.ACCEPTED and is_used:
            growth = 1.0 if self._shrunk_at is None else 1 / self._limit
            self._limit = min(self._limit + growth, float(config.SUBMIT_CONCURRENCY))


def _is_setback(result: SubmitResult, seconds: float) -> bool:
    if result.outcome == SubmitOutcome.ACCEPTED:
        has_images = result.answer is not None and result.answer.is_final
        return seconds > SLOW_SECONDS and not has_images
    status = result.status_code or 0
    is_overload = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return is_overload or result.is_unreachable or result.outcome == SubmitOutcome.UNKNOWN
