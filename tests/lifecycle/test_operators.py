"""An operator looked into the vendor's panel, and says what became of a submit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.conf import config
from django_vton.exceptions import BudgetExhausted
from django_vton.models import PersonPhoto
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

    from ..conftest import Vton
    from .desk import Desk

LONG = timedelta(minutes=5)


@pytest.fixture
def lost(desk: Desk) -> TryOnRequest:
    """Charged, and its answer never came."""
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    desk.due(row)
    desk.look()
    desk.posted(row, LONG)
    return desk.reload(row, State.FAILED, "outcome_unknown")


def test_an_adopted_id_brings_the_render(desk: Desk, lost: TryOnRequest) -> None:
    vendor_id = desk.gateway.ledger.entries[0].request_id or ""
    assert lifecycle.adopt(lost, vendor_id, actor_id=None)
    desk.made(lost)
    desk.look()
    row = desk.reload(lost, State.COMPLETED)
    assert desk.money(row) == ["spent"]
    assert not lifecycle.adopt(row, vendor_id, actor_id=None)


def test_an_id_is_adopted_while_it_is_still_in_doubt_as_well(desk: Desk) -> None:
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    assert lifecycle.adopt(row, desk.gateway.ledger.entries[0].request_id or "", actor_id=None)
    desk.reload(row, State.SUBMITTED)


def test_another_ones_id_is_not_adopted(desk: Desk, lost: TryOnRequest) -> None:
    other = desk.submitted()
    assert not lifecycle.adopt(lost, other.attempts.get().vendor_id or "", actor_id=None)
    desk.reload(lost, State.FAILED, "outcome_unknown")


def test_not_charged_frees_the_money_and_goes_again(desk: Desk, lost: TryOnRequest) -> None:
    # The gateway did charge this one: only the rows are compared here.
    assert lifecycle.not_charged(lost, actor_id=None)
    row = desk.reload(lost, State.QUEUED)
    assert desk.money(row) == ["free", "held"]
    desk.look()
    row = desk.reload(row, State.SUBMITTED)
    assert not lifecycle.not_charged(row, actor_id=None)
    desk.gateway.reset()
    assert lifecycle.cancel(row)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_late_news_of_the_denied_attempt_does_not_end_the_next(
    desk: Desk, lost: TryOnRequest, status: Status
) -> None:
    first = lost.attempts.get()
    assert lifecycle.not_charged(lost, actor_id=None)
    desk.look()
    row = desk.reload(lost, State.SUBMITTED)
    answer = Answer(
        vendor_id="the first one's", status=status, word=status, images=("http://a.invalid/1.png",)
    )
    first.request = row
    lifecycle.submit_answered(first, Submission(verdict=Verdict.ACCEPTED, answer=answer), answer)
    assert not lifecycle.rendered(row, first, answer)
    assert not lifecycle.render_failed(row, first, answer, charged=True)
    lifecycle.deadline_over(row, first)
    assert desk.money(desk.reload(row, State.SUBMITTED)) == ["free", "held"]
    desk.gateway.reset()
    assert lifecycle.cancel(row)


def test_not_charged_finds_no_money(desk: Desk, lost: TryOnRequest, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.29"))
    with pytest.raises(BudgetExhausted):
        lifecycle.not_charged(lost, actor_id=None)
    row = desk.reload(lost, State.FAILED, "outcome_unknown")
    assert desk.money(row) == ["spent"]


def test_not_charged_waits_until_no_answer_can_come(desk: Desk, lost: TryOnRequest) -> None:
    desk.posted(lost, timedelta(seconds=30))
    assert not lifecycle.not_charged(lost, actor_id=None)
    desk.reload(lost, State.FAILED, "outcome_unknown")


def test_without_its_photo_the_money_is_free_and_nothing_is_sent(desk: Desk, lost: TryOnRequest) -> None:
    assert lost.photo is not None
    lost.photo.delete()
    attempt = lost.attempts.get()
    # The gateway did charge this one: only the rows are compared here.
    desk.gateway.reset()
    assert lifecycle.not_charged(lost, actor_id=None)
    row = desk.reload(lost, State.FAILED, "vendor")
    assert desk.money(row) == ["free"]
    assert row.events.last() == row.events.get(name="not_charged")
    assert not lifecycle.not_charged(row, actor_id=None)
    # What is free must not come back to life unpaid.
    assert not lifecycle.callback(attempt, "late")
    desk.reload(lost, State.FAILED, "vendor")


def test_an_erased_one_can_only_be_freed(desk: Desk, lost: TryOnRequest) -> None:
    privacy.erase(lost)
    assert not lifecycle.adopt(lost, "some id", actor_id=None)
    assert lost.attempts.get().vendor_id is None
    desk.gateway.reset()
    assert lifecycle.not_charged(lost, actor_id=None)
    row = desk.reload(lost, State.FAILED, "vendor")
    assert desk.money(row) == ["free"]


def test_what_a_late_callback_named_was_charged(desk: Desk, lost: TryOnRequest) -> None:
    privacy.erase(lost)
    attempt = lost.attempts.get()
    lifecycle.callback(attempt, desk.gateway.ledger.entries[0].request_id or "")
    assert not lifecycle.not_charged(lost, actor_id=None)
    row = desk.reload(lost, State.FAILED, "outcome_unknown")
    assert desk.money(row) == ["spent"]


def test_a_correction_of_the_id_is_in_the_history(desk: Desk) -> None:
    row = desk.submitted()
    before = row.attempts.get().vendor_id
    desk.posted(row, config.DEADLINE)
    lifecycle.deadline_over(row, row.attempts.get())
    assert lifecycle.adopt(row, "the right one", actor_id=None)
    assert row.events.get(name="adopted").detail == {"vendor_id": "the right one", "before": before}
    # The gateway's ledger knows the first id only.
    desk.gateway.reset()
    assert lifecycle.cancel(row)


def test_a_reopened_render_of_a_house_model_is_shared_again(desk: Desk, house_model: PersonPhoto) -> None:
    desk.gateway.scenario(submit="close")
    asked: dict[str, Any] = {"photo": None, "photo_id": str(house_model.pk), "consent": False}
    first = desk.ask(**asked)
    source = first.source
    assert source is not None
    desk.look()
    desk.due(source)
    desk.look()
    desk.reload(source, State.FAILED, "outcome_unknown")
    assert lifecycle.adopt(source, desk.gateway.ledger.entries[0].request_id or "", actor_id=None)
    assert desk.ask(**asked).source == source
    desk.made(source)
    desk.look()
    desk.reload(first, State.COMPLETED)
    assert desk.posts() == 1


def test_where_another_was_made_meanwhile_that_one_is_shared(desk: Desk, house_model: PersonPhoto) -> None:
    desk.gateway.scenario(submit="close")
    asked: dict[str, Any] = {"photo": None, "photo_id": str(house_model.pk), "consent": False}
    source = desk.ask(**asked).source
    assert source is not None
    desk.look()
    desk.due(source)
    desk.look()
    other = desk.ask(**asked).source
    assert other is not None
    assert other != source
    assert lifecycle.adopt(source, desk.gateway.ledger.entries[0].request_id or "", actor_id=None)
    assert desk.reload(source, State.SUBMITTED).shared_key is None
    assert desk.ask(**asked).source == other
    desk.look()
    desk.made(source, times=2)
    desk.made(other, times=2)
    desk.look()


def test_written_off_it_stays_as_it_is(desk: Desk, lost: TryOnRequest) -> None:
    assert lifecycle.write_off(lost, actor_id=None)
    row = desk.reload(lost, State.FAILED, "outcome_unknown")
    last = row.events.last()
    assert last is not None
    assert last.name == "written_off"
    assert not lifecycle.write_off(desk.submitted(), actor_id=None)


def test_a_rendering_one_is_not_in_doubt(desk: Desk) -> None:
    row = desk.submitted()
    assert not lifecycle.adopt(row, "some id", actor_id=None)
    assert not lifecycle.not_charged(row, actor_id=None)


def test_what_was_never_sent_has_nothing_to_adopt(desk: Desk) -> None:
    row = desk.ask()
    PersonPhoto.objects.filter(try_ons=row).update(expires_at=timezone.now())
    desk.look()
    row = desk.reload(row, State.FAILED, "deadline")
    assert not lifecycle.adopt(row, "some id", actor_id=None)
    assert desk.money(desk.reload(row, State.FAILED, "deadline")) == ["free"]
