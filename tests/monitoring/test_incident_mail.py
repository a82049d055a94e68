"""Mails about incidents are sent, also after failures of the mail server or of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import django
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone, translation
from django.utils.formats import date_format

from django_vton.billing import budget
from django_vton.models import Incident
from django_vton.monitoring.mail import MAX_THREADS, THREAD_NAME
from django_vton.utils.periods import today

from ..live_shop import database_url
from ..tryons import make_product
from .incidents import (
    CAP,
    NEAR,
    close_breaker,
    last_mail,
    mailed_titles,
    make_mails_due,
    open_breaker,
    run_schedule,
    show_page,
    stop_workers,
    unreachable_mail_server,
    use_mail_backend,
    wait_for_mails,
)

if TYPE_CHECKING:
    import pytest
    from pytest_django import Settings

    from ..conftest import Vton


def test_without_recipients_the_incident_is_opened_without_a_mail(vton: Vton, settings: Settings) -> None:
    vton(NOTIFY=None)
    settings.MANAGERS = []
    open_breaker()
    run_schedule()
    assert mailed_titles() == []
    assert Incident.objects.get().notify_at is None


def test_without_notify_the_managers_get_the_mail(vton: Vton, settings: Settings) -> None:
    vton(NOTIFY=None)
    settings.MANAGERS = ["m@shop.example"] if django.VERSION >= (6, 0) else [("M", "m@shop.example")]
    open_breaker()
    run_schedule()
    wait_for_mails()
    assert mail.outbox[0].to == ["m@shop.example"]


def test_an_unreachable_mail_server_delays_the_mail_only(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with unreachable_mail_server(settings):
        open_breaker()
        run_schedule()
    assert "could not be sent" in caplog.text
    run_schedule()
    assert mailed_titles() == [], "it is not due yet"
    make_mails_due()
    run_schedule()
    assert mailed_titles() == ["Renders with glass-v1 have stopped"]
    assert "It was over" not in last_mail()
    assert Incident.objects.get().notify_at is None


def test_an_incident_that_ended_before_its_mail_is_still_mailed(settings: Settings) -> None:
    with unreachable_mail_server(settings):
        open_breaker()
        run_schedule()
    close_breaker()
    run_schedule()
    make_mails_due()
    run_schedule()
    assert len(mailed_titles()) == 1
    assert "402" in last_mail()
    assert "It was over before this mail was sent." in last_mail()
    run_schedule()
    assert not Incident.objects.exists()


class KillingBackend(BaseEmailBackend):
    """Kills the process between the claim and the mail."""

    def send_messages(self, email_messages: Any) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0


CHECK_IN_A_PROCESS = """
import threading, django
django.setup()
from django.conf import settings
from django.test import override_settings
from django_vton import tasks
from django_vton.monitoring import mail
path = "tests.monitoring.test_incident_mail.KillingBackend"
backend = (
    {"MAILERS": {"default": {"BACKEND": path}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": path}
)
with override_settings(VTON={**settings.VTON, "NOTIFY": ["owner@shop.example"]}, **backend):
    tasks.wake()
    for thread in threading.enumerate():
        if thread.name == mail.THREAD_NAME:
            thread.join()
"""


def test_a_process_that_dies_between_claim_and_mail_delays_the_mail_only() -> None:
    open_breaker()
    env = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([sys.executable, "-c", CHECK_IN_A_PROCESS], env=env, timeout=60, check=False)
    assert process.returncode == -signal.SIGKILL

    notify_at = Incident.objects.get().notify_at
    assert notify_at is not None
    assert notify_at > timezone.now() + timedelta(minutes=8)
    run_schedule()
    assert mailed_titles() == [], "another process has claimed it"
    make_mails_due()
    run_schedule()
    run_schedule()
    assert mailed_titles() == ["Renders with glass-v1 have stopped"]


class HangingBackend(BaseEmailBackend):
    """Does not return until a test releases it."""

    released = threading.Event()

    def send_messages(self, email_messages: Any) -> int:
        assert HangingBackend.released.wait(60)
        return len(email_messages)


def test_a_hanging_mail_server_blocks_no_page(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    HangingBackend.released.clear()
    use_mail_backend(settings, f"{__name__}.HangingBackend")
    stop_workers()
    product = make_product("shirt", "top")
    try:
        for _ in range(MAX_THREADS + 2):
            assert show_page(product) == ""
            make_mails_due()
        hanging = [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]
        assert len(hanging) == MAX_THREADS
        assert "does not answer" in caplog.text
    finally:
        HangingBackend.released.set()
    wait_for_mails()


def test_mails_are_in_the_shops_language(settings: Settings, vton: Vton) -> None:
    settings.LANGUAGE_CODE = "de"
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR)
    with translation.override("en"):
        run_schedule()
        (subject,) = mailed_titles()
        assert date_format(today()) not in subject
        assert translation.get_language() == "en"
    with translation.override("de"):
        assert date_format(today()) in subject
    assert "0,30" in last_mail()
