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

from ..doors import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .desk import Desk


def queued(desk: Desk) -> TryOnRequest:
    return desk.ask()


def submitting(desk: Desk) -> TryOnRequest:
    row = desk.ask()
    submit(row)
    return row


def unknown(desk: Desk) -> TryOnRequest:
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    return row


def submitted(desk: Desk) -> TryOnRequest:
    return desk.submitted()


def rendered(desk: Desk) -> TryOnRequest:
    return desk.rendered()


RUNNING = [
    (queued, "free"),
    (submitting, "spent"),
    (unknown, "spent"),
    (submitted, "spent"),
    (rendered, "spent"),
]


@pytest.mark.parametrize("end", [lifecycle.cancel, privacy.erase], ids=["cancel", "erase"])
@pytest.mark.parametrize(("make", "money"), RUNNING, ids=[make.__name__ for make, _ in RUNNING])
def test_before_the_claim_it_is_free_and_after_it_is_spent(
    desk: Desk, make: Callable[[Desk], TryOnRequest], money: str, end: Callable[[TryOnRequest], object]
) -> None:
    row = make(desk)
    end(row)
    row = desk.reload(row, State.CANCELED)
    assert desk.money(row) == [money]
    assert Quota.objects.get().used == (0 if money == "free" else 1)
    desk.look()
    desk.reload(row, State.CANCELED)
    assert not lifecycle.cancel(row)


def test_what_has_ended_cannot_be_canceled_but_erased(desk: Desk) -> None:
    row = desk.rendered()
    desk.look()
    row = desk.reload(row, State.COMPLETED)
    assert not lifecycle.cancel(row)
    privacy.erase(row)
    row = desk.reload(row, State.COMPLETED)
    assert desk.money(row) == ["spent"]


def test_canceled_while_it_is_sent_is_paid_and_dropped(desk: Desk) -> None:
    desk.gateway.scenario(submit_seconds=0.3)
    row = desk.ask()
    with desk.looking():
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"])
        assert lifecycle.cancel(row)
    row = desk.reload(row, State.CANCELED)
    assert desk.money(row) == ["spent"]
    assert row.attempts.get().vendor_id == desk.gateway.ledger.entries[0].request_id


def test_canceled_while_it_is_refused_is_free(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=400, submit_seconds=0.3)
    row = desk.ask()
    with desk.looking():
        assert desk.gateway.ledger.wait_for(lambda ledger: ledger.totals["refused"])
        assert lifecycle.cancel(row)
    row = desk.reload(row, State.CANCELED)
    assert desk.money(row) == ["free"]


def house(desk: Desk, model: PersonPhoto, people: int = 2) -> tuple[TryOnRequest, list[TryOnRequest]]:
    """A render of a house model, and those who wait for it."""
    waiting = [desk.ask(photo=None, photo_id=str(model.pk), consent=False) for _ in range(people)]
    source = waiting[0].source
    assert source is not None
    assert {follower.source for follower in waiting} == {source}
    return source, waiting


def test_followers_complete_with_their_source(desk: Desk, house_model: PersonPhoto) -> None:
    source, waiting = house(desk, house_model)
    desk.look()
    desk.made(source)
    desk.look()
    desk.reload(source, State.COMPLETED)
    for follower in waiting:
        row = desk.reload(follower, State.COMPLETED)
        assert [image.request_id for image in row.pictures] == [source.pk]
    assert desk.posts() == 1


def test_followers_fail_with_their_source(desk: Desk, house_model: PersonPhoto) -> None:
    desk.gateway.scenario(submit_status=400, submit_error="ContentModerationError")
    source, waiting = house(desk, house_model)
    counted = Quota.objects.exclude(key__startswith="shared:")
    assert [row.used for row in counted] == [1]
    desk.look()
    desk.reload(source, State.FAILED, "moderated")
    for follower in waiting:
        desk.reload(follower, State.FAILED, "moderated")
    assert [row.used for row in counted.all()] == [0]
    again = desk.ask(photo=None, photo_id=str(house_model.pk), consent=False)
    assert again.source_id != source.pk


def test_followers_come_back_with_their_source(desk: Desk, house_model: PersonPhoto) -> None:
    source, waiting = house(desk, house_model)
    desk.look()
    left, erased = waiting
    source = desk.reload(source, State.SUBMITTED)
    lifecycle.deadline_over(source, source.attempts.get())
    desk.reload(left, State.FAILED, "deadline")
    privacy.erase(erased)
    lifecycle.callback(source.attempts.get(), "")
    desk.reload(left, State.QUEUED)
    desk.made(source)
    desk.look()
    desk.reload(left, State.COMPLETED)
    desk.reload(erased, State.FAILED, "deadline")


def test_the_last_who_leaves_stops_a_render_that_is_not_paid(desk: Desk, house_model: PersonPhoto) -> None:
    source, (first, second) = house(desk, house_model)
    assert lifecycle.cancel(first)
    desk.reload(source, State.QUEUED)
    assert lifecycle.cancel(second)
    source = desk.reload(source, State.CANCELED)
    assert desk.money(source) == ["free"]
    desk.look()
    assert desk.posts() == 0


def test_a_paid_render_goes_on_for_those_who_come_later(desk: Desk, house_model: PersonPhoto) -> None:
    source, (only,) = house(desk, house_model, people=1)
    desk.look()
    assert lifecycle.cancel(only)
    desk.made(source)
    desk.look()
    desk.reload(source, State.COMPLETED)
    later = desk.ask(photo=None, photo_id=str(house_model.pk), consent=False)
    desk.reload(later, State.COMPLETED)
    assert desk.posts() == 1


def test_all_followers_leave_at_once(desk: Desk, house_model: PersonPhoto) -> None:
    source, waiting = house(desk, house_model, people=6)
    together = threading.Barrier(len(waiting))
    troubles: list[BaseException] = []

    def leave(row: TryOnRequest) -> None:
        try:
            together.wait()
            assert lifecycle.cancel(row)
        except BaseException as trouble:  # noqa: BLE001 - it is shown in the test's own thread
            troubles.append(trouble)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=leave, args=(row,)) for row in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    source = desk.reload(source, State.CANCELED)
    assert desk.money(source) == ["free"]


def test_the_same_shopper_and_photo_are_not_paid_twice(desk: Desk) -> None:
    visitor = Visitor()
    photo = desk.photo(300, 400, shade=9)
    first = desk.ask(visitor, photo=_file(photo))
    desk.look()
    desk.made(first)
    desk.look()
    desk.reload(first, State.COMPLETED)
    again = desk.ask(visitor, photo=_file(photo))
    again = desk.reload(again, State.COMPLETED)
    assert again.cached
    privacy.erase(first)
    again = desk.reload(again, State.COMPLETED)
    assert len(again.pictures) == 1
    assert desk.posts() == 1


def _file(data: bytes) -> object:
    import io

    return io.BytesIO(data)
