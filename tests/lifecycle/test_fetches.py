"""Finished pictures: fetched until they are ours, and never rendered again."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from django_vton import privacy
from django_vton.conf import config
from django_vton.models import TryOnImage
from django_vton.models.states import State
from django_vton.pixazo.client import Pixazo
from django_vton.worker import claims, outcomes

from .desk import Desk, stored_results

if TYPE_CHECKING:
    from django_vton.pixazo import Answer


@pytest.mark.parametrize("result", ["broken", "html", "truncated", "redirect"])
def test_bytes_that_are_no_picture_fail_at_the_third_time_without_a_second_render(
    desk: Desk, result: str
) -> None:
    desk.gateway.scenario(result=result)
    row = desk.rendered()
    for _ in range(2):
        desk.look()
        row = desk.reload(row, State.RENDERED)
        desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["spent"]
    assert desk.posts() == 1
    assert desk.gateway.ledger.totals["media_fetches"] >= 3
    assert stored_results() == set()


@pytest.mark.parametrize("result", ["missing", "cut"])
def test_a_picture_that_does_not_come_is_fetched_again_for_a_day(desk: Desk, result: str) -> None:
    desk.gateway.scenario(result=result, result_times=5)
    row = desk.rendered()
    for _ in range(5):
        desk.look()
        row = desk.reload(row, State.RENDERED)
        desk.due(row)
    desk.look()
    desk.reload(row, State.COMPLETED)
    assert desk.posts() == 1


def test_after_a_day_it_is_given_up(desk: Desk) -> None:
    desk.gateway.scenario(result="missing")
    row = desk.rendered()
    desk.move(row, rendered_at=timedelta(hours=-25))
    desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["spent"]


def test_the_way_that_is_broken_does_not_count_as_a_bad_picture(desk: Desk) -> None:
    desk.gateway.scenario(result="missing", result_times=4)
    row = desk.rendered()
    for _ in range(4):
        desk.look()
        desk.due(row)
    row = desk.reload(row, State.RENDERED)
    assert row.download_failures == 0


def test_a_fetch_that_dies_three_times_fails(desk: Desk) -> None:
    row = desk.rendered()
    type(row).objects.filter(pk=row.pk).update(claims=2)
    desk.look()
    desk.reload(row, State.COMPLETED)

    row = desk.ask()
    desk.look()
    desk.made(row, times=2)
    type(row).objects.filter(pk=row.pk).update(claims=3)
    fetches = desk.gateway.ledger.totals["media_fetches"]
    desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.gateway.ledger.totals["media_fetches"] == fetches
    assert desk.money(row) == ["spent"]


def test_a_storage_that_is_away_loses_no_render(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.rendered()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as away:
        away.setattr(TryOnImage._meta.get_field("file").storage, "save", full)
        for _ in range(5):
            desk.look()
            row = desk.reload(row, State.RENDERED)
            assert row.claims == 0
            desk.due(row)
    desk.look()
    desk.reload(row, State.COMPLETED)


def test_a_commit_whose_answer_is_lost_costs_no_picture(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.rendered()
    database: Any = BaseDatabaseWrapper
    commit = database._commit
    lost: list[bool] = []

    def without_answer(self: BaseDatabaseWrapper) -> None:
        commit(self)
        # No statement may tell: it would begin another transaction.
        if not lost and stored_results() and threading.current_thread().name.startswith("vton-news"):
            lost.append(True)
            self.errors_occurred = True
            if self.vendor != "sqlite":
                self.connection.close()
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(database, "_commit", without_answer)
    desk.look()
    row = desk.reload(row, State.COMPLETED)
    assert lost
    assert row.images.count() == 1
    assert len(stored_results()) == 2


def test_erased_while_it_is_fetched_leaves_no_files(desk: Desk) -> None:
    desk.gateway.scenario(result_seconds=0.5)
    row = desk.rendered()
    with desk.looking():
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["media_fetches"])
        privacy.erase(row)
    row = desk.reload(row, State.CANCELED)
    assert (row.shopper, row.photo, row.result_urls) == (None, None, [])
    assert stored_results() == set()
    assert desk.money(row) == ["spent"]


def ask(job: claims.Job) -> Answer:
    """What the vendor says of it."""

    async def call() -> Answer:
        url, key = config.PIXAZO_BASE_URL, config.PIXAZO_API_KEY
        async with Pixazo(base_url=url, api_key=key, result_hosts=None, loopback=True) as pixazo:
            return await pixazo.ask(job.engine, job.attempt.vendor_id or "")

    return asyncio.run(call())


def test_the_pump_that_asked_has_the_row_for_the_fetch(desk: Desk) -> None:
    row = desk.submitted()
    assert desk.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].ended)
    desk.due(row)
    [job] = claims.take(10, 0)
    fetch = outcomes.asked(job, ask(job), None, may_fetch=True)
    assert fetch is not None
    assert fetch.kind == "fetch"
    row = desk.reload(row, State.RENDERED)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now()
    assert row.claims == 1
    desk.look()
    desk.reload(row, State.RENDERED)

    # It never came back: its claim is counted, and the next one fetches.
    desk.due(row)
    [job] = claims.take(10, 0)
    assert (job.kind, job.request.claims) == ("fetch", 2)
    desk.due(row)
    desk.look()
    desk.reload(row, State.COMPLETED)
    assert desk.posts() == 1


def test_a_failed_render_is_nothing_to_fetch(desk: Desk) -> None:
    desk.gateway.scenario(outcome="FAILED")
    row = desk.submitted()
    assert desk.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].ended)
    desk.due(row)
    [job] = claims.take(10, 0)
    assert outcomes.asked(job, ask(job), None, may_fetch=True) is None
    desk.reload(row, State.FAILED, "vendor")
