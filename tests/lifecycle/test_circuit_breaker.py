"""429 delays all submits to an engine; 401, 402 and 403 stop them until a trial submit is accepted."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import django
import pytest
from django.core import mail
from django.utils import timezone

from django_vton import tasks
from django_vton.gateway import circuit_breaker
from django_vton.models import Attempt, GatewayState, Incident, TryOnRequest
from django_vton.models.states import State
from django_vton.monitoring import mail as notify
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.utils import clock

if TYPE_CHECKING:
    from pytest_django import Settings

    from ..conftest import Vton
    from .harness import Harness

GLASS = "glass-v1"


@pytest.fixture(autouse=True)
def _staff(vton: Vton) -> None:
    vton(NOTIFY=["owner@shop.example"])


def mail_subjects() -> list[str]:
    """The subjects of all mails so far, after the schedule has run."""
    tasks.wake()
    for thread in threading.enumerate():
        if thread.name == notify.THREAD_NAME:
            thread.join()
    return [str(message.subject) for message in mail.outbox]


def seconds_to_next_submit() -> float:
    """Seconds until the next submit of glasses."""
    until = GatewayState.objects.get(pk=GLASS).wait_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


def make_queued_rows_due() -> None:
    TryOnRequest.objects.filter(state=State.QUEUED).update(due_at=timezone.now() - timedelta(seconds=1))


def test_429_with_retry_after_delays_all_submits(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=429, retry_after=1200)
    row = harness.order()
    harness.run_cycle()
    assert 1190 < seconds_to_next_submit() <= 1200
    row = harness.reload(row, State.QUEUED)
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=1190)

    other = harness.order()
    make_queued_rows_due()
    harness.run_cycle()
    harness.reload(other, State.QUEUED)
    assert harness.post_count() == 1

    harness.end_gateway_pause()
    harness.run_cycle()
    harness.reload(other, State.SUBMITTED)
    harness.reload(row, State.SUBMITTED)
    assert GatewayState.objects.filter(pk=GLASS, wait_until=None, failures=0, breaker="").exists()
    assert mail_subjects() == []


def test_429_without_retry_after_doubles_the_delay_and_fails_no_try_on(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=429, times=None)
    row = harness.order()
    for number in range(1, 13):
        harness.run_cycle()
        assert 0.5 * min(300, 2**number) - 1 < seconds_to_next_submit() <= 1.5 * min(300, 2**number)
        row = harness.reload(row, State.QUEUED)
        harness.end_gateway_pause()
        make_queued_rows_due()
    assert harness.post_count() == 12


def test_a_shorter_retry_after_does_not_shorten_the_delay(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    for seconds in (600.0, 5.0):
        circuit_breaker.record_refused(
            attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=429, retry_after=seconds)
        )
    assert seconds_to_next_submit() > 590


def test_a_submit_sent_before_the_refusal_does_not_close_the_breaker(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    posted_at = clock.now()
    circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=402))
    circuit_breaker.record_accepted(GLASS, posted_at)
    assert GatewayState.objects.get(pk=GLASS).breaker == "402"
    assert len(mail_subjects()) == 1
    circuit_breaker.record_accepted(GLASS, clock.now())
    assert GatewayState.objects.get(pk=GLASS).breaker == ""
    assert len(mail_subjects()) == 1


@pytest.mark.parametrize("status", [401, 402, 403])
def test_the_breaker_opens_once_and_an_accepted_trial_closes_it(harness: Harness, status: int) -> None:
    harness.gateway.scenario(submit_status=status, times=3)
    rows = [harness.order() for _ in range(3)]
    TryOnRequest.objects.exclude(pk=rows[0].pk).update(due_at=None)
    harness.run_cycle()
    assert GatewayState.objects.get(pk=GLASS).breaker == str(status)
    make_queued_rows_due()
    harness.run_cycle()
    assert harness.post_count() == 1, "queued rows wait"
    assert len(mail_subjects()) == 1

    for posts in (2, 3):
        harness.end_gateway_pause()
        make_queued_rows_due()
        harness.run_cycle()
        assert harness.post_count() == posts, "one trial an interval"
        assert seconds_to_next_submit() > 50
    assert len(mail_subjects()) == 1

    harness.end_gateway_pause()
    make_queued_rows_due()
    harness.run_cycle()
    assert harness.post_count() == 4
    assert GatewayState.objects.get(pk=GLASS).breaker == ""
    make_queued_rows_due()
    harness.run_cycle()
    assert harness.post_count() == 6
    assert harness.charged() == 900_000
    for row in rows:
        harness.reload(row, State.SUBMITTED)
    assert len(mail_subjects()) == 1
    assert not Incident.objects.exists()


def test_the_next_cycle_gets_no_second_trial(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=401))
    harness.end_gateway_pause()
    now = timezone.now()
    cycles = [circuit_breaker.allowance(circuit_breaker.states()[GLASS], now, 5) for _ in range(2)]
    assert [allowance.capacity for allowance in cycles] == [1, 0]


def test_an_open_breaker_does_not_stop_the_other_engine(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=401))
    state = circuit_breaker.states().get("fashn-v1.6")
    assert circuit_breaker.allowance(state, timezone.now(), 4) == (4, False)


def test_only_server_errors_count_against_a_try_on(harness: Harness) -> None:
    row = harness.order()
    first = row.attempts.get()
    Attempt.objects.filter(pk=first.pk).update(http_status=429)
    attempt = Attempt(request=row, number=50, engine=GLASS)
    assert (
        circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=500))
        is not None
    )
    assert (
        circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=404))
        is None
    )


def test_an_email_that_cannot_be_sent_is_logged(
    harness: Harness, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": smtp, "OPTIONS": {"host": "127.0.0.1", "port": 1}}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = smtp, "127.0.0.1", 1
    harness.gateway.scenario(submit_status=402)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    mail_subjects()
    assert "could not be sent" in caplog.text
