"""Result images are downloaded until they are stored, and never rendered again."""

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
from django_vton.pixazo.client import PixazoClient
from django_vton.worker import claims, outcomes

from ..lifecycle.harness import Harness, stored_results

if TYPE_CHECKING:
    from django_vton.pixazo import VendorResponse


@pytest.mark.parametrize("result", ["broken", "html", "truncated", "redirect"])
def test_the_third_download_without_an_image_fails_without_a_second_render(
    harness: Harness, result: str
) -> None:
    harness.gateway.scenario(result=result)
    row = harness.order_rendered()
    for _ in range(2):
        harness.run_cycle()
        row = harness.reload(row, State.RENDERED)
        harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["spent"]
    assert harness.post_count() == 1
    assert harness.gateway.ledger.totals["media_fetches"] >= 3
    assert stored_results() == set()


@pytest.mark.parametrize("result", ["missing", "cut"])
def test_a_failed_download_is_repeated(harness: Harness, result: str) -> None:
    harness.gateway.scenario(result=result, result_times=5)
    row = harness.order_rendered()
    for _ in range(5):
        harness.run_cycle()
        row = harness.reload(row, State.RENDERED)
        harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.post_count() == 1


def test_a_download_is_given_up_after_a_day(harness: Harness) -> None:
    harness.gateway.scenario(result="missing")
    row = harness.order_rendered()
    harness.set_times(row, rendered_at=timedelta(hours=-25))
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["spent"]


def test_a_failed_connection_does_not_count_as_an_unreadable_image(harness: Harness) -> None:
    harness.gateway.scenario(result="missing", result_times=4)
    row = harness.order_rendered()
    for _ in range(4):
        harness.run_cycle()
        harness.make_due(row)
    row = harness.reload(row, State.RENDERED)
    assert row.download_failures == 0


def test_the_fourth_claim_of_a_download_that_crashes_fails_it(harness: Harness) -> None:
    row = harness.order_rendered()
    type(row).objects.filter(pk=row.pk).update(claim_count=2)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)

    row = harness.order()
    harness.run_cycle()
    harness.poll_when_finished(row, times=2)
    type(row).objects.filter(pk=row.pk).update(claim_count=3)
    fetches = harness.gateway.ledger.totals["media_fetches"]
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.gateway.ledger.totals["media_fetches"] == fetches
    assert harness.money_states(row) == ["spent"]


def test_an_error_of_the_storage_loses_no_render(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    row = harness.order_rendered()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as away:
        away.setattr(TryOnImage._meta.get_field("file").storage, "save", full)
        for _ in range(5):
            harness.run_cycle()
            row = harness.reload(row, State.RENDERED)
            assert row.claim_count == 0
            harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)


def test_a_commit_with_a_lost_confirmation_deletes_no_image(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = harness.order_rendered()
    database: Any = BaseDatabaseWrapper
    commit = database._commit
    lost: list[bool] = []

    def without_answer(self: BaseDatabaseWrapper) -> None:
        commit(self)
        # A query here would begin another transaction.
        if not lost and stored_results() and threading.current_thread().name.startswith("vton-outcomes"):
            lost.append(True)
            self.errors_occurred = True
            if self.vendor != "sqlite":
                self.connection.close()
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(database, "_commit", without_answer)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert lost
    assert row.images.count() == 1
    assert len(stored_results()) == 2


def test_a_try_on_erased_during_its_download_leaves_no_files(harness: Harness) -> None:
    harness.gateway.scenario(result_seconds=0.5)
    row = harness.order_rendered()
    with harness.running_cycle():
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["media_fetches"])
        privacy.erase_tryon(row)
    row = harness.reload(row, State.CANCELED)
    assert (row.shopper, row.photo, row.result_urls) == (None, None, [])
    assert stored_results() == set()
    assert harness.money_states(row) == ["spent"]


def poll(job: claims.Job) -> VendorResponse:
    """The vendor's response about this job."""

    async def call() -> VendorResponse:
        url, key = config.PIXAZO_BASE_URL, config.PIXAZO_API_KEY
        async with PixazoClient(base_url=url, api_key=key, result_hosts=None, loopback=True) as pixazo:
            return await pixazo.poll(job.engine, job.attempt.vendor_id or "")

    return asyncio.run(call())


def test_a_dispatcher_that_polls_a_finished_render_claims_its_download(harness: Harness) -> None:
    row = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].ended)
    harness.make_due(row)
    [job] = claims.claim_jobs(10, 0)
    download = outcomes.on_poll([(job, poll(job), None, True)])[0]
    assert download is not None
    assert download.kind == "download"
    row = harness.reload(row, State.RENDERED)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now()
    assert row.claim_count == 1
    harness.run_cycle()
    harness.reload(row, State.RENDERED)

    # Its worker does not come back: the claim is counted, and the next one downloads.
    harness.make_due(row)
    [job] = claims.claim_jobs(10, 0)
    assert (job.kind, job.request.claim_count) == ("download", 2)
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.post_count() == 1


def test_a_failed_render_has_no_download(harness: Harness) -> None:
    harness.gateway.scenario(outcome="FAILED")
    row = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].ended)
    harness.make_due(row)
    [job] = claims.claim_jobs(10, 0)
    assert outcomes.on_poll([(job, poll(job), None, True)])[0] is None
    harness.reload(row, State.FAILED, "vendor")
