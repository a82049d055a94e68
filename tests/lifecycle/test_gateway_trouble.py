"""429 slows all submits of an engine, 401, 402 and 403 stop them, and one trial at a time finds the end."""

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
from django_vton.pixazo import Submission, Verdict

if TYPE_CHECKING:
    from pytest_django import Settings

    from ..conftest import Vton
    from .desk import Desk

GLASS = "glass-v1"


@pytest.fixture(autouse=True)
def _staff(vton: Vton) -> None:
    vton(NOTIFY=["owner@shop.example"])


def mails() -> list[str]:
    """All so far, after the minute's look."""
    tasks.wake()
    for thread in threading.enumerate():
        if thread.name == notify.THREAD:
            thread.join()
    return [str(message.subject) for message in mail.outbox]


def waits() -> float:
    """Seconds until the next submit of glasses."""
    until = GatewayState.objects.get(pk=GLASS).wait_until
    assert until is not None
    return (until - timezone.now()).total_seconds()


def let_rows_go() -> None:
    TryOnRequest.objects.filter(state=State.QUEUED).update(due_at=timezone.now() - timedelta(seconds=1))


def test_429_with_retry_after_slows_all(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=429, retry_after=1200)
    row = desk.ask()
    desk.look()
    assert 1190 < waits() <= 1200
    row = desk.reload(row, State.QUEUED)
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=1190)

    other = desk.ask()
    let_rows_go()
    desk.look()
    desk.reload(other, State.QUEUED)
    assert desk.posts() == 1

    desk.gateway_waits_no_more()
    desk.look()
    desk.reload(other, State.SUBMITTED)
    desk.reload(row, State.SUBMITTED)
    assert GatewayState.objects.filter(pk=GLASS, wait_until=None, failures=0, breaker="").exists()
    assert mails() == []


def test_429_without_retry_after_waits_longer_each_time_and_fails_nobody(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=429, times=None)
    row = desk.ask()
    for number in range(1, 13):
        desk.look()
        assert 0.5 * min(300, 2**number) - 1 < waits() <= 1.5 * min(300, 2**number)
        row = desk.reload(row, State.QUEUED)
        desk.gateway_waits_no_more()
        let_rows_go()
    assert desk.posts() == 12


def test_a_shorter_wait_shortens_nothing(desk: Desk) -> None:
    attempt = desk.ask().attempts.get()
    for seconds in (600.0, 5.0):
        circuit_breaker.refused(
            attempt, Submission(verdict=Verdict.REFUSED, status_code=429, retry_after=seconds)
        )
    assert waits() > 590


def test_an_acceptance_from_before_the_trouble_ends_nothing(desk: Desk) -> None:
    attempt = desk.ask().attempts.get()
    posted_at = timezone.now()
    circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=402))
    circuit_breaker.accepted(GLASS, posted_at)
    assert GatewayState.objects.get(pk=GLASS).breaker == "402"
    assert len(mails()) == 1
    circuit_breaker.accepted(GLASS, timezone.now())
    assert GatewayState.objects.get(pk=GLASS).breaker == ""
    assert len(mails()) == 1


@pytest.mark.parametrize("status", [401, 402, 403])
def test_the_breaker_opens_once_and_a_trial_closes_it(desk: Desk, status: int) -> None:
    desk.gateway.scenario(submit_status=status, times=3)
    rows = [desk.ask() for _ in range(3)]
    TryOnRequest.objects.exclude(pk=rows[0].pk).update(due_at=None)
    desk.look()
    assert GatewayState.objects.get(pk=GLASS).breaker == str(status)
    let_rows_go()
    desk.look()
    assert desk.posts() == 1, "queued rows wait"
    assert len(mails()) == 1

    for posts in (2, 3):
        desk.gateway_waits_no_more()
        let_rows_go()
        desk.look()
        assert desk.posts() == posts, "one trial an interval"
        assert waits() > 50
    assert len(mails()) == 1

    desk.gateway_waits_no_more()
    let_rows_go()
    desk.look()
    assert desk.posts() == 4
    assert GatewayState.objects.get(pk=GLASS).breaker == ""
    let_rows_go()
    desk.look()
    assert desk.posts() == 6
    assert desk.charged() == 900_000
    for row in rows:
        desk.reload(row, State.SUBMITTED)
    assert len(mails()) == 1
    assert not Incident.objects.exists()


def test_the_next_look_has_no_second_trial(desk: Desk) -> None:
    attempt = desk.ask().attempts.get()
    circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=401))
    desk.gateway_waits_no_more()
    now = timezone.now()
    assert [
        circuit_breaker.allowance(GLASS, now, 5).places,
        circuit_breaker.allowance(GLASS, now, 5).places,
    ] == [
        1,
        0,
    ]


def test_the_other_engine_goes_on(desk: Desk) -> None:
    attempt = desk.ask().attempts.get()
    circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=401))
    assert circuit_breaker.allowance("fashn-v1.6", timezone.now(), 4) == (4, False)


def test_refusals_of_another_kind_do_not_count_against_a_try_on(desk: Desk) -> None:
    row = desk.ask()
    first = row.attempts.get()
    Attempt.objects.filter(pk=first.pk).update(http_status=429)
    attempt = Attempt(request=row, number=50, engine=GLASS)
    assert circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=500)) is not None
    assert circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=404)) is None


def test_mail_that_fails_stops_nothing(
    desk: Desk, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": smtp, "OPTIONS": {"host": "127.0.0.1", "port": 1}}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = smtp, "127.0.0.1", 1
    desk.gateway.scenario(submit_status=402)
    row = desk.ask()
    desk.look()
    desk.reload(row, State.QUEUED)
    mails()
    assert "could not be sent" in caplog.text
