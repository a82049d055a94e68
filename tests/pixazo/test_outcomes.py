import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_vton.pixazo import ENGINES, Answer, Fashn, Verdict
from django_vton.pixazo.verdicts import parse_retry_after, sort_answer

from . import payloads
from .test_wire import json_values

FASHN = ENGINES["fashn-v1.6"]
QUEUED = payloads.FASHN_QUEUED.encode()
ERROR = b'{"error": "ContentModerationError"}'


@pytest.mark.parametrize(
    ("status_code", "body", "verdict"),
    [
        (202, QUEUED, Verdict.ACCEPTED),
        (200, payloads.GLASS_SUBMITTED.encode(), Verdict.ACCEPTED),
        (201, QUEUED, Verdict.ACCEPTED),
        (200, b'{"success": true}', Verdict.UNKNOWN),
        (200, ERROR, Verdict.UNKNOWN),
        (202, b"", Verdict.UNKNOWN),
        (202, b"[]", Verdict.UNKNOWN),
        (202, b"<html>", Verdict.UNKNOWN),
        (202, b"[" * 100_000, Verdict.UNKNOWN),
        (202, None, Verdict.UNKNOWN),
        (204, b"", Verdict.UNKNOWN),
        (301, QUEUED, Verdict.UNKNOWN),
        (307, b"", Verdict.UNKNOWN),
        *[(code, ERROR, Verdict.REFUSED) for code in (400, 401, 402, 403, 404, 429, 500, 503)],
        *[(code, b"", Verdict.REFUSED) for code in (400, 401, 402, 403, 404, 429)],
        *[(code, None, Verdict.REFUSED) for code in (400, 401, 402, 403, 404, 429)],
        *[(code, body.encode(), Verdict.REFUSED) for code, body in payloads.GLASS_ERRORS.items()],
        (402, payloads.FASHN_402.encode(), Verdict.REFUSED),
        (400, payloads.FASHN_400.encode(), Verdict.REFUSED),
        *[(code, ERROR, Verdict.UNKNOWN) for code in (408, 409, 418, 422, 501, 502, 504, 520)],
        (500, b"", Verdict.UNKNOWN),
        (500, b"<html>Server Error</html>", Verdict.UNKNOWN),
        (500, b'{"error": ""}', Verdict.UNKNOWN),
        (500, b'{"error": null}', Verdict.UNKNOWN),
        (500, b'["error"]', Verdict.UNKNOWN),
        (500, b'{"error": "late", "request_id": "a"}', Verdict.UNKNOWN),
        (503, None, Verdict.UNKNOWN),
    ],
)
def test_every_answer_to_a_submit_has_one_verdict(
    status_code: int, body: bytes | None, verdict: Verdict
) -> None:
    submission = sort_answer(FASHN, status_code, body, None)
    assert submission.verdict is verdict
    assert submission.status_code == status_code
    assert (submission.answer is not None) == (verdict is Verdict.ACCEPTED)
    assert (submission.error_code is not None) == (verdict is Verdict.REFUSED)
    assert submission.error.startswith(f"HTTP {status_code}") or verdict is Verdict.ACCEPTED


def test_a_refusal_keeps_its_reason() -> None:
    submission = sort_answer(FASHN, 402, payloads.FASHN_402.encode(), 30.0)
    assert submission.error == "HTTP 402: Insufficient Balance: Your wallet does not have enough balance."
    assert (submission.error_code, submission.retry_after) == ("vendor", 30.0)
    assert sort_answer(FASHN, 400, ERROR, None).error_code == "moderated"


def test_a_submit_may_be_answered_with_the_result() -> None:
    submission = sort_answer(FASHN, 200, payloads.FASHN_COMPLETED.encode(), None)
    assert submission.verdict is Verdict.ACCEPTED
    assert submission.answer is not None
    assert submission.answer.final
    assert len(submission.answer.images) == 1


def test_a_mistake_in_a_shops_engine_loses_no_paid_request() -> None:
    class Broken(Fashn):
        def read(self, payload: object) -> Answer:
            raise KeyError("https://secret.example/CANARY")

    submission = sort_answer(Broken(), 202, QUEUED, None)
    assert submission.verdict is Verdict.UNKNOWN
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
def test_no_answer_makes_the_sorting_raise(status_code: int, body: bytes, retry_after: str) -> None:
    submission = sort_answer(FASHN, status_code, body, parse_retry_after(retry_after))
    assert submission.verdict is not Verdict.NOT_SENT
