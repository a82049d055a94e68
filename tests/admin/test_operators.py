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
from . import rows
from .conftest import LIST, Staff, page, text, told
from .doubt import ADOPT, DETAIL, HEADING, LOST, NOT_CHARGED, WRITE_OFF, YES, note, state


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate", "spend")


# Adopt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was", [State.FAILED, State.UNKNOWN])
def test_an_adopted_id_is_asked_for(
    operator: Client,
    bell: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    was: State,
) -> None:
    request = rows.lost()
    if was == State.UNKNOWN:
        rows.put(request, State.UNKNOWN, finished_at=None)

    with django_capture_on_commit_callbacks(execute=True):
        messages = told(operator, ADOPT, {"vendor_id": " fashn-found "}, request.pk)

    words = "The id fashn-found was adopted: the vendor is asked for this render now."
    assert messages == [words]
    assert note(request) == words
    assert bell
    assert state(request) == (State.SUBMITTED, "", [Money.SPENT])
    assert request.attempts.get().vendor_id == "fashn-found"
    read = text(page(operator, DETAIL, request.pk))
    assert "Vendor's id adopted" in read
    assert "by vera" in read
    assert HEADING not in read


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("  ", "Please give the id that the vendor's panel shows."),
        ("x" * 201, "Ensure this value has at most 200 characters (it has 201)."),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_an_id_that_is_none(operator: Client, given: str, words: str) -> None:
    request = rows.lost()

    assert told(operator, ADOPT, {"vendor_id": given}, request.pk) == [words]
    assert state(request) == LOST


def test_another_ones_id_is_refused_by_its_name(operator: Client, bell: list[str]) -> None:
    request = rows.lost()
    other = rows.complete(rows.tryon(rows.guest(), title="Wool coat"))
    rows.attempt(other, vendor_id="fashn-other")

    messages = told(operator, ADOPT, {"vendor_id": "fashn-other"}, request.pk)

    assert messages == [
        f"The id fashn-other belongs to another try-on: {other}. Nothing was changed.",
    ]
    assert state(request) == LOST
    assert not bell
    assert not LogEntry.objects.exists()


# Not charged ----------------------------------------------------------------------------------------


def test_trying_again_asks_first(operator: Client) -> None:
    request = rows.lost()

    answer = operator.post(reverse(NOT_CHARGED, args=[request.pk]))

    html = answer.content.decode()
    assert "Where the vendor did charge the lost one, the shop pays twice." in text(html)
    assert 'value="Yes, try again for 0.075 USD"' in html
    assert f'href="{reverse(DETAIL, args=[request.pk])}">No, take me back' in html
    assert 'name="action"' not in html
    assert state(request) == LOST


def test_not_charged_goes_again(
    operator: Client, bell: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request = rows.lost()

    with django_capture_on_commit_callbacks(execute=True):
        messages = told(operator, NOT_CHARGED, YES, request.pk)

    words = "Its money is free again, and it waits to be sent once more, for 0.075 USD."
    assert messages == [words]
    assert note(request) == words
    assert bell
    assert state(request) == (State.QUEUED, "", [Money.FREE, Money.HELD])
    assert "Not charged by the vendor's panel" in text(page(operator, DETAIL, request.pk))


def test_no_budget_no_new_attempt(operator: Client, bell: list[str], vton: Vton) -> None:
    request = rows.lost()
    vton(DAILY_BUDGET=Decimal("0.07"))

    messages = told(operator, NOT_CHARGED, YES, request.pk)

    assert messages == [
        "The budget of today or of this month has no room for a new attempt. Nothing was changed."
    ]
    assert state(request) == LOST
    assert not bell
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("gone", [PersonPhoto, ProductImage])
def test_without_its_pictures_only_the_money_is_freed(
    staff: Staff, gone: type[PersonPhoto] | type[ProductImage]
) -> None:
    request = rows.lost()
    gone.objects.all().delete()
    operator = staff("operate")
    assert "deleted, so that it stays failed" in text(page(operator, DETAIL, request.pk))

    answer = operator.post(reverse(NOT_CHARGED, args=[request.pk]))
    html = answer.content.decode()
    assert "the books show less than the invoice" in text(html)
    assert 'value="Yes, free 0.075 USD"' in html
    assert state(request) == LOST

    (words,) = told(operator, NOT_CHARGED, YES, request.pk)
    assert words == "Its 0.075 USD are free again. It stays failed: there is nothing to send any more."
    assert state(request) == (State.FAILED, "vendor", [Money.FREE])
    assert HEADING not in text(page(operator, DETAIL, request.pk))


def test_it_is_not_sent_again_while_its_answer_may_come(operator: Client) -> None:
    request = rows.lost(minutes=1)

    (words,) = told(operator, NOT_CHARGED, YES, request.pk)

    assert words == "The vendor's answer may still come. Please try again in some minutes."
    assert state(request) == LOST


# Write off ------------------------------------------------------------------------------------------


def test_what_is_written_off_needs_no_attention(operator: Client, bell: list[str]) -> None:
    request, other = rows.lost(), rows.lost()

    (words,) = told(operator, WRITE_OFF, {}, request.pk)

    assert words == note(request) == "It was written off: it stays failed, and its money spent."
    assert state(request) == LOST
    read = text(page(operator, DETAIL, request.pk))
    assert "Written off: it stays failed and counted as charged" in read
    assert HEADING not in read
    listed = operator.get(reverse(LIST), {"attention": "yes"}).context["cl"].result_list
    assert [row.pk for row in listed] == [other.pk]
    assert not bell


@pytest.mark.parametrize("name", [ADOPT, NOT_CHARGED, WRITE_OFF])
def test_after_it_nothing_is_in_doubt(operator: Client, name: str) -> None:
    request = rows.lost()
    told(operator, WRITE_OFF, {}, request.pk)

    messages = told(operator, name, {"vendor_id": "fashn-1", **YES}, request.pk)

    assert messages == ["Its outcome is no longer in doubt. Nothing was changed."]
    assert state(request) == LOST
    assert request.events.filter(name="written_off").count() == 1


def test_what_fails_once_more_is_in_doubt_once_more(operator: Client) -> None:
    request = rows.lost()
    told(operator, WRITE_OFF, {}, request.pk)
    rows.put(request, State.FAILED, "outcome_unknown", finished_at=timezone.now())

    assert HEADING in text(page(operator, DETAIL, request.pk))
    assert operator.get(reverse(LIST), {"attention": "yes"}).context["cl"].result_count == 1


def test_an_erased_one_is_written_off_or_freed_and_nothing_else(operator: Client) -> None:
    request, other = rows.lost(), rows.lost()
    privacy.erase(request)
    privacy.erase(other)

    assert told(operator, ADOPT, {"vendor_id": "fashn-1"}, request.pk) == [
        "It was erased meanwhile: nobody waits for its picture."
    ]
    assert "written off" in told(operator, WRITE_OFF, {}, request.pk)[0]
    assert "free again" in told(operator, NOT_CHARGED, YES, other.pk)[0]
