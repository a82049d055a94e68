"""500 and 503 to several try-ons are the engine's errors: it pauses, and no try-on fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton.gateway import backoff, circuit_breaker
from django_vton.gateway.backoff import MAX_SERVER_ERRORS
from django_vton.models import Attempt, GatewayState, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.worker import claims

from .harness import PAST

if TYPE_CHECKING:
    from .harness import Harness

GLASS = "glass-v1"


def breaker(engine: str = GLASS) -> str:
    return str(GatewayState.objects.get(pk=engine).breaker)


def test_announced_maintenance_stops_the_engine_and_fails_no_try_on(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=503, retry_after=300, times=None)
    rows = [harness.order() for _ in range(3)]
    TryOnRequest.objects.exclude(pk=rows[0].pk).update(due_at=None)
    harness.run_cycle()
    assert breaker() == "503"
    TryOnRequest.objects.update(due_at=timezone.now() + PAST)
    harness.run_cycle()
    assert harness.post_count() == 1, "the others wait as well"
    assert not claims.has_work()
    until = GatewayState.objects.get(pk=GLASS).wait_until
    assert until is not None
    assert until > timezone.now() + timedelta(seconds=290)

    for posts in range(2, 2 * MAX_SERVER_ERRORS):
        harness.run_due_cycle()
        assert harness.post_count() == posts, "one trial at a time"
    for row in rows:
        harness.reload(row, State.QUEUED)

    harness.gateway.reset()
    harness.run_due_cycle()
    harness.run_due_cycle()
    assert (harness.post_count(), breaker()) == (len(rows), ""), "all are accepted"


def test_a_probe_does_not_end_announced_maintenance(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=503, retry_after=1200)
    harness.order()
    harness.run_cycle()
    GatewayState.objects.update(refused_at=timezone.now() - timedelta(minutes=6))
    circuit_breaker.record_probe(GLASS, 404)
    assert breaker() == "503"
    harness.end_gateway_pause()
    circuit_breaker.record_probe(GLASS, 404)
    assert breaker() == ""


@pytest.mark.parametrize("is_html", [False, True])
def test_500_to_three_try_ons_in_a_row_stops_the_engine(
    harness: Harness, is_html: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.gateway.scenario(submit_status=500, submit_html=is_html, times=None)
    rows = [harness.order() for _ in range(5)]
    TryOnRequest.objects.filter(pk__in=[row.pk for row in rows[3:]]).update(due_at=None)
    harness.run_cycle()
    assert (harness.post_count(), breaker()) == (3, "500")
    TryOnRequest.objects.filter(state=State.QUEUED).update(due_at=timezone.now() + PAST)
    harness.run_cycle()
    assert harness.post_count() == 3, "the others wait as well"

    if is_html:
        harness.run_due_cycle()
        harness.gateway.reset()
        assert Attempt.objects.filter(outcome="unknown").count() == 4, "one trial"
    else:
        monkeypatch.setattr(backoff, "MAX_SERVER_ERRORS", 2)
        for posts in range(4, 10):
            harness.run_due_cycle()
            assert harness.post_count() == posts, "one trial at a time"
        for row in rows:
            harness.reload(row, State.QUEUED)
        harness.gateway.reset()
    harness.run_due_cycle()
    assert breaker() == ""


def test_503_never_fails_a_try_on(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=503, times=None)
    row = harness.order()
    for _ in range(MAX_SERVER_ERRORS + 1):
        harness.run_due_cycle()
    harness.reload(row, State.QUEUED)


def test_no_try_on_fails_while_its_engine_is_stopped(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=503, retry_after=60)
    harness.gateway.scenario(submit_status=500, times=None)
    row = harness.order()
    for _ in range(MAX_SERVER_ERRORS + 1):
        harness.run_due_cycle()
    harness.reload(row, State.QUEUED)
    assert (harness.post_count(), breaker()) == (MAX_SERVER_ERRORS + 1, "503")


def test_a_long_pause_keeps_no_worker_busy(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    TryOnRequest.objects.update(due_at=timezone.now() + PAST)
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=429, retry_after=50)
    circuit_breaker.record_refused(attempt, refusal)
    assert claims.has_work(), "it ends soon"
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=429, retry_after=600)
    circuit_breaker.record_refused(attempt, refusal)
    assert not claims.has_work()
