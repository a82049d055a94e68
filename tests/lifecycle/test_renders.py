"""What the vendor makes of a paid submit, and how long it is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import Attempt, Quota
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status

from ..running import free_port

if TYPE_CHECKING:
    from ..conftest import Vton
    from .desk import Desk

LONG = timedelta(minutes=16)


def test_failed_is_charged(desk: Desk) -> None:
    desk.gateway.scenario(outcome="FAILED", error="PoseError: no body")
    row = desk.submitted()
    desk.made(row)
    row = desk.reload(row, State.FAILED, "no_person")
    assert desk.money(row) == ["spent"]
    assert Quota.objects.get().used == 1


def test_error_is_free_and_counts_against_nobody(desk: Desk) -> None:
    desk.gateway.scenario(outcome="ERROR")
    row = desk.submitted()
    desk.made(row)
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["free"]
    assert desk.spent() == desk.charged() == 0
    assert Quota.objects.get().used == 0


@pytest.mark.parametrize(
    "trouble", [{"outcome": "SIMMERING"}, {"failed_asks": 9}, {"unknown_asks": 9}], ids=str
)
def test_no_final_word_is_asked_again_until_the_deadline(desk: Desk, trouble: dict[str, object]) -> None:
    desk.gateway.scenario(**trouble)
    row = desk.submitted()
    for _ in range(2):
        desk.due(row)
        desk.look()
        row = desk.reload(row, State.SUBMITTED)
        assert row.due_at is not None
        assert row.due_at > timezone.now()

    desk.posted(row, LONG)
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "deadline")
    assert desk.money(row) == ["spent"]
    assert desk.posts() == 1


def test_a_render_that_is_ready_after_the_deadline_is_taken_when_it_is_asked_for(desk: Desk) -> None:
    row = desk.submitted()
    desk.posted(row, LONG)
    desk.made(row)
    desk.reload(row, State.RENDERED)


def test_the_deadline_is_the_shops(desk: Desk, vton: Vton) -> None:
    vton(DEADLINE=timedelta(seconds=30))
    desk.gateway.scenario(outcome="SIMMERING")
    row = desk.submitted()
    desk.posted(row, timedelta(seconds=31))
    desk.due(row)
    desk.look()
    desk.reload(row, State.FAILED, "deadline")


def test_an_ask_that_kills_the_process_ends_at_the_deadline(desk: Desk) -> None:
    row = desk.submitted()
    type(row).objects.filter(pk=row.pk).update(claims=4)
    desk.posted(row, LONG)
    desk.due(row)
    desk.look()
    desk.reload(row, State.FAILED, "deadline")
    assert desk.gateway.ledger.totals["asks"] == 0


def test_an_answer_about_an_id_that_was_corrected_is_void(desk: Desk) -> None:
    row = desk.submitted()
    attempt = Attempt.objects.get(request=row)
    other = Answer(vendor_id="another", status=Status.COMPLETED, word="COMPLETED", images=("http://x/1",))
    assert not lifecycle.rendered(row, attempt, other)
    failed = Answer(vendor_id="another", status=Status.FAILED, word="FAILED")
    assert not lifecycle.render_failed(row, attempt, failed, charged=True)
    desk.reload(row, State.SUBMITTED)


def test_a_shop_that_the_vendor_does_not_reach_is_named_in_the_log(
    garments: Desk, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(PUBLIC_BASE_URL=f"http://127.0.0.1:{free_port()}")
    row = garments.submitted()
    garments.made(row)
    garments.reload(row, State.FAILED, "photo_unusable")
    assert "Does the vendor reach PUBLIC_BASE_URL (http://127.0.0.1:" in caplog.text


def test_links_that_died_before_the_vendor_came_blame_no_photo(
    garments: Desk, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(PUBLIC_BASE_URL=f"http://127.0.0.1:{free_port()}")
    row = garments.submitted()
    attempt = Attempt.objects.get(request=row)
    lifecycle.deadline_over(row, attempt)
    assert lifecycle.callback(attempt, attempt.vendor_id or "")
    garments.made(row)
    row = garments.reload(row, State.FAILED, "vendor")
    assert garments.money(row) == ["spent"]
    assert "a picture was not loaded" not in caplog.text
