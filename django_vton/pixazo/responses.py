"""What a call to the vendor results in: the outcome of a submit, and the errors of polls and downloads."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from .engine import Engine
from .parsing import BadPayload, VendorResponse, error_code, parse_error, parse_json, redact_text

MAX_RETRY_AFTER = 3600.0
"""Seconds."""

# The refusals on the vendor's pages. Each is decided before any rendering, so the status code is enough.
_REFUSALS = {400, 401, 402, 403, 404, 429}
# A proxy may also send these after the render has begun, so they count only with the vendor's own error body.
_REFUSALS_WITH_BODY = {500, 503}


class PollFailed(Exception):  # noqa: N818  it names what happened
    """A poll brought no usable response. Never final: even 404 can mean "not known yet"."""

    def __init__(
        self, error: str, *, status_code: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        """For staff: without URLs or key."""
        self.status_code = status_code
        """None if no response was received."""
        self.retry_after = retry_after
        """Seconds that the vendor asks us to wait, at most ``MAX_RETRY_AFTER``."""


class DownloadFailed(Exception):  # noqa: N818  named like PollFailed
    """A result image could not be downloaded."""

    def __init__(self, error: str, *, is_retryable: bool) -> None:
        super().__init__(error)
        self.error = error
        """For staff: without the URL."""
        self.is_retryable = is_retryable
        """Whether a later download of the same URL may succeed."""


class SubmitOutcome(StrEnum):
    """What is known about a submit afterwards."""

    ACCEPTED = "accepted"
    """The vendor accepted it, and we have the vendor's id."""
    NOT_SENT = "not_sent"
    """No byte of the request was sent, so it may be sent again."""
    REFUSED = "refused"
    """The vendor answered that it will not render. This is free."""
    UNKNOWN = "unknown"
    """It may have been rendered and charged. It must never be sent again automatically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResult:
    """The result of one submit."""

    outcome: SubmitOutcome
    answer: VendorResponse | None = None
    """Set if ACCEPTED; its status may be final already."""
    status_code: int | None = None
    """None if no response was received."""
    error: str = ""
    """For staff: without URLs or key. Begins with "HTTP nnn" if the vendor responded."""
    error_code: str | None = None
    """As :func:`~django_vton.pixazo.parsing.error_code`; set if, and only if, REFUSED."""
    retry_after: float | None = None
    """Seconds that the vendor asks us to wait, at most ``MAX_RETRY_AFTER``."""


def classify_response(
    engine: Engine, status_code: int, body: bytes | None, retry_after: float | None
) -> SubmitResult:
    """Classify the response to a submit. ``body`` is None if it was too long or could not be decoded."""
    payload = parse_body(body)
    text = parse_error(payload) if isinstance(payload, dict) else ""
    error = describe_response(status_code, text)
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        try:
            answer = parse_response(engine, payload)
        except BadPayload as problem:
            return SubmitResult(
                outcome=SubmitOutcome.UNKNOWN, status_code=status_code, error=f"{error}: {problem}"
            )
        return SubmitResult(outcome=SubmitOutcome.ACCEPTED, status_code=status_code, answer=answer)
    is_documented = status_code in _REFUSALS_WITH_BODY and text and "request_id" not in payload
    is_refused = status_code in _REFUSALS or is_documented
    return SubmitResult(
        outcome=SubmitOutcome.REFUSED if is_refused else SubmitOutcome.UNKNOWN,
        status_code=status_code,
        error=error,
        error_code=error_code(text) if is_refused else None,
        retry_after=retry_after,
    )


def parse_response(engine: Engine, payload: object) -> VendorResponse:
    """``engine.parse``, with every exception turned into BadPayload.

    This includes errors in a shop's own engine: a traceback must not lose the response to a paid request.
    """
    try:
        return engine.parse(payload)
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"{type(error).__name__} in {engine!r}") from error


def parse_body(body: bytes | None) -> Any:
    """The JSON of a response, or None."""
    try:
        return None if body is None else parse_json(body)
    except BadPayload:
        return None


def describe_response(status_code: int, text: str) -> str:
    """One line for staff about an unsuccessful response."""
    return f"HTTP {status_code}: {redact_text(text)}" if text else f"HTTP {status_code}"


def parse_retry_after(value: str | None) -> float | None:
    """The seconds in a Retry-After header (RFC 9110, 10.2.3), at most ``MAX_RETRY_AFTER``, or None."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER)
    except (ValueError, OverflowError):
        return None
