"""How many submits are open: the width grows with quick answers and shrinks at setbacks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.worker.submit_width import SLOW_SECONDS, START, SubmitWidth

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


def record(width: SubmitWidth, result: SubmitResult, number: int = 1, seconds: float = 0.1) -> None:
    for _ in range(number):
        width.record(result, time.monotonic() - seconds, is_used=True)


def test_quick_answers_open_the_width_up_to_the_setting(vton: Vton) -> None:
    width = SubmitWidth()
    assert width.limit == START
    record(width, ACCEPTED, 3)
    assert width.limit == START + 3
    record(width, ACCEPTED, 100)
    assert width.limit == 16
    vton(SUBMIT_CONCURRENCY=3)
    assert width.limit == 3


@pytest.mark.parametrize("name", SETBACKS)
def test_a_setback_halves_the_width_which_then_grows_slowly(name: str) -> None:
    width = SubmitWidth()
    record(width, ACCEPTED, 100)
    record(width, SETBACKS[name])
    assert width.limit == 8
    record(width, ACCEPTED, 7, seconds=0)
    assert width.limit == 8
    record(width, ACCEPTED, 2, seconds=0)
    assert width.limit == 9


def test_a_slow_answer_is_a_setback() -> None:
    width = SubmitWidth()
    record(width, ACCEPTED, seconds=SLOW_SECONDS + 1)
    assert width.limit == START / 2


def test_submits_that_were_open_at_a_setback_shrink_the_width_once() -> None:
    width = SubmitWidth()
    record(width, SETBACKS["429"], START)
    assert width.limit == START / 2
    record(width, SETBACKS["429"], seconds=0)
    assert width.limit == START / 4
    record(width, SETBACKS["429"], seconds=0)
    assert width.limit == 1, "one is always allowed"


def test_an_unused_width_does_not_grow() -> None:
    width = SubmitWidth()
    width.record(ACCEPTED, time.monotonic(), is_used=False)
    assert width.limit == START


def test_a_refusal_of_one_photo_tells_nothing_about_the_vendor() -> None:
    width = SubmitWidth()
    record(width, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400))
    record(width, SubmitResult(outcome=SubmitOutcome.NOT_SENT, error_code="photo_gone"))
    assert width.limit == START
