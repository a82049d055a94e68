"""Every end of a POST, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from django_vton import lifecycle, signals
from django_vton.models import Attempt, Quota, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict, client
from django_vton.worker import outcomes

from ..doors import submit
from ..running import free_port

if TYPE_CHECKING:
    from ..conftest import Vton
    from .desk import Desk


def attempt(row: Any) -> Attempt:
    return Attempt.objects.filter(request=row).latest("number")


def test_accepted_is_held_then_spent_and_completes(desk: Desk) -> None:
    row = desk.submitted()
    assert desk.money(row) == ["held"]
    assert (attempt(row).verdict, attempt(row).http_status) == ("accepted", 200)

    desk.made(row)
    row = desk.reload(row, State.RENDERED)
    assert desk.money(row) == ["spent"]
    desk.look()
    row = desk.reload(row, State.COMPLETED)
    assert desk.spent() == desk.charged() == 300_000


def test_a_terminal_answer_to_the_submit_itself_is_taken(desk: Desk) -> None:
    desk.gateway.scenario(submit="terminal")
    row = desk.ask()
    desk.look()
    desk.reload(row, State.RENDERED)
    desk.look()
    desk.reload(row, State.COMPLETED)
    assert desk.gateway.ledger.totals["asks"] == 0


def test_a_final_refusal_is_free_and_counts_against_nobody(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=400, submit_error="ContentModerationError: no")
    row = desk.ask()
    assert Quota.objects.get().used == 1
    desk.look()
    row = desk.reload(row, State.FAILED, "moderated")
    assert desk.money(row) == ["free"]
    assert Quota.objects.get().used == 0
    assert desk.charged() == desk.spent() == 0


@pytest.mark.parametrize("status", [500, 503])
def test_a_passing_refusal_backs_off_and_goes_again(desk: Desk, status: int) -> None:
    desk.gateway.scenario(submit_status=status)
    row = desk.ask()
    desk.look()
    row = desk.reload(row, State.QUEUED)
    assert desk.money(row) == ["free", "held"]
    assert row.due_at is not None
    assert row.due_at > row.created_at + timedelta(seconds=0.5)

    desk.look()
    assert desk.posts() == 1, "it is not due yet"
    desk.due(row)
    desk.look()
    desk.reload(row, State.SUBMITTED)
    assert desk.posts() == 2


def test_the_sixth_passing_refusal_is_final_and_free(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=500, times=None)
    row = desk.ask()
    for _ in range(6):
        desk.due(row)
        desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["free"] * 6


def test_what_was_not_sent_goes_again_and_is_no_refusal(
    desk: Desk, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    url = desk.gateway.url
    nobody = f"http://127.0.0.1:{free_port()}"
    vton(PIXAZO_BASE_URL=nobody)
    row = desk.ask()
    for _ in range(7):
        desk.due(row)
        desk.look()
    row = desk.reload(row, State.QUEUED)
    assert set(Attempt.objects.values_list("verdict", flat=True)) == {"not_sent", ""}
    assert desk.money(row) == ["free"] * 7 + ["held"]
    [told, *_] = [line for line in caplog.messages if "was not sent" in line]
    assert f"was not sent to {nobody}: ConnectError" in told
    assert told.endswith("(is vton_sandbox running?)")

    vton(PIXAZO_BASE_URL=url)
    desk.gateway.scenario(submit_status=500)
    desk.due(row)
    desk.look()
    desk.reload(row, State.QUEUED)


@pytest.mark.parametrize(
    "trouble",
    [
        {"submit": "close"},
        {"submit": "no_id"},
        {"submit": "hang"},
        {"submit_status": 502, "accepted": True},
        {"submit_status": 500, "submit_html": True, "accepted": True},
    ],
    ids=str,
)
def test_a_lost_answer_is_never_sent_again_and_ends_spent(
    desk: Desk, trouble: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TIMEOUT", httpx.Timeout(0.5))
    desk.gateway.scenario(**trouble)
    told: list[Any] = []

    def needs_attention(**arguments: Any) -> None:
        told.append((arguments["request_id"], arguments["code"]))

    signals.tryon_needs_attention.connect(needs_attention)
    try:
        row = desk.ask()
        desk.look()
        row = desk.reload(row, State.UNKNOWN)
        assert desk.money(row) == ["held"]
        desk.look()
        desk.reload(row, State.UNKNOWN)
        assert told == []

        desk.due(row)
        desk.look()
    finally:
        signals.tryon_needs_attention.disconnect(needs_attention)
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    assert told == [(row.pk, "outcome_unknown")]
    assert desk.money(row) == ["spent"]
    assert desk.posts() == 1
    assert desk.spent() == desk.charged()


def test_a_vendor_id_that_belongs_to_another_attempt_is_not_taken_over(desk: Desk) -> None:
    known = attempt(desk.submitted()).vendor_id
    row = desk.ask()
    mine = submit(row)
    answer = Answer(vendor_id=known or "", status=Status.RUNNING, word="QUEUED")
    lifecycle.submit_answered(mine, Submission(verdict=Verdict.ACCEPTED, answer=answer), answer)
    row = desk.reload(row, State.UNKNOWN)
    assert attempt(row).vendor_id is None
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    assert desk.money(row) == ["spent"]


def test_a_photo_that_has_gone_ends_the_try_on_free_of_charge(desk: Desk) -> None:
    row = desk.ask()
    assert row.photo is not None
    type(row.photo).objects.filter(pk=row.photo.pk).update(expires_at=row.created_at)
    desk.look()
    row = desk.reload(row, State.FAILED, "deadline")
    assert desk.money(row) == ["free"]
    assert desk.posts() == 0


def test_a_file_that_cannot_be_read_is_not_sent(desk: Desk) -> None:
    row = desk.ask()
    assert row.photo is not None
    row.photo.file.storage.delete(str(row.photo.file))
    desk.look()
    desk.reload(row, State.QUEUED)
    assert desk.posts() == 0


def test_a_house_models_lost_file_is_not_tried_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MAX_ATTEMPTS", 2)
    row = desk.ask()
    assert row.photo is not None
    row.photo.file.storage.delete(str(row.photo.file))
    desk.look()
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["free", "free"]


def test_an_engine_that_the_shop_has_no_more_stops_nobody(desk: Desk) -> None:
    sent = desk.submitted()
    queued, row = desk.ask(), desk.ask()
    type(sent).objects.filter(pk__in=[sent.pk, queued.pk]).update(engine="gone-v1")
    desk.due(sent)
    desk.look()
    queued = desk.reload(queued, State.FAILED, "vendor")
    assert desk.money(queued) == ["free"]
    desk.reload(row, State.SUBMITTED)

    desk.posted(sent, timedelta(minutes=16))
    desk.due(sent)
    desk.look()
    desk.reload(sent, State.FAILED, "deadline")


def test_links_die_with_a_refused_attempt(garments: Desk) -> None:
    garments.gateway.scenario(submit_status=500)
    row = garments.ask()
    garments.look()
    garments.reload(row, State.QUEUED)
    assert not VendorLink.objects.exists()
