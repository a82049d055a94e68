import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton.models import TryOnRequest
from django_vton.models.states import Money, State

from . import rows
from .conftest import Staff, page, text, told
from .doubt import ADOPT, DETAIL, HEADING, LOST, NOT_CHARGED, WRITE_OFF, YES, state


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate", "spend")


# The section ----------------------------------------------------------------------------------------


def test_the_three_words_say_what_they_do_and_cost(operator: Client) -> None:
    html = page(operator, DETAIL, rows.lost().pk)

    read = text(html)
    assert HEADING in read
    for words in (
        "It shows this render The vendor is asked for it by this id",
        "Nothing is paid again. Vendor's id Adopt",
        "The lost attempt's 0.075 USD are free again, and a new attempt is sent, which costs 0.075 USD.",
        "Not charged, try again…",
        "It stays failed, its 0.075 USD stay spent, and it no longer needs attention. Write off",
    ):
        assert words in read
    assert "vton-barred" not in html


def test_who_may_not_operate_is_not_asked(viewer: Client) -> None:
    assert HEADING not in text(page(viewer, DETAIL, rows.lost().pk))


def test_who_may_not_spend_is_told_so(staff: Staff) -> None:
    read = text(page(staff("operate"), DETAIL, rows.lost().pk))

    assert "You need the permission to start paid renders." in read
    assert "try again…" not in read
    assert "Write off" in read


def test_what_is_certain_is_not_in_doubt(operator: Client) -> None:
    source = rows.lost()
    follower = rows.put(rows.tryon(rows.guest(), source=source), State.FAILED, "outcome_unknown")
    certain = [
        follower,
        rows.complete(rows.tryon(rows.guest())),
        rows.put(rows.tryon(rows.guest()), State.FAILED, "moderated"),
        # Its photo expired in the queue: nothing was ever sent.
        rows.put(rows.tryon(rows.guest()), State.FAILED, "deadline"),
    ]

    for request in certain:
        assert HEADING not in text(page(operator, DETAIL, request.pk))


def test_while_the_answer_may_still_come_only_an_id_helps(operator: Client) -> None:
    request = rows.put(rows.lost(), State.UNKNOWN, due_at=timezone.now() + timedelta(minutes=5))

    read = text(page(operator, DETAIL, request.pk))

    assert read.count("The vendor's answer may still come. Please try again in some minutes.") == 2
    assert "Adopt" in read
    assert "Write off" not in read


def test_one_that_took_too_long_is_asked_for_again_by_its_own_id(operator: Client) -> None:
    request = rows.lost("deadline")
    rows.attempt(request, vendor_id="fashn-late")

    html = page(operator, DETAIL, request.pk)

    assert 'name="vendor_id" value="fashn-late"' in html
    assert "so that it counts as charged" in text(html)
    assert told(operator, ADOPT, {"vendor_id": "fashn-late"}, request.pk)[0].startswith("The id fashn-late")
    assert state(request) == (State.SUBMITTED, "", [Money.SPENT])


# Doors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_nothing_happens_by_looking(operator: Client, name: str) -> None:
    request = rows.lost()

    assert operator.get(reverse(name, args=[request.pk])).status_code == 405
    assert state(request) == LOST


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
@pytest.mark.parametrize("permissions", [[], ["spend"]])
def test_only_operators_may(staff: Staff, name: str, permissions: list[str]) -> None:
    request = rows.lost()

    answer = staff(*permissions).post(reverse(name, args=[request.pk]), {"vendor_id": "fashn-1", **YES})

    assert answer.status_code == 403
    assert state(request) == LOST


def test_trying_again_needs_the_permission_to_spend(staff: Staff) -> None:
    request = rows.lost()

    assert staff("operate").post(reverse(NOT_CHARGED, args=[request.pk]), YES).status_code == 403
    assert state(request) == LOST


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_strangers_are_sent_to_the_login(client: Client, db: None, name: str) -> None:  # noqa: ARG001 - opens the database
    answer = client.post(reverse(name, args=[rows.lost().pk]), {"vendor_id": "fashn-1", **YES})

    assert "login" in answer.headers["Location"]


def test_a_forged_form_is_refused(operator: Client) -> None:
    request = rows.lost()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert strict.post(reverse(WRITE_OFF, args=[request.pk])).status_code == 403


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_an_unknown_try_on_is_not_found(operator: Client, name: str) -> None:
    assert operator.post(reverse(name, args=[uuid.uuid4()]), {"vendor_id": "x"}).status_code == 404


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_who_was_too_slow_is_told_so(operator: Client, bell: list[str], name: str) -> None:
    request = rows.lost()
    late = TryOnRequest.objects.filter(pk=request.pk, state=State.FAILED)

    def faster(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # The deed's transaction begins: after the look.
        if sql.startswith("SAVEPOINT"):
            late.update(state=State.SUBMITTED, error_code="")
        return execute(sql, *rest)

    with connection.execute_wrapper(faster):
        answer = operator.post(reverse(name, args=[request.pk]), {"vendor_id": "fashn-1", **YES})

    messages = operator.get(answer.headers["Location"]).context["messages"]
    assert [str(message) for message in messages] == [
        "Its outcome is no longer in doubt. Nothing was changed."
    ]
    assert state(request) == (State.SUBMITTED, "", [Money.SPENT])
    assert not bell
    assert not LogEntry.objects.exists()
