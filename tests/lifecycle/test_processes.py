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

from ..running import MANAGE, database_url, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .desk import Desk


def environment(desk: Desk) -> dict[str, str]:
    """For another process on this test's rows, files and gateway."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "VTON_PIXAZO_BASE_URL": desk.gateway.url,
    }


@contextmanager
def pump(desk: Desk, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py vton_worker` there."""
    command = [sys.executable, str(MANAGE), "vton_worker", *args]
    process = subprocess.Popen(command, env=environment(desk))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("args", [(), ("--once",)], ids=["forever", "once"])
def test_sigterm_stores_the_answers_in_flight(desk: Desk, args: tuple[str, ...]) -> None:
    desk.gateway.scenario(submit_seconds=1.0, times=None)
    rows = [desk.ask(), desk.ask()]
    with pump(desk, *args) as process:
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"] == 2, timeout=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    for row, entry in zip(rows, desk.gateway.ledger.entries, strict=True):
        desk.reload(row, State.SUBMITTED)
        assert row.attempts.get().vendor_id is not None, entry
    assert DispatcherLease.objects.get().lease_until <= timezone.now()


def test_sigkill_in_the_middle_of_a_post_sends_nothing_twice(desk: Desk) -> None:
    desk.gateway.scenario(submit_seconds=30, times=None)
    row = desk.ask()
    with pump(desk) as process:
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"], timeout=30)
        process.kill()
        process.wait()
    desk.reload(row, State.SUBMITTING)

    # A minute later another process starts.
    desk.due(row)
    DispatcherLease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with pump(desk, "--once") as process:
        process.wait(30)
    row = desk.reload(row, State.UNKNOWN)
    assert desk.money(row) == ["held"]
    assert desk.posts() == 1


def test_a_pump_alone_deletes_what_is_due_and_tells_of_incidents(desk: Desk) -> None:
    """Where no queue runs, nobody else would."""
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    desk.due(row)
    desk.look()
    desk.posted(row, timedelta(minutes=5))
    desk.reload(row, State.FAILED, "outcome_unknown")
    photos = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN)
    assert photos.update(expires_at=timezone.now()) == 1
    with pump(desk):
        until(lambda: not photos.exists(), "the photo is gone")
        assert Incident.objects.filter(name__startswith="doubt.").exists()
