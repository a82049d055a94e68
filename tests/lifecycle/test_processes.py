"""Real processes and real signals: SIGTERM loses no answer, SIGKILL sends nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.utils import timezone

from django_vton.models import DispatcherLease, Incident, PersonPhoto
from django_vton.models.states import State

from ..live_shop import MANAGE, database_url, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .harness import Harness


def worker_environment(harness: Harness) -> dict[str, str]:
    """For another process on this test's rows, files and gateway."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "VTON_PIXAZO_BASE_URL": harness.gateway.url,
    }


@contextmanager
def worker_process(harness: Harness, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py vton_worker` there."""
    command = [sys.executable, str(MANAGE), "vton_worker", *args]
    process = subprocess.Popen(command, env=worker_environment(harness))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("args", [(), ("--once",)], ids=["forever", "once"])
def test_sigterm_stores_the_results_of_running_submits(harness: Harness, args: tuple[str, ...]) -> None:
    harness.gateway.scenario(submit_seconds=1.0, times=None)
    rows = [harness.order(), harness.order()]
    with worker_process(harness, *args) as process:
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"] == 2, timeout=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    for row, entry in zip(rows, harness.gateway.ledger.entries, strict=True):
        harness.reload(row, State.SUBMITTED)
        assert row.attempts.get().vendor_id is not None, entry
    assert DispatcherLease.objects.get().lease_until <= timezone.now()


def test_sigkill_during_a_submit_sends_nothing_twice(harness: Harness) -> None:
    harness.gateway.scenario(submit_seconds=30, times=None)
    row = harness.order()
    with worker_process(harness) as process:
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"], timeout=30)
        process.kill()
        process.wait()
    harness.reload(row, State.SUBMITTING)

    # A minute later another process starts.
    harness.make_due(row)
    DispatcherLease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with worker_process(harness, "--once") as process:
        process.wait(30)
    row = harness.reload(row, State.UNKNOWN)
    assert harness.money_states(row) == ["held"]
    assert harness.post_count() == 1


def test_a_worker_without_a_queue_deletes_expired_photos_and_opens_incidents(harness: Harness) -> None:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    harness.make_due(row)
    harness.run_cycle()
    harness.set_posted(row, timedelta(minutes=5))
    harness.reload(row, State.FAILED, "outcome_unknown")
    photos = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN)
    assert photos.update(expires_at=timezone.now()) == 1
    with worker_process(harness):
        wait_until(lambda: not photos.exists(), "the photo is gone")
        assert Incident.objects.filter(name__startswith="unknown_outcome.").exists()
