"""Starts and ends incidents, and reads the mails about them."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import django
from django.core import mail
from django.core.cache import cache
from django.template import Context, Template
from django.utils import timezone

from django_vton import tasks
from django_vton.health.storage import record_missing_file
from django_vton.models import DispatcherLease, FailedCheck, GatewayState, Incident, UndeletedFile
from django_vton.models.states import State
from django_vton.monitoring.mail import THREAD_NAME
from django_vton.queue import liveness
from tests.admin import factories

from ..tryons import make_product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from shop.models import Product

STAFF = "owner@shop.example"
CAP = Decimal("0.375")
NEAR = 300_000
"""Exactly 80 % of CAP, in micro-USD; one more render fits."""


def wait_for_mails() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(30)
            assert not thread.is_alive()


def mailed_titles() -> list[str]:
    """The subjects of all mails so far."""
    wait_for_mails()
    return [str(message.subject).rpartition("Try-on: ")[2] for message in mail.outbox]


def last_mail() -> str:
    """The text of the last mail."""
    wait_for_mails()
    return str(mail.outbox[-1].body)


def show_page(product: Product | None = None) -> str:
    """Render a product's button without the cache."""
    cache.clear()
    shown = product or make_product(f"shirt-{os.urandom(4).hex()}", "top")
    return Template("{% load vton %}{% tryon product %}").render(Context({"product": shown}))


def run_schedule() -> None:
    tasks.wake()


def make_mails_due() -> None:
    Incident.objects.filter(notify_at__isnull=False).update(notify_at=timezone.now() - timedelta(seconds=1))


def stop_workers() -> None:
    liveness.record_heartbeat()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))


def open_breaker() -> None:
    GatewayState.objects.update_or_create(engine="glass-v1", defaults={"breaker": "402"})


def close_breaker() -> None:
    GatewayState.objects.update(breaker="")


def fail_because_of_images(*codes: str) -> None:
    """Failed renders with these codes, the oldest first."""
    for code in codes:
        factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, code)


def fail_to_load_images() -> None:
    fail_because_of_images("images_unreachable", "images_unreachable")


def fail_to_use_images() -> None:
    fail_because_of_images("photo_unusable", "images_unreachable", "product_image")


def fail_otherwise() -> None:
    factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "no_person")


def lose_file() -> None:
    """A worker has found that a file is gone."""
    record_missing_file("vton/photos/ab/gone.jpg")


def let_days_pass() -> None:
    FailedCheck.objects.update(since=timezone.now() - timedelta(days=2))


def fail_to_delete_file() -> None:
    """A file waits for its deletion since yesterday."""
    UndeletedFile.objects.create(name="vton/photos/ab/locked.jpg", since=timezone.now() - timedelta(hours=25))


def use_mail_backend(settings: Settings, backend: str, **options: Any) -> None:
    """Configure a mail backend, before Django 6.1 and since."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        return
    settings.EMAIL_BACKEND = backend
    for name, value in options.items():
        setattr(settings, f"EMAIL_{name.upper()}", value)


@contextmanager
def unreachable_mail_server(settings: Settings) -> Iterator[None]:
    before = dict(settings.MAILERS) if django.VERSION >= (6, 1) else settings.EMAIL_BACKEND
    use_mail_backend(settings, "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=1)
    yield
    wait_for_mails()
    if django.VERSION >= (6, 1):
        settings.MAILERS = before
    else:
        settings.EMAIL_BACKEND = before
