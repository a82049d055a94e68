from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_vton import lifecycle
from django_vton.billing import budget
from django_vton.models import DispatcherLease, GatewayState, Incident, PauseSwitch, TryOnRequest
from django_vton.models.states import State
from django_vton.queue import liveness
from tests.admin import factories
from tests.live_shop import MANAGE
from tests.remote_storage import SIGNED_URL, NoSuchKey, use_remote_storage
from tests.tryons import create_tryon

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton
    from tests.intake_helpers import StoredFiles

pytestmark = pytest.mark.django_db


def call_vton_doctor() -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("vton_doctor", "--json", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), _by_name(out)
    return 0, _by_name(out)


def _by_name(out: io.StringIO) -> dict[str, Any]:
    return {result["name"]: result for result in json.loads(out.getvalue())}


def failed_checks() -> set[str]:
    status, results = call_vton_doctor()
    names = {name for name, result in results.items() if not result["ok"]}
    assert status == (1 if names else 0)
    return names


@pytest.fixture(autouse=True)
def _worker_is_alive() -> None:
    liveness.record_heartbeat()


def test_a_healthy_installation() -> None:
    assert failed_checks() == set()


def test_the_command_prints_each_check() -> None:
    out = io.StringIO()
    call_command("vton_doctor", stdout=out)
    assert re.search(r"ok +workers: last seen \d s ago", out.getvalue())


def test_any_error_of_the_storage_is_reported_and_stops_no_other_check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: Any) -> None:
        raise NoSuchKey(f"The bucket of {SIGNED_URL}secret does not exist")

    remote = use_remote_storage(settings)
    healthy = call_vton_doctor()[1]
    monkeypatch.setattr(remote, "_save", fail)
    status, results = call_vton_doctor()
    assert (status, set(results), healthy["storage"]["ok"]) == (1, set(healthy), True)
    # Without the signature of the URL, and without a traceback between the lines of the command.
    reported = "NoSuchKey: The bucket of https://bucket.example/private does not exist"
    text = f'files cannot be written, read and deleted in STORAGES["vton"]: {reported}'
    assert results["storage"]["text"] == text
    assert not [record for record in caplog.records if record.exc_info]


def test_workers_were_never_seen() -> None:
    DispatcherLease.objects.all().delete()
    assert failed_checks() == {"workers"}


def test_workers_are_gone() -> None:
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert failed_checks() == {"workers"}
    _status, results = call_vton_doctor()
    assert re.fullmatch(r"No worker is running\. .+ Start .+ Since .+ UTC\.", results["workers"]["text"])


@pytest.mark.parametrize("options", [(), ("--products",)], ids=str)
def test_a_database_without_tables_is_reported_without_a_traceback(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    done = subprocess.run(
        [sys.executable, str(MANAGE), "vton_doctor", *options],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    failed = [
        line for line in done.stdout.splitlines() if line.startswith("FAILED") and "settings" not in line
    ]
    assert len(failed) == 1
    assert failed[0].endswith("tables are missing: run `manage.py migrate`")


def test_a_row_that_is_due_for_minutes(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    assert failed_checks() == set()
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(minutes=3))
    assert failed_checks() == {"overdue"}


def test_an_open_circuit_breaker() -> None:
    GatewayState.objects.create(engine="glass-v1", breaker="402")
    assert failed_checks() == {"gateway"}


def test_images_that_the_vendor_cannot_use(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=4)
    ended = [create_tryon(guest, shirt, phone_photo()) for _ in range(4)]
    rows = TryOnRequest.objects.filter(pk__in=[row.pk for row in ended])
    rows.update(state=State.FAILED, error_code="photo_unusable")
    assert failed_checks() == {"pictures"}
    text = call_vton_doctor()[1]["pictures"]["text"]
    assert text.startswith("Pixazo cannot use the shop's images. The newest renders failed")
    assert "http://127.0.0.1:8000" in text
    assert call_vton_doctor()[1]["incidents"]["text"].startswith("images_unreadable")
    TryOnRequest.objects.filter(pk=ended[0].pk).update(error_code="vendor")  # The oldest does not count.
    assert failed_checks() == {"pictures"}
    TryOnRequest.objects.filter(pk=ended[3].pk).update(error_code="no_person")
    assert failed_checks() == set()


def test_the_pause_switch() -> None:
    PauseSwitch.objects.create(pk=1, is_paused=True)
    assert failed_checks() == {"pause"}


def test_wrong_settings_are_reported_not_raised(vton: Vton) -> None:
    vton(PIXAZO_API_KEY="")
    assert failed_checks() == {"settings"}


def test_a_budget_that_is_nearly_used_is_reported_and_a_used_one_fails(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(1))
    budget.reserve(850_000)
    assert failed_checks() == set()
    text = call_vton_doctor()[1]["budget.day"]["text"]
    assert text.startswith("Most of the budget of ")
    assert "(85 %), and 0.15 USD are left." in text
    budget.reserve(100_000)
    assert failed_checks() == {"budget.day"}
    assert "No further render fits" in call_vton_doctor()[1]["budget.day"]["text"]


def test_incidents_are_named_and_unsent_mail_fails() -> None:
    GatewayState.objects.create(engine="glass-v1", breaker="402")
    assert failed_checks() == {"gateway"}
    assert call_vton_doctor()[1]["incidents"]["text"].startswith("breaker.glass-v1.402")
    begun = timezone.now() - timedelta(minutes=20)
    Incident.objects.create(name="breaker.glass-v1.402", opened_at=begun, notify_at=timezone.now())
    assert failed_checks() == {"gateway", "incidents"}
    Incident.objects.update(notify_at=None)
    assert failed_checks() == {"gateway"}


def test_an_unknown_outcome_that_an_operator_closed_is_healthy(files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    row = factories.create_unresolved_tryon()
    assert failed_checks() == {"unknown"}
    lifecycle.write_off(row, actor_id=None)
    assert failed_checks() == set()


def test_the_breaker_of_a_removed_engine_is_ignored() -> None:
    GatewayState.objects.create(engine="gone-from-the-settings", breaker="402")
    assert failed_checks() == set()
