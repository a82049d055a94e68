from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_vton import slots
from django_vton.models import GatewayState, PauseSwitch, PumpSlot, TryOnRequest
from django_vton.states import State
from tests.doors import asked

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def examined() -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("vton_doctor", "--json", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), _by_name(out)
    return 0, _by_name(out)


def _by_name(out: io.StringIO) -> dict[str, Any]:
    return {finding["name"]: finding for finding in json.loads(out.getvalue())}


def wrong() -> set[str]:
    status, findings = examined()
    names = {name for name, finding in findings.items() if not finding["ok"]}
    assert status == (1 if names else 0)
    return names


@pytest.fixture(autouse=True)
def _a_worker_lives() -> None:
    slots.note_worker()


def test_all_is_well() -> None:
    assert wrong() == set()


def test_it_reads_well() -> None:
    out = io.StringIO()
    call_command("vton_doctor", stdout=out)
    assert "ok    workers: last seen 0 s ago" in out.getvalue()


def test_workers_that_were_never_seen() -> None:
    PumpSlot.objects.all().delete()
    assert wrong() == {"workers"}


def test_workers_that_are_gone() -> None:
    PumpSlot.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert wrong() == {"workers"}


def test_what_nobody_looks_at(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = asked(guest, shirt, phone_photo())
    assert wrong() == set()
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(minutes=3))
    assert wrong() == {"overdue"}


def test_outcomes_that_nobody_knows(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = asked(guest, shirt, phone_photo())
    TryOnRequest.objects.filter(pk=row.pk).update(state=State.UNKNOWN, due_at=timezone.now())
    assert wrong() == {"unknown"}


def test_a_vendor_that_refuses() -> None:
    GatewayState.objects.create(engine="glass-v1", breaker="402")
    assert wrong() == {"gateway"}


def test_the_pause_switch() -> None:
    PauseSwitch.objects.create(pk=1, is_paused=True)
    assert wrong() == {"pause"}


def test_wrong_settings_are_told_not_raised(vton: Vton) -> None:
    vton(PIXAZO_API_KEY="")
    assert wrong() == {"settings"}
