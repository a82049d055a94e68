"""The pump as a whole: it drives many, takes turns with others, and loses no wake-up."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from django_vton import lifecycle, queue, tasks
from django_vton.lifecycle import together
from django_vton.models import DispatcherLease, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import client
from django_vton.queue import leases
from django_vton.worker import claims, dispatcher

from .desk import Desk, OneLook

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import Vton


def test_garments_are_driven_to_their_end_in_one_run(garments: Desk) -> None:
    rows = [garments.ask() for _ in range(5)]
    dispatcher.run()
    for row in rows:
        garments.reload(row, State.COMPLETED)
    assert garments.posts() == 5
    assert garments.spent() == garments.charged() == 5 * 75_000


def test_drain_ends_when_nothing_is_left(garments: Desk) -> None:
    row = garments.ask()
    dispatcher.drain()
    garments.reload(row, State.COMPLETED)


def test_no_more_posts_at_once_than_the_shop_says(desk: Desk, vton: Vton) -> None:
    vton(SUBMIT_CONCURRENCY=2)
    for _ in range(5):
        desk.ask()
    desk.look()
    assert Counter(TryOnRequest.objects.values_list("state", flat=True)) == {"submitted": 2, "queued": 3}


def test_no_more_flights_than_the_shop_says(desk: Desk, vton: Vton) -> None:
    vton(CONCURRENCY=2, SUBMIT_CONCURRENCY=10)
    for _ in range(5):
        desk.ask()
    desk.look()
    assert Counter(TryOnRequest.objects.values_list("state", flat=True)) == {"submitted": 2, "queued": 3}


def test_a_crowd_of_garments_does_not_keep_glasses_waiting(desk: Desk, shirt: Product) -> None:
    for _ in range(6):
        desk.ask(product=shirt)
    desk.ask()
    random.seed(1)
    claimed = [claims.take(1, 1)[0].engine.name for _ in range(6)]
    assert set(claimed) == {"fashn-v1.6", "glass-v1"}


def test_two_pumps_race_for_the_same_rows(desk: Desk, vton: Vton) -> None:
    vton(DISPATCHERS=4, SUBMIT_CONCURRENCY=20)
    rows = [desk.ask() for _ in range(12)]
    together = threading.Barrier(4)

    def look() -> None:
        together.wait()
        try:
            desk.look()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.posts() == len(rows)
    for row in rows:
        desk.reload(row, State.SUBMITTED)


def test_a_claim_is_one_pumps_alone(desk: Desk) -> None:
    row = desk.ask()
    now = timezone.now()
    first, second = TryOnRequest.objects.get(pk=row.pk), TryOnRequest.objects.get(pk=row.pk)
    attempt = lifecycle.current_attempt(row)
    assert lifecycle.claim_submit(first, attempt, now, claims.LEASE, "one")
    assert not lifecycle.claim_submit(second, attempt, now, claims.LEASE, "two")


def test_a_question_is_one_pumps_alone(desk: Desk) -> None:
    row = desk.submitted()
    desk.due(row)
    now = timezone.now()
    first, second = TryOnRequest.objects.get(pk=row.pk), TryOnRequest.objects.get(pk=row.pk)
    assert lifecycle.claim(first, now, claims.LEASE)
    assert not lifecycle.claim(second, now, claims.LEASE)


def test_where_every_place_is_taken_nothing_is_claimed(desk: Desk, bell: list[str]) -> None:
    leases.acquire()
    row = desk.ask()
    dispatcher.run()
    desk.reload(row, State.QUEUED)
    assert bell == []


def test_a_pump_that_lost_its_place_claims_nothing_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.05)
    desk.gateway.scenario(submit_seconds=0.5)
    first = desk.ask()

    def lose() -> None:
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.entries)
        DispatcherLease.objects.update(token="another's")
        connections.close_all()

    thread = threading.Thread(target=lose)
    thread.start()
    dispatcher.run()
    thread.join()
    desk.reload(first, State.SUBMITTED)
    assert DispatcherLease.objects.get().token == "another's"


def test_release_then_look(desk: Desk, bell: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A try-on that comes in after the last look, while the place is still held, is rung for by the pump."""
    came: list[TryOnRequest] = []

    class Late(OneLook):
        def is_set(self) -> bool:
            has_looked = super().is_set()
            if has_looked and not came:
                thread = threading.Thread(target=_come)
                thread.start()
                thread.join()
            return has_looked

    def _come() -> None:
        came.append(desk.ask())
        connections.close_all()

    desk.ask()
    bell.clear()
    seen: list[int] = []

    def rung() -> None:
        seen.append(DispatcherLease.objects.filter(lease_until__gt=timezone.now()).count())
        queue.wake()

    monkeypatch.setattr(dispatcher, "ring", rung)
    dispatcher.run(stop=Late())
    assert seen == [0], "the place is given back before the look"
    assert bell == ["django_vton.tasks.dispatch"]
    desk.reload(came[0], State.QUEUED)


def test_the_end_of_a_slice_rings_for_what_is_left(
    desk: Desk, bell: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "SLICE", 0.0)
    desk.ask()
    bell.clear()
    dispatcher.run()
    assert bell == ["django_vton.tasks.dispatch"]
    assert desk.posts() == 0


def test_nothing_to_do_rings_for_nobody(desk: Desk, bell: list[str]) -> None:
    dispatcher.run()
    tasks.wake()
    assert bell == []
    assert desk.posts() == 0


def test_no_post_starts_long_after_the_slice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "LAST_POST", -dispatcher.SLICE)
    row = desk.ask()
    desk.look()
    desk.reload(row, State.QUEUED)
    assert desk.posts() == 0


def test_an_answer_is_stored_once_the_database_is_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = desk.ask()
    store, failures = lifecycle.submit_answered, [OperationalError("gone")] * 2

    def away(*args: Any) -> None:
        if failures:
            raise failures.pop()
        store(*args)

    monkeypatch.setattr(together, "submits_answered", lambda _news: False)
    monkeypatch.setattr(lifecycle, "submit_answered", away)
    desk.look()
    desk.reload(row, State.SUBMITTED)
    assert (desk.gateway.ledger.entries[0].request_id or "") in caplog.text


def test_an_error_in_one_flight_leaves_the_others_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [desk.ask() for _ in range(3)]
    store = lifecycle.submit_answered

    def sometimes(attempt: Any, *args: Any) -> None:
        if attempt.request_id == rows[0].pk:
            raise ValueError("A mistake in the program.")
        store(attempt, *args)

    monkeypatch.setattr(together, "submits_answered", lambda _news: False)
    monkeypatch.setattr(lifecycle, "submit_answered", sometimes)
    desk.look()
    monkeypatch.undo()
    desk.reload(rows[0], State.SUBMITTING)
    desk.reload(rows[1], State.SUBMITTED)
    desk.reload(rows[2], State.SUBMITTED)
    assert "is not stored" in caplog.text
    desk.due(rows[0])
    desk.look()
    desk.reload(rows[0], State.UNKNOWN)


def test_a_mistake_after_the_first_byte_is_never_taken_for_not_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(*_args: object) -> None:
        raise ValueError("A mistake in the program.")

    row = desk.ask()
    monkeypatch.setattr(client, "sort_answer", mistake)
    desk.look()
    desk.reload(row, State.UNKNOWN)
    assert desk.posts() == 1


def test_forever_waits_for_its_place_and_for_the_database(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = leases.acquire()
    assert taken is not None
    row = desk.ask()
    stop = threading.Event()
    tries: list[int] = []
    take = leases.acquire

    def counted() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("gone")
        if len(tries) == 2:
            leases.release(taken)
        return take()

    monkeypatch.setattr(leases, "acquire", counted)

    def run() -> None:
        dispatcher.run(forever=True, stop=stop)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"])
    stop.set()
    thread.join()
    desk.reload(row, State.SUBMITTED)


def test_an_open_breaker_keeps_no_worker_busy(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=402)
    row = desk.ask()
    dispatcher.run()
    desk.reload(row, State.QUEUED)
    assert not claims.has_work()

    desk.gateway_waits_no_more()
    assert claims.has_work()
    desk.due(row)
    desk.look()
    assert desk.reload(row, State.SUBMITTED)
    desk.made(row)
    desk.look()


@pytest.mark.parametrize(("took", "rest"), [(0.0, 0.1), (0.2, 0.4), (30.0, 1.0)])
def test_a_slow_look_is_followed_by_a_longer_rest_but_never_a_long_one(took: float, rest: float) -> None:
    assert dispatcher.pause_after_cycle(took) == rest


def test_where_more_is_waiting_it_looks_sooner_but_in_a_crowd_later() -> None:
    assert dispatcher.pause_after_cycle(0.02, is_full=True) == 0.04
    assert dispatcher.pause_after_cycle(0.02, is_full=True, is_crowded=True) == 0.5
    assert dispatcher.pause_after_cycle(0.02, is_crowded=True) == 0.5
