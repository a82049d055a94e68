"""Cancel and erase in each state, and what they cost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from django_vton import lifecycle, privacy
from django_vton.models import PersonPhoto, Quota, TryOnRequest
from django_vton.models.states import State
from django_vton.shoppers import Visitor

from ..tryons import claim_for_submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .harness import Harness


def queued(harness: Harness) -> TryOnRequest:
    return harness.order()


def submitting(harness: Harness) -> TryOnRequest:
    row = harness.order()
    claim_for_submit(row)
    return row


def unknown(harness: Harness) -> TryOnRequest:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    return row


def submitted(harness: Harness) -> TryOnRequest:
    return harness.order_submitted()


def rendered(harness: Harness) -> TryOnRequest:
    return harness.order_rendered()


RUNNING = [
    (queued, "free"),
    (submitting, "spent"),
    (unknown, "spent"),
    (submitted, "spent"),
    (rendered, "spent"),
]


@pytest.mark.parametrize("end", [lifecycle.cancel, privacy.erase_tryon], ids=["cancel", "erase"])
@pytest.mark.parametrize(("make", "money"), RUNNING, ids=[make.__name__ for make, _ in RUNNING])
def test_canceling_is_free_before_the_claim_and_spent_after_it(
    harness: Harness,
    make: Callable[[Harness], TryOnRequest],
    money: str,
    end: Callable[[TryOnRequest], object],
) -> None:
    row = make(harness)
    end(row)
    row = harness.reload(row, State.CANCELED)
    assert harness.money_states(row) == [money]
    assert Quota.objects.get().used == (0 if money == "free" else 1)
    harness.run_cycle()
    harness.reload(row, State.CANCELED)
    assert not lifecycle.cancel(row)


def test_an_ended_try_on_cannot_be_canceled_but_erased(harness: Harness) -> None:
    row = harness.order_rendered()
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert not lifecycle.cancel(row)
    privacy.erase_tryon(row)
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]


def test_a_try_on_canceled_during_its_submit_is_paid_and_dropped(harness: Harness) -> None:
    harness.gateway.scenario(submit_seconds=0.3)
    row = harness.order()
    with harness.running_cycle():
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"])
        assert lifecycle.cancel(row)
    row = harness.reload(row, State.CANCELED)
    assert harness.money_states(row) == ["spent"]
    assert row.attempts.get().vendor_id == harness.gateway.ledger.entries[0].request_id


def test_a_try_on_canceled_during_a_refused_submit_is_free(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=400, submit_seconds=0.3)
    row = harness.order()
    with harness.running_cycle():
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["refused"])
        assert lifecycle.cancel(row)
    row = harness.reload(row, State.CANCELED)
    assert harness.money_states(row) == ["free"]


def order_shared(
    harness: Harness, model: PersonPhoto, followers: int = 2
) -> tuple[TryOnRequest, list[TryOnRequest]]:
    """A render of a house model, and its followers."""
    waiting = [harness.order(photo=None, photo_id=str(model.pk), consent=False) for _ in range(followers)]
    source = waiting[0].source
    assert source is not None
    assert {follower.source for follower in waiting} == {source}
    return source, waiting


def test_followers_complete_with_their_source(harness: Harness, house_model: PersonPhoto) -> None:
    source, waiting = order_shared(harness, house_model)
    harness.run_cycle()
    harness.poll_when_finished(source)
    harness.run_cycle()
    harness.reload(source, State.COMPLETED)
    for follower in waiting:
        row = harness.reload(follower, State.COMPLETED)
        assert [image.request_id for image in row.shown_images] == [source.pk]
    assert harness.post_count() == 1


def test_followers_fail_with_their_source(harness: Harness, house_model: PersonPhoto) -> None:
    harness.gateway.scenario(submit_status=400, submit_error="ContentModerationError")
    source, waiting = order_shared(harness, house_model)
    counted = Quota.objects.exclude(key__startswith="shared:")
    assert [row.used for row in counted] == [1]
    harness.run_cycle()
    harness.reload(source, State.FAILED, "moderated")
    for follower in waiting:
        harness.reload(follower, State.FAILED, "moderated")
    assert [row.used for row in counted.all()] == [0]
    again = harness.order(photo=None, photo_id=str(house_model.pk), consent=False)
    assert again.source_id != source.pk


def test_followers_come_back_with_their_source(harness: Harness, house_model: PersonPhoto) -> None:
    source, waiting = order_shared(harness, house_model)
    harness.run_cycle()
    left, erased = waiting
    source = harness.reload(source, State.SUBMITTED)
    lifecycle.fail_at_deadline(source.attempts.get())
    harness.reload(left, State.FAILED, "deadline")
    privacy.erase_tryon(erased)
    lifecycle.receive_callback(source.attempts.get(), "")
    harness.reload(left, State.QUEUED)
    harness.poll_when_finished(source)
    harness.run_cycle()
    harness.reload(left, State.COMPLETED)
    harness.reload(erased, State.FAILED, "deadline")


def test_the_last_follower_that_cancels_cancels_an_unpaid_render(
    harness: Harness, house_model: PersonPhoto
) -> None:
    source, (first, second) = order_shared(harness, house_model)
    assert lifecycle.cancel(first)
    harness.reload(source, State.QUEUED)
    assert lifecycle.cancel(second)
    source = harness.reload(source, State.CANCELED)
    assert harness.money_states(source) == ["free"]
    harness.run_cycle()
    assert harness.post_count() == 0


def test_a_paid_render_continues_without_followers(harness: Harness, house_model: PersonPhoto) -> None:
    source, (only,) = order_shared(harness, house_model, followers=1)
    harness.run_cycle()
    assert lifecycle.cancel(only)
    harness.poll_when_finished(source)
    harness.run_cycle()
    harness.reload(source, State.COMPLETED)
    later = harness.order(photo=None, photo_id=str(house_model.pk), consent=False)
    harness.reload(later, State.COMPLETED)
    assert harness.post_count() == 1


def test_all_followers_can_cancel_at_the_same_time(harness: Harness, house_model: PersonPhoto) -> None:
    source, waiting = order_shared(harness, house_model, followers=6)
    start = threading.Barrier(len(waiting))
    errors: list[BaseException] = []

    def cancel(row: TryOnRequest) -> None:
        try:
            start.wait()
            assert lifecycle.cancel(row)
        except BaseException as error:  # noqa: BLE001 - it is shown in the test's own thread
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=cancel, args=(row,)) for row in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    source = harness.reload(source, State.CANCELED)
    assert harness.money_states(source) == ["free"]


def test_the_same_shopper_and_photo_are_not_paid_twice(harness: Harness) -> None:
    visitor = Visitor()
    photo = harness.photo(300, 400, shade=9)
    first = harness.order(visitor, photo=_file(photo))
    harness.run_cycle()
    harness.poll_when_finished(first)
    harness.run_cycle()
    harness.reload(first, State.COMPLETED)
    again = harness.order(visitor, photo=_file(photo))
    again = harness.reload(again, State.COMPLETED)
    assert again.cached
    privacy.erase_tryon(first)
    again = harness.reload(again, State.COMPLETED)
    assert len(again.shown_images) == 1
    assert harness.post_count() == 1


def _file(data: bytes) -> object:
    import io

    return io.BytesIO(data)
