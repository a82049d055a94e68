from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton import privacy
from django_vton.models import PersonPhoto, ProductImage
from django_vton.models.states import Money, State

from ..conftest import Vton
from . import factories
from .conftest import LIST, Staff, get_page, post_messages, visible_text
from .unknown_outcomes import (
    ADOPT,
    CONFIRMED,
    DETAIL,
    HEADING,
    NOT_CHARGED,
    UNRESOLVED,
    WRITE_OFF,
    last_log_message,
    stored_state,
)


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate", "spend")


def test_sending_again_needs_a_confirmation(operator: Client) -> None:
    request = factories.create_unresolved_tryon()

    response = operator.post(reverse(NOT_CHARGED, args=[request.pk]))

    html = response.content.decode()
    assert "If the vendor did charge the lost attempt, the shop pays twice." in visible_text(html)
    assert 'value="Yes, try again for 0.075 USD"' in html
    assert f'href="{reverse(DETAIL, args=[request.pk])}">No, take me back' in html
    assert 'name="action"' not in html
    assert stored_state(request) == UNRESOLVED


def test_a_try_on_that_was_not_charged_is_sent_again(
    operator: Client, enqueued: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request = factories.create_unresolved_tryon()

    with django_capture_on_commit_callbacks(execute=True):
        messages = post_messages(operator, NOT_CHARGED, CONFIRMED, request.pk)

    expected = "Its amount was released, and it waits to be sent again for 0.075 USD."
    assert messages == [expected]
    assert last_log_message(request) == expected
    assert enqueued
    assert stored_state(request) == (State.QUEUED, "", [Money.FREE, Money.HELD])
    assert "Not charged according to the vendor's panel" in visible_text(
        get_page(operator, DETAIL, request.pk)
    )


def test_without_budget_there_is_no_new_attempt(operator: Client, enqueued: list[str], vton: Vton) -> None:
    request = factories.create_unresolved_tryon()
    vton(DAILY_BUDGET=Decimal("0.07"))

    messages = post_messages(operator, NOT_CHARGED, CONFIRMED, request.pk)

    assert messages == [
        "The budget of today or of this month does not cover a new attempt. Nothing was changed."
    ]
    assert stored_state(request) == UNRESOLVED
    assert not enqueued
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("gone", [PersonPhoto, ProductImage])
def test_a_try_on_whose_images_are_deleted_is_released_but_not_sent_again(
    staff: Staff, gone: type[PersonPhoto] | type[ProductImage]
) -> None:
    request = factories.create_unresolved_tryon()
    gone.objects.all().delete()
    operator = staff("operate")
    assert "deleted, so it stays failed" in visible_text(get_page(operator, DETAIL, request.pk))

    response = operator.post(reverse(NOT_CHARGED, args=[request.pk]))
    html = response.content.decode()
    assert "the reports show less than the invoice" in visible_text(html)
    assert 'value="Yes, release 0.075 USD"' in html
    assert stored_state(request) == UNRESOLVED

    (expected,) = post_messages(operator, NOT_CHARGED, CONFIRMED, request.pk)
    assert expected == "Its 0.075 USD were released. It stays failed, since there is nothing left to send."
    assert stored_state(request) == (State.FAILED, "vendor", [Money.FREE])
    assert HEADING not in visible_text(get_page(operator, DETAIL, request.pk))


def test_a_try_on_is_not_sent_again_while_the_vendor_may_still_respond(operator: Client) -> None:
    request = factories.create_unresolved_tryon(minutes=1)

    (expected,) = post_messages(operator, NOT_CHARGED, CONFIRMED, request.pk)

    assert expected == "The vendor may still respond. Please try again in a few minutes."
    assert stored_state(request) == UNRESOLVED


def test_a_written_off_try_on_needs_no_attention(operator: Client, enqueued: list[str]) -> None:
    request, other = factories.create_unresolved_tryon(), factories.create_unresolved_tryon()

    (expected,) = post_messages(operator, WRITE_OFF, {}, request.pk)

    assert (
        expected
        == last_log_message(request)
        == "It was written off. It stays failed, and its amount stays spent."
    )
    assert stored_state(request) == UNRESOLVED
    text = visible_text(get_page(operator, DETAIL, request.pk))
    assert "Written off: stays failed and counted as charged" in text
    assert HEADING not in text
    listed = operator.get(reverse(LIST), {"attention": "yes"}).context["cl"].result_list
    assert [row.pk for row in listed] == [other.pk]
    assert not enqueued


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_a_written_off_try_on_cannot_be_resolved_again(operator: Client, name: str) -> None:
    request = factories.create_unresolved_tryon()
    post_messages(operator, WRITE_OFF, {}, request.pk)

    messages = post_messages(operator, name, {"vendor_id": "fashn-1", **CONFIRMED}, request.pk)

    assert messages == ["Its outcome is no longer unknown. Nothing was changed."]
    assert stored_state(request) == UNRESOLVED
    assert request.events.filter(name="written_off").count() == 1


def test_a_second_unknown_outcome_needs_attention_again(operator: Client) -> None:
    request = factories.create_unresolved_tryon()
    post_messages(operator, WRITE_OFF, {}, request.pk)
    factories.set_state(request, State.FAILED, "outcome_unknown", finished_at=timezone.now())

    assert HEADING in visible_text(get_page(operator, DETAIL, request.pk))
    assert operator.get(reverse(LIST), {"attention": "yes"}).context["cl"].result_count == 1


def test_an_erased_try_on_cannot_adopt_an_id(operator: Client) -> None:
    request, other = factories.create_unresolved_tryon(), factories.create_unresolved_tryon()
    privacy.erase_tryon(request)
    privacy.erase_tryon(other)

    assert post_messages(operator, ADOPT, {"vendor_id": "fashn-1"}, request.pk) == [
        "It was erased, so no shopper can see a result."
    ]
    assert "written off" in post_messages(operator, WRITE_OFF, {}, request.pk)[0]
    assert "released" in post_messages(operator, NOT_CHARGED, CONFIRMED, other.pk)[0]
