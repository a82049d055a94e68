"""Feedback on the result page, by buttons that work without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.intake import feedback
from tests.tryons import complete_tryon

from .actions import Elements, post_action, result_url, text

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import TryOnRequest

pytestmark = pytest.mark.django_db

REASON_QUESTION = "What didn't you like?"


@pytest.fixture
def done(row: TryOnRequest) -> TryOnRequest:
    return complete_tryon(row)


def pressed_buttons(guest: Client, row: TryOnRequest) -> set[str]:
    """Return the values of the pressed buttons of the page."""
    buttons = Elements(guest.get(result_url(row))).find("button", **{"aria-pressed": "true"})
    return {button["value"] for button in buttons if "value" in button}


def stored_feedback(row: TryOnRequest) -> tuple[str, str]:
    row.refresh_from_db()
    return row.feedback, row.feedback_reason


def test_a_running_try_on_accepts_no_feedback(guest: Client, row: TryOnRequest) -> None:
    for action in ("like", "dislike", "reason-fit"):
        assert post_action(guest, result_url(row), action).status_code == 400
    assert stored_feedback(row) == ("", "")


def test_a_second_click_on_the_button_removes_the_feedback(guest: Client, done: TryOnRequest) -> None:
    for action, expected in [("like", "like"), ("dislike", "dislike"), ("dislike", "")]:
        assert post_action(guest, result_url(done), action).status_code == 303
        assert stored_feedback(done) == (expected, "")
        assert pressed_buttons(guest, done) == ({expected} if expected else set())


def test_only_a_dislike_shows_the_reasons(guest: Client, done: TryOnRequest) -> None:
    assert REASON_QUESTION not in text(guest.get(result_url(done)))
    answer = post_action(guest, result_url(done), "dislike")
    # The browser scrolls to the question.
    assert answer["Location"] == f"{result_url(done)}#vton-feedback"
    page = guest.get(result_url(done))
    assert REASON_QUESTION in text(page)
    assert 'id="vton-feedback"' in text(page)
    for label in ("Fit", "Colour", "Doesn&#x27;t look like me", "Poor picture"):
        assert f">{label}</button>" in text(page)
    post_action(guest, result_url(done), "like")
    assert REASON_QUESTION not in text(guest.get(result_url(done)))


@pytest.mark.parametrize("reason", feedback.REASONS)
def test_each_reason_is_given_by_one_click(guest: Client, done: TryOnRequest, reason: str) -> None:
    post_action(guest, result_url(done), "dislike")
    assert Elements(guest.get(result_url(done))).find("button", name="action", value=f"reason-{reason}")
    assert post_action(guest, result_url(done), f"reason-{reason}").status_code == 303
    assert stored_feedback(done) == ("dislike", reason)
    assert pressed_buttons(guest, done) == {"dislike", f"reason-{reason}"}
    assert "Thank you" in text(guest.get(result_url(done)))


def test_a_reason_can_be_changed_and_removed(guest: Client, done: TryOnRequest) -> None:
    for action, reason in [("reason-fit", "fit"), ("reason-colour", "colour"), ("reason-colour", "")]:
        post_action(guest, result_url(done), action)
        assert stored_feedback(done) == ("dislike", reason)
    post_action(guest, result_url(done), "reason-fit")
    post_action(guest, result_url(done), "like")
    assert stored_feedback(done) == ("like", "")


@pytest.mark.parametrize("action", ["reason-", "reason-love", "fit", "reason-fit ", "reason-\0", ""])
def test_an_unknown_reason_is_refused(guest: Client, done: TryOnRequest, action: str) -> None:
    post_action(guest, result_url(done), "dislike")
    assert post_action(guest, result_url(done), action).status_code == 400
    assert stored_feedback(done) == ("dislike", "")


def test_other_visitors_cannot_give_feedback(stranger: Client, done: TryOnRequest) -> None:
    for action in ("like", "reason-fit"):
        assert post_action(stranger, result_url(done), action).status_code == 404
    assert stored_feedback(done) == ("", "")
