"""Staff are told once that a batch is finished, by mail and by a signed webhook, also after failures."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from django_vton import batches, tasks
from django_vton.batches.notices import RETRY_DELAYS
from django_vton.models import Batch, BatchNotice
from django_vton.monitoring.mail import wait_for_threads

from ..faults.simulation import Clock
from ..health.test_health_checks import call_vton_doctor, failed_checks
from ..intake_helpers import run_concurrently
from ..test_docs import code_blocks
from .receivers import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conftest import Vton
    from .runner import BatchRunner

STAFF = "owner@shop.example"
SECRET = "a-secret-of-the-shop-and-its-receiver"


@pytest.fixture
def receiver(vton: Vton, runner: BatchRunner) -> Iterator[Receiver]:  # noqa: ARG001 - the sandbox allows http
    receiver = Receiver()
    vton(
        NOTIFY=[STAFF], NOTIFY_URL=receiver.url, NOTIFY_SECRET=SECRET, PUBLIC_BASE_URL="https://shop.example"
    )
    yield receiver
    wait_for_threads(30)
    receiver.close()


def run_schedule() -> None:
    tasks.wake()
    wait_for_threads(30)


def test_a_finished_batch_is_told_once_with_its_numbers(runner: BatchRunner, receiver: Receiver) -> None:
    creator = User.objects.create_user("vera", "vera@shop.example")
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    products = runner.create_products(4)
    batch = runner.start(products, name="Autumn <!channel>", user=creator)
    products[3].delete()
    run_schedule()
    assert receiver.messages == [], "it has not begun"
    runner.run(batch)
    for _ in range(2):
        run_schedule()

    (message,) = receiver.messages
    failed = {"code": "vendor", "text": "problem at the vendor", "number": 1}
    assert message["batch"] == {
        "id": batch.pk,
        "name": "Autumn <!channel>",
        "url": f"https://shop.example{reverse('admin:vton_batch_change', args=[batch.pk])}",
        "products": 4,
        "renders": 4,
        "completed": 2,
        "shared": 0,
        "failed": 1,
        "failures": [failed],
        "skipped": 1,
        "refusals": [{"code": "product_unknown", "text": "We couldn't find this product.", "number": 1}],
        "cost_usd": "0.900000",
    }
    assert message["event"] == "batch_finished"
    assert "“Autumn &lt;!channel&gt;” is finished: 2 of 4 renders" in message["text"]
    assert message["text"].endswith(message["batch"]["url"])

    (sent,) = mail.outbox
    assert sent.to == ["vera@shop.example", STAFF]
    assert "2 of 4 renders" in sent.subject
    assert "Cost: 0.90 USD." in sent.body
    assert "Failed: 1\n- 1 × problem at the vendor" in sent.body  # noqa: RUF001 - the sign that people read
    assert not BatchNotice.objects.exists()


def test_the_documented_code_verifies_the_signature(runner: BatchRunner, receiver: Receiver) -> None:
    runner.run(runner.start(1))
    run_schedule()
    (snippet,) = (code for _language, code in code_blocks("admin-renders") if "compare_digest" in code)
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 - our own documentation
    is_authentic = names["is_authentic"]
    (header,), (body,) = receiver.signatures, receiver.bodies
    assert is_authentic(header, body, SECRET)
    assert not is_authentic(header, body + b" ", SECRET)
    assert not is_authentic(header, body, "another secret")
    later = header.replace(header.split(",")[0], f"t={int(time.time()) + 1}")
    assert not is_authentic(later, body, SECRET), "the time is signed too"


@pytest.mark.parametrize("stop", [batches.pause, batches.cancel])
def test_a_batch_that_a_person_has_stopped_is_not_told(
    runner: BatchRunner, receiver: Receiver, stop: Any
) -> None:
    batch = runner.start(1)
    stop(batch)
    runner.run(batch)
    run_schedule()
    assert receiver.messages == []
    assert mail.outbox == []


def test_a_retried_batch_is_told_again(runner: BatchRunner, receiver: Receiver) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(2)
    runner.run(batch)
    run_schedule()
    batches.retry(batch)
    run_schedule()
    assert len(receiver.messages) == 1
    runner.run(batch)
    run_schedule()
    assert [message["batch"]["completed"] for message in receiver.messages] == [1, 2]
    assert len({message["id"] for message in receiver.messages}) == 2


def test_a_batch_that_is_retried_while_its_end_is_told_is_told_again(
    runner: BatchRunner, receiver: Receiver
) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(1)
    runner.run(batch)

    def retry() -> None:
        batches.retry(batch)
        connections.close_all()

    receiver.on_message = retry
    run_schedule()
    receiver.on_message = lambda: None
    runner.run(batch)
    run_schedule()
    assert [message["batch"]["completed"] for message in receiver.messages] == [0, 1]


def test_a_refused_message_is_repeated_with_pauses_and_staff_see_it(
    runner: BatchRunner,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.status, receiver.text = 400, b"invalid_payload"
    runner.run(runner.start(1))
    clock = Clock([timezone.now()])
    clock.install(monkeypatch)
    run_schedule()
    assert "HTTP 400: invalid_payload" in caplog.text
    assert receiver.url not in caplog.text
    assert "messages" in failed_checks()
    assert "webhook: HTTP 400: invalid_payload." in call_vton_doctor()[1]["messages"]["text"]
    for number, delay in enumerate(RETRY_DELAYS, 1):
        clock.now[0] += delay - timedelta(seconds=1)
        run_schedule()
        assert len(receiver.messages) == number, "it is not due yet"
        clock.now[0] += timedelta(seconds=1)
        run_schedule()
        assert len(receiver.messages) == number + 1
    assert "It is given up." in caplog.text
    clock.now[0] += timedelta(days=3)
    run_schedule()
    assert len(receiver.messages) == len(RETRY_DELAYS) + 1
    assert len({message["id"] for message in receiver.messages}) == 1
    assert "messages" in failed_checks()
    assert len(mail.outbox) == 1


def test_a_crash_after_the_claim_repeats_the_message(
    runner: BatchRunner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the receiver has the message, its row is postponed but kept."""
    runner.run(runner.start(1))
    found: list[BatchNotice] = []

    def remember() -> None:
        found.extend(BatchNotice.objects.filter(channel="webhook"))
        connections.close_all()

    receiver.on_message = remember
    run_schedule()
    (notice,) = found
    assert notice.due_at is not None
    assert notice.due_at > timezone.now()
    notice.save(force_insert=True)  # As a worker that was killed has left it.
    run_schedule()
    assert len(receiver.messages) == 1
    clock = Clock([notice.due_at])
    clock.install(monkeypatch)
    run_schedule()
    assert [message["id"] for message in receiver.messages] == [str(notice.pk)] * 2


def test_workers_that_check_at_the_same_time_send_one_message(
    runner: BatchRunner, receiver: Receiver
) -> None:
    runner.run(runner.start(1))
    assert run_concurrently(*[tasks.tell_of_finished_batches] * 4) == [None] * 4
    wait_for_threads(30)
    assert (len(receiver.messages), len(mail.outbox)) == (1, 1)


def test_a_hanging_receiver_delays_no_render(runner: BatchRunner, receiver: Receiver) -> None:
    runner.run(runner.start(1))
    is_there, released = threading.Event(), threading.Event()

    def hang() -> None:
        is_there.set()
        released.wait(30)

    receiver.on_message = hang
    try:
        tasks.wake()
        assert is_there.wait(30)
        assert runner.run(runner.start(1)).completed == 1
    finally:
        released.set()
    wait_for_threads(30)


def test_without_recipients_and_webhook_nothing_is_kept(runner: BatchRunner, vton: Vton) -> None:
    vton(NOTIFY=[], NOTIFY_URL="")
    batch = runner.start(1)
    runner.run(batch)
    run_schedule()
    assert mail.outbox == []
    assert not BatchNotice.objects.exists()
    assert Batch.objects.finished().get() == batch
