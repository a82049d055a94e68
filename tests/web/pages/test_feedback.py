"""Like, "Not for me" and why not: buttons of a form, so that they work without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.intake import feedback
from tests.doors import render

from .steps import Elements, act, page_of, text

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import TryOnRequest

pytestmark = pytest.mark.django_db

WHY = "What didn't you like?"


@pytest.fixture
def done(row: TryOnRequest) -> TryOnRequest:
    return render(row)


def pressed(guest: Client, row: TryOnRequest) -> set[str]:
    """The buttons that are pressed on the page."""
    buttons = Elements(guest.get(page_of(row))).of("button", **{"aria-pressed": "true"})
    return {button["value"] for button in buttons if "value" in button}


def stored(row: TryOnRequest) -> tuple[str, str]:
    row.refresh_from_db()
    return row.feedback, row.feedback_reason


def test_there_is_nothing_to_like_yet(guest: Client, row: TryOnRequest) -> None:
    for action in ("like", "dislike", "reason-fit"):
        assert act(guest, page_of(row), action).status_code == 400
    assert stored(row) == ("", "")


def test_the_same_button_once_more_takes_it_back(guest: Client, done: TryOnRequest) -> None:
    for action, expected in [("like", "like"), ("dislike", "dislike"), ("dislike", "")]:
        assert act(guest, page_of(done), action).status_code == 303
        assert stored(done) == (expected, "")
        assert pressed(guest, done) == ({expected} if expected else set())


def test_why_not_is_asked_after_not_for_me_alone(guest: Client, done: TryOnRequest) -> None:
    assert WHY not in text(guest.get(page_of(done)))
    answer = act(guest, page_of(done), "dislike")
    # The question is in sight.
    assert answer["Location"] == f"{page_of(done)}#vton-feedback"
    page = guest.get(page_of(done))
    assert WHY in text(page)
    assert 'id="vton-feedback"' in text(page)
    for words in ("Fit", "Colour", "Doesn&#x27;t look like me", "Poor picture"):
        assert f">{words}</button>" in text(page)
    act(guest, page_of(done), "like")
    assert WHY not in text(guest.get(page_of(done)))


@pytest.mark.parametrize("reason", feedback.REASONS)
def test_each_reason_is_one_tap(guest: Client, done: TryOnRequest, reason: str) -> None:
    act(guest, page_of(done), "dislike")
    assert Elements(guest.get(page_of(done))).of("button", name="action", value=f"reason-{reason}")
    assert act(guest, page_of(done), f"reason-{reason}").status_code == 303
    assert stored(done) == ("dislike", reason)
    assert pressed(guest, done) == {"dislike", f"reason-{reason}"}
    assert "Thank you" in text(guest.get(page_of(done)))


def test_a_reason_can_change_and_be_taken_back(guest: Client, done: TryOnRequest) -> None:
    for action, reason in [("reason-fit", "fit"), ("reason-colour", "colour"), ("reason-colour", "")]:
        act(guest, page_of(done), action)
        assert stored(done) == ("dislike", reason)
    act(guest, page_of(done), "reason-fit")
    act(guest, page_of(done), "like")
    assert stored(done) == ("like", "")


@pytest.mark.parametrize("action", ["reason-", "reason-love", "fit", "reason-fit ", "reason-\0", ""])
def test_an_unknown_reason_is_refused(guest: Client, done: TryOnRequest, action: str) -> None:
    act(guest, page_of(done), "dislike")
    assert act(guest, page_of(done), action).status_code == 400
    assert stored(done) == ("dislike", "")


def test_nobody_else_gives_feedback(stranger: Client, done: TryOnRequest) -> None:
    for action in ("like", "reason-fit"):
        assert act(stranger, page_of(done), action).status_code == 404
    assert stored(done) == ("", "")
