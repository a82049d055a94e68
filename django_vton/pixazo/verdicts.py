"""What becomes of a call to the vendor: the verdict on a submit, and the failures of asks and fetches."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from .engine import Engine
from .parsing import Answer, BadPayload, error_code, parse_json, read_error, redact_text

MAX_RETRY_AFTER = 3600.0

# The refusals that the vendor's pages name; each is decided before any rendering, so the status alone will
# do.
_REFUSALS = {400, 401, 402, 403, 404, 429}
# These may also come from a proxy after the render has begun, so they count only with the vendor's own body.
_REFUSALS_WITH_BODY = {500, 503}


class PollFailed(Exception):  # noqa: N818  it names what happened, as the verdicts do
    """An ask without a readable answer. Never final: 404, too, may mean "not yet known"."""

    def __init__(
        self, error: str, *, status_code: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        """For staff: without links or key."""
        self.status_code = status_code
        """None where no answer was read."""
        self.retry_after = retry_after
        """Seconds the vendor asks us to wait, at most ``MAX_RETRY_AFTER``."""


class DownloadFailed(Exception):  # noqa: N818  as PollFailed
    """A result that was not fetched."""

    def __init__(self, error: str, *, retryable: bool) -> None:
        super().__init__(error)
        self.error = error
        """For staff: without the link."""
        self.retryable = retryable
        """Whether fetching the same link later may do."""


class Verdict(StrEnum):
    """The four ends of a submit."""

    ACCEPTED = "accepted"
    """The vendor has it, and we have the vendor's id."""
    NOT_SENT = "not_sent"
    """No byte of the request left; it may be sent again."""
    REFUSED = "refused"
    """The vendor has answered that it will not render; counted as free."""
    UNKNOWN = "unknown"
    """It may be rendered and charged: never to be sent again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The end of one submit."""

    verdict: Verdict
    answer: Answer | None = None
    """Where ACCEPTED; may be final already."""
    status_code: int | None = None
    """None where no answer was read."""
    error: str = ""
    """For staff: without links or key. Begins with "HTTP nnn" where the vendor answered."""
    error_code: str | None = None
    """As :func:`~django_vton.pixazo.parsing.error_code`; set where REFUSED, and only there."""
    retry_after: float | None = None
    """Seconds the vendor asks us to wait, at most ``MAX_RETRY_AFTER``."""


def sort_answer(
    engine: Engine, status_code: int, body: bytes | None, retry_after: float | None
) -> Submission:
    """Sort a submit that was answered. ``body`` is None where it was too long or broke off."""
    payload = read_body(body)
    text = read_error(payload) if isinstance(payload, dict) else ""
    error = describe(status_code, text)
    if HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES:
        try:
            answer = read_answer(engine, payload)
        except BadPayload as trouble:
            return Submission(verdict=Verdict.UNKNOWN, status_code=status_code, error=f"{error}: {trouble}")
        return Submission(verdict=Verdict.ACCEPTED, status_code=status_code, answer=answer)
    documented = status_code in _REFUSALS_WITH_BODY and text and "request_id" not in payload
    verdict = Verdict.REFUSED if status_code in _REFUSALS or documented else Verdict.UNKNOWN
    return Submission(
        verdict=verdict,
        status_code=status_code,
        error=error,
        error_code=error_code(text) if verdict is Verdict.REFUSED else None,
        retry_after=retry_after,
    )


def read_answer(engine: Engine, payload: object) -> Answer:
    """``engine.read``, whose every exception becomes a BadPayload.

    Also a mistake in a shop's own engine: the answer to a paid request must not be lost in a traceback.
    """
    try:
        return engine.read(payload)
    except BadPayload:
        raise
    except Exception as trouble:
        raise BadPayload(f"{type(trouble).__name__} in {engine!r}") from trouble


def read_body(body: bytes | None) -> Any:
    """The JSON of an answer, or None."""
    try:
        return None if body is None else parse_json(body)
    except BadPayload:
        return None


def describe(status_code: int, text: str) -> str:
    """One line for staff about an answer that is not a success."""
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
