"""The results of calls to the vendor: outcomes of submits, and errors of polls and downloads."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus

from .engine import Engine
from .parsing import BadPayload, VendorResponse, error_code, parse_json, redact_text

MAX_RETRY_AFTER = 3600.0
"""The longest delay in seconds that is taken from a Retry-After header."""

RATE_LIMIT_SECONDS = 60.0
"""The pause after a poll that is answered with 429 without a Retry-After."""

# The vendor documents these refusals. Each is decided before rendering, so the status code is enough.
_REFUSALS = {400, 401, 402, 403, 404, 429}
# A proxy can also send these after rendering has begun, so they count only with the vendor's error body.
_REFUSALS_WITH_BODY = {500, 503}


class PollFailed(Exception):  # noqa: N818  It names what happened.
    """A poll returned no usable response. The render can still succeed: 404 can mean "not known yet"."""

    def __init__(
        self, error: str, *, status_code: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        """The error for staff, without URLs or the key."""
        self.status_code = status_code
        """The HTTP status; None if no response was received."""
        is_rate_limited = status_code == HTTPStatus.TOO_MANY_REQUESTS
        self.retry_after = retry_after or (RATE_LIMIT_SECONDS if is_rate_limited else None)
        """The seconds that the vendor asks us to wait, at most `MAX_RETRY_AFTER`; None if it does not ask."""


class DownloadFailed(Exception):  # noqa: N818  It is named like PollFailed.
    """A result image could not be downloaded."""

    def __init__(self, error: str, *, is_retryable: bool, status_code: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        """The error for staff, without the URL."""
        self.status_code = status_code
        """The HTTP status, if it is the error."""
        self.is_retryable = is_retryable
        """Whether a later download of the same URL can succeed."""


class SubmitOutcome(StrEnum):
    """What is known about a render after its submit."""

    ACCEPTED = "accepted"
    """The vendor accepted the render and returned its id."""
    NOT_SENT = "not_sent"
    """No byte of the request was sent, so it may be sent again."""
    REFUSED = "refused"
    """The vendor refused to render, which costs nothing."""
    UNKNOWN = "unknown"
    """The render might have been charged, so it must never be sent again automatically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResult:
    """The result of one submit."""

    outcome: SubmitOutcome
    answer: VendorResponse | None = None
    """Set if ACCEPTED. Its status can be final already."""
    status_code: int | None = None
    """The HTTP status, or the one for which a code in the response stands; None without a response."""
    error: str = ""
    """The error for staff, without URLs or the key. Begins with "HTTP nnn" if the vendor responded."""
    error_code: str | None = None
    """A code from `parsing.error_code`, set if REFUSED; or why an image that is NOT_SENT never can be."""
    retry_after: float | None = None
    """The seconds that the vendor asks us to wait, at most `MAX_RETRY_AFTER`."""
    is_unreachable: bool = False
    """Whether no connection could be made. Only NOT_SENT can have another cause, an error of the shop."""


def classify_response(
    engine: Engine, status_code: int, body: bytes | None, retry_after: float | None
) -> SubmitResult:
    """Classify the response to a submit. `body` is None if it was too long or could not be decoded."""
    payload = parse_json(body)
    text = engine.parse_error(payload)
    error = describe_response(status_code, text)
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        try:
            answer = parse_response(engine, payload)
        except BadPayload as problem:
            if refusal_status := engine.refusal_status(payload):
                return SubmitResult(
                    outcome=SubmitOutcome.REFUSED,
                    status_code=refusal_status,
                    error=error,
                    error_code=error_code(text),
                    retry_after=retry_after,
                )
            return SubmitResult(
                outcome=SubmitOutcome.UNKNOWN, status_code=status_code, error=f"{error}: {problem}"
            )
        return SubmitResult(outcome=SubmitOutcome.ACCEPTED, status_code=status_code, answer=answer)
    is_documented = status_code in _REFUSALS_WITH_BODY and text and not engine.names_render(payload)
    is_refused = status_code in _REFUSALS or is_documented
    return SubmitResult(
        outcome=SubmitOutcome.REFUSED if is_refused else SubmitOutcome.UNKNOWN,
        status_code=status_code,
        error=error,
        error_code=error_code(text) if is_refused else None,
        retry_after=retry_after,
    )


def parse_response(engine: Engine, payload: object, vendor_id: str | None = None) -> VendorResponse:
    """Return `engine.parse(...)`. Raise `BadPayload` for any exception, even from an error in the engine.

    An exception from a shop's own engine must not lose the response to a paid request.
    """
    try:
        return engine.parse(payload, vendor_id)
    except BadPayload:
        raise
    except Exception as error:
        raise BadPayload(f"{type(error).__name__} in {engine!r}") from error


def describe_response(status_code: int, text: str) -> str:
    """Describe an unsuccessful response in one line for staff."""
    return f"HTTP {status_code}: {redact_text(text)}" if text else f"HTTP {status_code}"


def parse_retry_after(value: str | None) -> float | None:
    """Return a Retry-After header's delay in seconds, up to `MAX_RETRY_AFTER`; None if it is invalid."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER)
    except (ValueError, OverflowError):
        return None
