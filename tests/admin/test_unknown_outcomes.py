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

from . import factories
from .conftest import Staff, get_page, visible_text
from .unknown_outcomes import (
    ADOPT,
    CONFIRMED,
    DETAIL,
    HEADING,
    NOT_CHARGED,
    UNRESOLVED,
    WRITE_OFF,
    stored_state,
)


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate", "spend")


def test_the_three_resolutions_explain_their_effect_and_price(operator: Client) -> None:
    html = get_page(operator, DETAIL, factories.create_unresolved_tryon().pk)

    text = visible_text(html)
    assert HEADING in text
    for expected in (
        "It shows this render The vendor is asked for it by this id",
        "Nothing is paid again. Vendor's id Adopt",
        "The 0.075 USD of the lost attempt are released, and a new attempt is sent for 0.075 USD.",
        "Not charged, try again…",
        "It stays failed, its 0.075 USD stay spent, and it no longer needs attention. Write off",
    ):
        assert expected in text
    assert "vton-unavailable" not in html


def test_a_viewer_sees_no_resolutions(viewer: Client) -> None:
    assert HEADING not in visible_text(get_page(viewer, DETAIL, factories.create_unresolved_tryon().pk))


def test_the_page_offers_to_send_again_only_with_the_permission_to_spend(staff: Staff) -> None:
    text = visible_text(get_page(staff("operate"), DETAIL, factories.create_unresolved_tryon().pk))

    assert "You need the permission to start paid renders." in text
    assert "try again…" not in text
    assert "Write off" in text


def test_known_outcomes_offer_no_resolutions(operator: Client) -> None:
    source = factories.create_unresolved_tryon()
    follower = factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source), State.FAILED, "outcome_unknown"
    )
    certain = [
        follower,
        factories.complete_tryon(factories.create_tryon(factories.create_guest())),
        factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "moderated"),
        # Its photo expired in the queue: nothing was ever sent.
        factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "photo_gone"),
    ]

    for request in certain:
        assert HEADING not in visible_text(get_page(operator, DETAIL, request.pk))


def test_only_an_id_can_be_adopted_while_the_vendor_may_still_respond(operator: Client) -> None:
    request = factories.set_state(
        factories.create_unresolved_tryon(), State.UNKNOWN, due_at=timezone.now() + timedelta(minutes=5)
    )

    text = visible_text(get_page(operator, DETAIL, request.pk))

    assert text.count("The vendor may still respond. Please try again in a few minutes.") == 2
    assert "Adopt" in text
    assert "Write off" not in text


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_a_get_request_is_not_allowed(operator: Client, name: str) -> None:
    request = factories.create_unresolved_tryon()

    assert operator.get(reverse(name, args=[request.pk])).status_code == 405
    assert stored_state(request) == UNRESOLVED


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
@pytest.mark.parametrize("permissions", [[], ["spend"]])
def test_resolutions_need_the_permission_to_operate(staff: Staff, name: str, permissions: list[str]) -> None:
    request = factories.create_unresolved_tryon()

    response = staff(*permissions).post(
        reverse(name, args=[request.pk]), {"vendor_id": "fashn-1", **CONFIRMED}
    )

    assert response.status_code == 403
    assert stored_state(request) == UNRESOLVED


def test_sending_again_needs_the_permission_to_spend(staff: Staff) -> None:
    request = factories.create_unresolved_tryon()

    assert staff("operate").post(reverse(NOT_CHARGED, args=[request.pk]), CONFIRMED).status_code == 403
    assert stored_state(request) == UNRESOLVED


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_anonymous_users_are_redirected_to_the_login(client: Client, db: None, name: str) -> None:  # noqa: ARG001 - opens the database
    response = client.post(
        reverse(name, args=[factories.create_unresolved_tryon().pk]), {"vendor_id": "fashn-1", **CONFIRMED}
    )

    assert "login" in response.headers["Location"]


def test_a_post_without_csrf_token_is_refused(operator: Client) -> None:
    request = factories.create_unresolved_tryon()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies

    assert strict.post(reverse(WRITE_OFF, args=[request.pk])).status_code == 403


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_an_unknown_try_on_is_not_found(operator: Client, name: str) -> None:
    assert operator.post(reverse(name, args=[uuid.uuid4()]), {"vendor_id": "x"}).status_code == 404


@pytest.mark.parametrize("name", [NOT_CHARGED, WRITE_OFF])
def test_a_try_on_that_changes_meanwhile_is_not_resolved(
    operator: Client, enqueued: list[str], name: str
) -> None:
    request = factories.create_unresolved_tryon()
    late = TryOnRequest.objects.filter(pk=request.pk, state=State.FAILED)

    def faster(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # The transaction begins after the check.
        if sql.startswith("SAVEPOINT"):
            late.update(state=State.SUBMITTED, error_code="")
        return execute(sql, *rest)

    with connection.execute_wrapper(faster):
        response = operator.post(reverse(name, args=[request.pk]), {"vendor_id": "fashn-1", **CONFIRMED})

    messages = operator.get(response.headers["Location"]).context["messages"]
    assert [str(message) for message in messages] == [
        "Its outcome is no longer unknown. Nothing was changed."
    ]
    assert stored_state(request) == (State.SUBMITTED, "", [Money.SPENT])
    assert not enqueued
    assert not LogEntry.objects.exists()
