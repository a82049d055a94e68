"""How often the vendor is asked, with callbacks and without."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from django_vton.states import State

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

    from .desk import Desk

SLACK = 3
"""Seconds that a slow machine may need between the write and the look at it."""


def left(row: TryOnRequest) -> float:
    """Seconds until it is asked for."""
    assert row.due_at is not None
    return (row.due_at - timezone.now()).total_seconds()


def assert_pauses(desk: Desk, *, first: int, again: int) -> None:
    desk.gateway.scenario(outcome="SIMMERING", callbacks=0)
    row = desk.submitted()
    assert first - SLACK < left(row) <= first
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.SUBMITTED)
    assert again - SLACK < left(row) <= again


def test_without_a_callback_it_is_asked_for_every_five_seconds(desk: Desk) -> None:
    assert_pauses(desk, first=5, again=5)


def test_with_a_callback_it_is_asked_for_seldom(garments: Desk) -> None:
    assert_pauses(garments, first=20, again=10)


def test_a_late_callback_buys_a_minute(desk: Desk) -> None:
    desk.gateway.scenario(outcome="SIMMERING")
    row = desk.submitted()
    desk.posted(row, timedelta(hours=1))
    desk.move(row, due_at=timedelta(seconds=-1), hinted_at=timedelta(seconds=-50))
    desk.look()
    desk.reload(row, State.SUBMITTED)
    desk.move(row, due_at=timedelta(seconds=-1), hinted_at=timedelta(seconds=-61))
    desk.look()
    desk.reload(row, State.FAILED, "deadline")
