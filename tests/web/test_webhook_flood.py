"""Thousands of forged callbacks change nothing, and cause few polls.

`ROUNDS=1` sends 10,000, the short form 300.
"""

from __future__ import annotations

import http.client
import secrets
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.core import serializers
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import Attempt, TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils.tokens import hash_token
from django_vton.worker import dispatcher
from tests.faults.rounds import ROUNDS
from tests.lifecycle.harness import StopAfterOneCycle
from tests.tryons import TOKEN, claim_for_submit, create_tryon

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

COUNT = 10_000 if ROUNDS else 300
SOCKET_COUNT = COUNT // 10
ID = "fashn-virtual-try-on_019d"
BODY = b'{"status": "COMPLETED", "output": {"media_url": ["http://evil.example/1.png"]}}'
TOLERANCE = timedelta(seconds=10)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """A submitted try-on that would be polled in 20 seconds."""
    row = create_tryon(guest, shirt, phone_photo())
    attempt = claim_for_submit(row)
    answer = VendorResponse(vendor_id=ID, status=VendorStatus.RUNNING, raw_status="QUEUED")
    lifecycle.mark_submitted([(attempt, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=answer))])
    row.refresh_from_db()
    return row


def dump_database() -> str:
    """Return all rows of the package and of the sessions as JSON."""
    models = [*apps.get_app_config("vton").get_models(), *apps.get_app_config("sessions").get_models()]
    rows = [row for model in models for row in model._base_manager.order_by("pk")]
    return str(serializers.serialize("json", rows))


def callback_url(token: str) -> str:
    return reverse("vton:callback", args=[token])


def test_each_guessed_token_costs_one_query_and_changes_nothing(
    running: TryOnRequest, enqueued: list[str]
) -> None:
    client, before = Client(enforce_csrf_checks=True), dump_database()
    assert str(running.pk) in before
    enqueued.clear()
    started = time.monotonic()
    statements: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        for _ in range(COUNT):
            token = secrets.token_urlsafe(32)
            response = client.post(callback_url(token), BODY, content_type="application/json")
            assert (response.status_code, response.content) == (404, b"")
    seconds = time.monotonic() - started
    # Always the same query, whatever the token is.
    assert len(statements) == COUNT
    assert statements[0].startswith("SELECT")
    assert set(statements) == {statements[0]}
    assert dump_database() == before
    assert enqueued == []
    print(f"\n{COUNT} guessed tokens: {COUNT / seconds:.0f} a second, one SELECT each")  # noqa: T201


def test_repeated_callbacks_poll_the_vendor_at_most_once_in_ten_seconds(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    gateway: Gateway,
    live_server: LiveServer,
    vton: Vton,
    enqueued: list[str],
) -> None:
    vton(PUBLIC_BASE_URL=live_server.url)
    gateway.scenario(outcome="SIMMERING", callbacks=0)
    row = create_tryon(guest, shirt, phone_photo())
    dispatcher.run(stop=StopAfterOneCycle())
    Attempt.objects.filter(request=row).update(token_hash=hash_token(TOKEN))
    client = Client(enforce_csrf_checks=True)
    enqueued.clear()
    started = time.monotonic()
    for _ in range(COUNT):
        assert client.post(callback_url(TOKEN), BODY, content_type="application/json").status_code == 200
        if TryOnRequest.objects.due(timezone.now()).exists():
            dispatcher.run(stop=StopAfterOneCycle())
    seconds = time.monotonic() - started
    row.refresh_from_db()
    assert row.state == "submitted"
    polls = gateway.ledger.totals["asks"]
    assert 1 <= polls <= 1 + seconds / 10
    # A worker is woken if the time of the next poll has changed, and if a dispatcher leaves work behind.
    assert len(enqueued) <= 1 + 2 * polls
    print(f"\n{COUNT} repeated: {COUNT / seconds:.0f} a second, {polls} polls in {seconds:.0f} s")  # noqa: T201


def test_a_flood_over_real_connections_while_a_shopper_polls(
    running: TryOnRequest, live_server: LiveServer, guest: Client, enqueued: list[str], settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    enqueued.clear()
    host = urlsplit(live_server.url).netloc
    durations: list[float] = []
    started = time.monotonic()
    for number in range(SOCKET_COUNT):
        line = http.client.HTTPConnection(host, timeout=30)
        token = TOKEN if number % 2 else secrets.token_urlsafe(32)
        line.request("POST", callback_url(token), BODY, {"Content-Type": "application/json"})
        answer = line.getresponse()
        assert answer.status == (200 if number % 2 else 404)
        assert answer.read() == b""
        assert answer.getheader("Set-Cookie") is None
        line.close()
        if number % 10 == 0:
            poll_started = time.monotonic()
            assert guest.get(reverse("vton:tryon", args=[running.pk])).status_code == 200
            durations.append(time.monotonic() - poll_started)
    seconds = time.monotonic() - started
    row = TryOnRequest.objects.get(pk=running.pk)
    assert row.called_back_at is not None
    assert row.called_back_at <= timezone.now() + TOLERANCE
    # No dispatcher ran: one wake-up for now, and at most one for later.
    assert 1 <= len(enqueued) <= 2
    mean, slowest = sum(durations) / len(durations), max(durations)
    print(  # noqa: T201
        f"\n{SOCKET_COUNT} over sockets: {SOCKET_COUNT / seconds:.0f} a second; "
        f"a shopper's poll took {1000 * mean:.0f} ms, {1000 * slowest:.0f} ms at most"
    )
