"""A stopped engine is probed free of charge, so the shop opens again although nobody may order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import tasks
from django_vton.models import GatewayState, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from ..tryons import TRY_ONS, create_tryon, get_start

if TYPE_CHECKING:
    from django.test import Client

    from ..conftest import PhotoMaker, Vton
    from ..lifecycle.harness import Harness

GLASS = "glass-v1"


def stop_and_cancel(harness: Harness, guest: Client, photo: bytes) -> None:
    """The submit of a try-on fails, and its shopper cancels it, so that none waits."""
    row = create_tryon(guest, harness.product, photo)
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    assert guest.post(f"{TRY_ONS}{row.pk}/cancel/").status_code == 200


def let_pass(minutes: int) -> None:
    """All times of the engine's state are so many minutes earlier, and the next probe is due."""
    state = GatewayState.objects.get(pk=GLASS)
    for name in ("stopped_at", "refused_at"):
        setattr(state, name, getattr(state, name) - timedelta(minutes=minutes))
    state.wait_until = state.probe_at = timezone.now() - timedelta(seconds=1)
    state.save()


def is_available(guest: Client, harness: Harness) -> bool:
    return bool(get_start(guest, harness.product).json()["enabled"])


def probe(harness: Harness, enqueued: list[str]) -> None:
    """The schedule starts a dispatcher, which probes."""
    enqueued.clear()
    tasks.wake()
    assert enqueued == ["django_vton.tasks.dispatch"]
    harness.run_cycle()
    assert not claims.has_work(), "one probe a minute"


def test_a_gateway_that_can_be_reached_again_reopens_the_shop(
    harness: Harness, guest: Client, phone_photo: PhotoMaker, enqueued: list[str]
) -> None:
    harness.gateway.stop()
    stop_and_cancel(harness, guest, phone_photo())
    let_pass(minutes=3)
    assert not is_available(guest, harness)
    probe(harness, enqueued)
    assert not is_available(guest, harness)

    harness.gateway.start()
    let_pass(minutes=1)
    probe(harness, enqueued)
    assert is_available(guest, harness)
    assert GatewayState.objects.filter(pk=GLASS, breaker="", stopped_at=None, probe_at=None).exists()
    assert (harness.post_count(), harness.charged()) == (0, 0), "a probe is no submit"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_is_believed_for_five_minutes_then_the_next_order_is_the_trial(
    harness: Harness, guest: Client, phone_photo: PhotoMaker, enqueued: list[str], status: int
) -> None:
    harness.gateway.scenario(submit_status=status, times=2)
    stop_and_cancel(harness, guest, phone_photo())
    let_pass(minutes=3)
    probe(harness, enqueued)
    assert not is_available(guest, harness), "the vendor responds, but perhaps refuses the next submit"
    let_pass(minutes=3)
    probe(harness, enqueued)
    assert is_available(guest, harness)

    stop_and_cancel(harness, guest, phone_photo(shade=1))
    let_pass(minutes=3)
    assert not is_available(guest, harness)
    let_pass(minutes=3)
    probe(harness, enqueued)
    row = create_tryon(guest, harness.product, phone_photo(shade=2))
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    assert harness.post_count() == 3


def test_a_key_that_the_vendor_refuses_keeps_the_shop_closed_until_it_is_replaced(
    harness: Harness, guest: Client, phone_photo: PhotoMaker, enqueued: list[str], vton: Vton
) -> None:
    vton(PIXAZO_API_KEY="wrong")
    stop_and_cancel(harness, guest, phone_photo())
    for _ in range(3):
        let_pass(minutes=10)
        probe(harness, enqueued)
        assert not is_available(guest, harness)
    vton(PIXAZO_API_KEY="sandbox")
    let_pass(minutes=10)
    probe(harness, enqueued)
    assert is_available(guest, harness)


def test_waiting_try_ons_are_trials_and_the_shop_opens_with_the_first_accepted_one(
    harness: Harness, guest: Client, phone_photo: PhotoMaker
) -> None:
    harness.gateway.scenario(submit_status=402, times=1)
    row = create_tryon(guest, harness.product, phone_photo())
    harness.run_cycle()
    let_pass(minutes=3)
    assert not is_available(guest, harness)
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    assert is_available(guest, harness)


def test_server_errors_stop_an_engine_if_several_try_ons_in_a_row_have_them(
    harness: Harness, guest: Client
) -> None:
    harness.gateway.scenario(submit_status=503, times=4)
    row = harness.order()
    for _ in range(2):
        harness.run_cycle()
        harness.make_due(row)
    assert not GatewayState.objects.exclude(breaker="").exists(), "its own image may be the cause"
    other = harness.order()
    harness.order()
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    harness.run_cycle()
    assert GatewayState.objects.get(pk=GLASS).breaker == "503"
    let_pass(minutes=3)
    assert not is_available(guest, harness)
    harness.make_due(other)
    harness.run_cycle()
    harness.reload(other, State.SUBMITTED)
    assert is_available(guest, harness)
