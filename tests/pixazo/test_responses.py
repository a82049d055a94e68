import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo import ENGINES, Fashn, SubmitOutcome, VendorResponse
from django_vton.pixazo.responses import classify_response, parse_retry_after

from . import payloads
from .test_parsing import json_values

FASHN = ENGINES["fashn-v1.6"]
QUEUED = payloads.FASHN_QUEUED.encode()
ERROR = b'{"error": "ContentModerationError"}'


@pytest.mark.parametrize(
    ("status_code", "body", "outcome"),
    [
        (202, QUEUED, SubmitOutcome.ACCEPTED),
        (200, payloads.GLASS_SUBMITTED.encode(), SubmitOutcome.ACCEPTED),
        (201, QUEUED, SubmitOutcome.ACCEPTED),
        (200, b'{"success": true}', SubmitOutcome.UNKNOWN),
        (200, ERROR, SubmitOutcome.UNKNOWN),
        (202, b"", SubmitOutcome.UNKNOWN),
        (202, b"[]", SubmitOutcome.UNKNOWN),
        (202, b"<html>", SubmitOutcome.UNKNOWN),
        (202, b"[" * 100_000, SubmitOutcome.UNKNOWN),
        (202, None, SubmitOutcome.UNKNOWN),
        (204, b"", SubmitOutcome.UNKNOWN),
        (301, QUEUED, SubmitOutcome.UNKNOWN),
        (307, b"", SubmitOutcome.UNKNOWN),
        *[(code, ERROR, SubmitOutcome.REFUSED) for code in (400, 401, 402, 403, 404, 429, 500, 503)],
        *[(code, b"", SubmitOutcome.REFUSED) for code in (400, 401, 402, 403, 404, 429)],
        *[(code, None, SubmitOutcome.REFUSED) for code in (400, 401, 402, 403, 404, 429)],
        *[(code, body.encode(), SubmitOutcome.REFUSED) for code, body in payloads.GLASS_ERRORS.items()],
        (402, payloads.FASHN_402.encode(), SubmitOutcome.REFUSED),
        (400, payloads.FASHN_400.encode(), SubmitOutcome.REFUSED),
        *[(code, ERROR, SubmitOutcome.UNKNOWN) for code in (408, 409, 418, 422, 501, 502, 504, 520)],
        (500, b"", SubmitOutcome.UNKNOWN),
        (500, b"<html>Server Error</html>", SubmitOutcome.UNKNOWN),
        (500, b'{"error": ""}', SubmitOutcome.UNKNOWN),
        (500, b'{"error": null}', SubmitOutcome.UNKNOWN),
        (500, b'["error"]', SubmitOutcome.UNKNOWN),
        (500, b'{"error": "late", "request_id": "a"}', SubmitOutcome.UNKNOWN),
        (503, None, SubmitOutcome.UNKNOWN),
    ],
)
def test_every_response_to_a_submit_has_one_outcome(
    status_code: int, body: bytes | None, outcome: SubmitOutcome
) -> None:
    submission = classify_response(FASHN, status_code, body, None)
    assert submission.outcome is outcome
    assert submission.status_code == status_code
    assert (submission.answer is not None) == (outcome is SubmitOutcome.ACCEPTED)
    assert (submission.error_code is not None) == (outcome is SubmitOutcome.REFUSED)
    assert submission.error.startswith(f"HTTP {status_code}") or outcome is SubmitOutcome.ACCEPTED


def test_a_refusal_keeps_its_reason() -> None:
    submission = classify_response(FASHN, 402, payloads.FASHN_402.encode(), 30.0)
    assert submission.error == "HTTP 402: Insufficient Balance: Your wallet does not have enough balance."
    assert (submission.error_code, submission.retry_after) == ("vendor", 30.0)
    assert classify_response(FASHN, 400, ERROR, None).error_code == "moderated"


def test_the_response_to_a_submit_may_already_contain_the_result() -> None:
    submission = classify_response(FASHN, 200, payloads.FASHN_COMPLETED.encode(), None)
    assert submission.outcome is SubmitOutcome.ACCEPTED
    assert submission.answer is not None
    assert submission.answer.is_final
    assert len(submission.answer.images) == 1


def test_an_error_in_a_shops_engine_does_not_lose_a_paid_request() -> None:
    class Broken(Fashn):
        def parse(self, payload: object, vendor_id: str | None = None) -> VendorResponse:
            raise KeyError("https://secret.example/CANARY")

    submission = classify_response(Broken(), 202, QUEUED, None)
    assert submission.outcome is SubmitOutcome.UNKNOWN
    assert submission.error == "HTTP 202: KeyError in <Broken fashn-v1.6>"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("99999999999999999999", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_as_a_date_counts_from_now() -> None:
    seconds = parse_retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True))
    assert seconds is not None
    assert 500 < seconds <= 600


@given(
    st.integers(100, 599), st.binary() | json_values.map(lambda value: json.dumps(value).encode()), st.text()
)
def test_no_response_makes_the_classification_raise(status_code: int, body: bytes, retry_after: str) -> None:
    submission = classify_response(FASHN, status_code, body, parse_retry_after(retry_after))
    assert submission.outcome is not SubmitOutcome.NOT_SENT
