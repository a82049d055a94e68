"""How many submits are open: the limit grows with quick answers and shrinks at setbacks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.worker.submit_concurrency import SLOW_SECONDS, START, SubmitConcurrency

if TYPE_CHECKING:
    from ..conftest import Vton

ACCEPTED = SubmitResult(outcome=SubmitOutcome.ACCEPTED, status_code=200)
SETBACKS = {
    "429": SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=429),
    "500": SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=500),
    "502": SubmitResult(outcome=SubmitOutcome.UNKNOWN, status_code=502),
    "no answer": SubmitResult(outcome=SubmitOutcome.UNKNOWN),
    "unreachable": SubmitResult(outcome=SubmitOutcome.NOT_SENT, is_unreachable=True),
}


def record(
    concurrency: SubmitConcurrency, result: SubmitResult, number: int = 1, seconds: float = 0.1
) -> None:
    for _ in range(number):
        concurrency.record(result, time.monotonic() - seconds, is_used=True)


def test_quick_answers_raise_the_limit_up_to_the_setting(vton: Vton) -> None:
    concurrency = SubmitConcurrency()
    assert concurrency.limit == START
    record(concurrency, ACCEPTED, 3)
    assert concurrency.limit == START + 3
    record(concurrency, ACCEPTED, 100)
    assert concurrency.limit == 16
    vton(SUBMIT_CONCURRENCY=3)
    assert concurrency.limit == 3


@pytest.mark.parametrize("name", SETBACKS)
def test_a_setback_halves_the_limit_which_then_grows_slowly(name: str) -> None:
    concurrency = SubmitConcurrency()
    record(concurrency, ACCEPTED, 100)
    record(concurrency, SETBACKS[name])
    assert concurrency.limit == 8
    record(concurrency, ACCEPTED, 7, seconds=0)
    assert concurrency.limit == 8
    record(concurrency, ACCEPTED, 2, seconds=0)
    assert concurrency.limit == 9


def test_a_slow_answer_is_a_setback() -> None:
    concurrency = SubmitConcurrency()
    record(concurrency, ACCEPTED, seconds=SLOW_SECONDS + 1)
    assert concurrency.limit == START / 2


def test_submits_that_were_open_at_a_setback_shrink_the_limit_once() -> None:
    concurrency = SubmitConcurrency()
    record(concurrency, SETBACKS["429"], START)
    assert concurrency.limit == START / 2
    record(concurrency, SETBACKS["429"], seconds=0)
    assert concurrency.limit == START / 4
    record(concurrency, SETBACKS["429"], seconds=0)
    assert concurrency.limit == 1, "one is always allowed"


def test_an_unused_limit_does_not_grow() -> None:
    concurrency = SubmitConcurrency()
    concurrency.record(ACCEPTED, time.monotonic(), is_used=False)
    assert concurrency.limit == START


def test_a_refusal_of_one_photo_tells_nothing_about_the_vendor() -> None:
    concurrency = SubmitConcurrency()
    record(concurrency, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400))
    record(concurrency, SubmitResult(outcome=SubmitOutcome.NOT_SENT, error_code="photo_gone"))
    assert concurrency.limit == START
