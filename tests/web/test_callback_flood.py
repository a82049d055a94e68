"""Forged callbacks by the thousand: nothing moves, and the vendor is hardly asked.

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
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.utils.tokens import hash_token
from django_vton.worker import dispatcher
from tests.doors import TOKEN, asked, submit
from tests.faults.rounds import ROUNDS
from tests.lifecycle.desk import OneLook

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

COUNT = 10_000 if ROUNDS else 300
OVER_SOCKETS = COUNT // 10
ID = "fashn-virtual-try-on_019d"
BODY = b'{"status": "COMPLETED", "output": {"media_url": ["http://evil.example/1.png"]}}'
LONG_AGO = timedelta(seconds=10)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """The vendor has it; the pump would ask for it in 20 seconds."""
    row = asked(guest, shirt, phone_photo())
    attempt = submit(row)
    answer = Answer(vendor_id=ID, status=Status.RUNNING, word="QUEUED")
    lifecycle.submit_answered(attempt, Submission(verdict=Verdict.ACCEPTED, answer=answer), answer)
    row.refresh_from_db()
    return row


def everything() -> str:
    """All rows of all tables of the package and of the sessions, as text."""
    models = [*apps.get_app_config("vton").get_models(), *apps.get_app_config("sessions").get_models()]
    rows = [row for model in models for row in model._base_manager.order_by("pk")]
    return str(serializers.serialize("json", rows))


def address(token: str) -> str:
    return reverse("vton:callback", args=[token])


def test_guessed_tokens_are_one_look_each_and_change_nothing(running: TryOnRequest, bell: list[str]) -> None:
    client, before = Client(enforce_csrf_checks=True), everything()
    assert str(running.pk) in before
    bell.clear()
    started = time.monotonic()
    statements: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        for _ in range(COUNT):
            token = secrets.token_urlsafe(32)
            response = client.post(address(token), BODY, content_type="application/json")
            assert (response.status_code, response.content) == (404, b"")
    seconds = time.monotonic() - started
    # The same one each time, whatever was guessed.
    assert len(statements) == COUNT
    assert statements[0].startswith("SELECT")
    assert set(statements) == {statements[0]}
    assert everything() == before
    assert bell == []
    print(f"\n{COUNT} guessed tokens: {COUNT / seconds:.0f} a second, one SELECT each")  # noqa: T201


def test_a_token_that_is_repeated_asks_the_vendor_once_in_ten_seconds(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    gateway: Gateway,
    live_server: LiveServer,
    vton: Vton,
    bell: list[str],
) -> None:
    vton(PUBLIC_BASE_URL=live_server.url)
    gateway.scenario(outcome="SIMMERING", callbacks=0)
    row = asked(guest, shirt, phone_photo())
    dispatcher.run(stop=OneLook())
    Attempt.objects.filter(request=row).update(token_hash=hash_token(TOKEN))
    client = Client(enforce_csrf_checks=True)
    bell.clear()
    started = time.monotonic()
    for _ in range(COUNT):
        assert client.post(address(TOKEN), BODY, content_type="application/json").status_code == 200
        if TryOnRequest.objects.due(timezone.now()).exists():
            dispatcher.run(stop=OneLook())
    seconds = time.monotonic() - started
    row.refresh_from_db()
    assert row.state == "submitted"
    asks = gateway.ledger.totals["asks"]
    assert 1 <= asks <= 1 + seconds / 10
    # The bell rings where the time of the next question has changed, and when a pump leaves work behind.
    assert len(bell) <= 1 + 2 * asks
    print(f"\n{COUNT} repeated: {COUNT / seconds:.0f} a second, {asks} questions in {seconds:.0f} s")  # noqa: T201


def test_a_flood_over_real_connections_while_a_shopper_looks(
    running: TryOnRequest, live_server: LiveServer, guest: Client, bell: list[str], settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    bell.clear()
    host = urlsplit(live_server.url).netloc
    looks: list[float] = []
    started = time.monotonic()
    for number in range(OVER_SOCKETS):
        line = http.client.HTTPConnection(host, timeout=30)
        token = TOKEN if number % 2 else secrets.token_urlsafe(32)
        line.request("POST", address(token), BODY, {"Content-Type": "application/json"})
        answer = line.getresponse()
        assert answer.status == (200 if number % 2 else 404)
        assert answer.read() == b""
        assert answer.getheader("Set-Cookie") is None
        line.close()
        if number % 10 == 0:
            at = time.monotonic()
            assert guest.get(reverse("vton:tryon", args=[running.pk])).status_code == 200
            looks.append(time.monotonic() - at)
    seconds = time.monotonic() - started
    row = TryOnRequest.objects.get(pk=running.pk)
    assert row.called_back_at is not None
    assert row.called_back_at <= timezone.now() + LONG_AGO
    # Nobody asked the vendor meanwhile: there was one hint to ask now, and at most one for later.
    assert 1 <= len(bell) <= 2
    slowest = max(looks)
    print(  # noqa: T201
        f"\n{OVER_SOCKETS} over sockets: {OVER_SOCKETS / seconds:.0f} a second; "
        f"a shopper's look took {1000 * sum(looks) / len(looks):.0f} ms, {1000 * slowest:.0f} ms at most"
    )
