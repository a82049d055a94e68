"""A gateway that trickles its response to one submit, and one that postpones polls."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from django_vton.models import TryOnRequest
from django_vton.models.states import State

from ..live_shop import wait_until
from .server import Chunks, HostileGateway, http_response

if TYPE_CHECKING:
    from ..lifecycle.harness import Harness


def test_a_submit_whose_response_trickles_delays_no_other_try_on(
    harness: Harness, gateway: HostileGateway
) -> None:
    responses = [gateway.drip(b" "), gateway.accepted("quick")]
    gateway.submit = lambda _: responses.pop(0)
    rows = [harness.order() for _ in range(2)]
    states = TryOnRequest.objects.order_by("state").values_list("state", flat=True)
    with harness.running_cycle():
        wait_until(lambda: State.SUBMITTED in states.all(), "one try-on is submitted", every=0.02)
        assert list(states.all()) == [State.SUBMITTED, State.SUBMITTING]
        gateway.stopped.set()  # The slow connection closes.
    assert list(states.all()) == [State.SUBMITTED, State.UNKNOWN]
    assert [harness.money_states(row) for row in rows] == [["held"], ["held"]]
    assert gateway.requests == {"submit": 2}


def postponed(_vendor_id: str) -> Chunks:
    return http_response(b'{"error": "slow down"}', "Retry-After: 1800", status="429 Too Many Requests")


def test_a_poll_that_the_vendor_postpones_does_not_fail_the_render_at_its_deadline(
    harness: Harness, gateway: HostileGateway
) -> None:
    gateway.submit, gateway.poll = gateway.accepted, postponed
    rows = [harness.order_submitted() for _ in range(2)]
    for posted in (timedelta(0), timedelta(minutes=16)):
        for row in rows:
            harness.set_posted(row, posted)
            harness.make_due(row)
        harness.run_cycle()
        for row in rows:
            due_at = harness.reload(row, State.SUBMITTED).due_at
            assert due_at is not None
            assert due_at > timezone.now() + timedelta(minutes=29)
    assert gateway.requests["poll"] == 4

    harness.set_posted(rows[0], timedelta(hours=25))
    harness.make_due(rows[0])
    harness.run_cycle()
    harness.reload(rows[0], State.FAILED, "deadline")

    gateway.poll = gateway.completed
    harness.make_due(rows[1])
    harness.run_cycle()
    harness.reload(rows[1], State.RENDERED)
