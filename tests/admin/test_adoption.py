"""An operator adopts the vendor's id of a render, once the vendor has confirmed that it knows the id."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry

from django_vton import lifecycle
from django_vton.models import BudgetPeriod
from django_vton.models.states import Money, State

from . import factories
from .conftest import Staff, get_page, post_messages, visible_text
from .unknown_outcomes import (
    ADOPT,
    DETAIL,
    HEADING,
    UNRESOLVED,
    WITHDRAW,
    last_log_message,
    stored_state,
)

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import TryOnRequest
    from shop.models import Product

    from ..conftest import Vton
    from ..lifecycle.harness import Harness

LONG = timedelta(minutes=5)
WITHDRAWN = "The adopted id was withdrawn. The outcome is unknown again, and counts as charged."


@pytest.fixture
def lost(harness: Harness) -> TryOnRequest:
    """The vendor renders it, and its response never came."""
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    return harness.reload(row, State.UNKNOWN)


@pytest.fixture
def operator(lost: TryOnRequest, staff: Staff) -> Client:
    assert lost
    return staff("operate", "spend")


def fail_unanswered(harness: Harness, row: TryOnRequest) -> TryOnRequest:
    harness.make_due(row)
    harness.run_cycle()
    harness.set_posted(row, LONG)
    return harness.reload(row, State.FAILED, "outcome_unknown")


def vendor_id(harness: Harness, number: int = 0) -> str:
    """The id in the vendor's panel."""
    return harness.gateway.ledger.entries[number].request_id or ""


def adopt(client: Client, row: TryOnRequest, given: str) -> str:
    (message,) = post_messages(client, ADOPT, {"vendor_id": given}, row.pk)
    return message


def spent_and_held() -> list[tuple[int, int]]:
    """Of the day and of the month."""
    return list(BudgetPeriod.objects.order_by("kind").values_list("spent", "held"))


@pytest.mark.parametrize("was", [State.FAILED, State.UNKNOWN])
def test_an_id_that_the_vendor_knows_is_adopted_and_polled(
    operator: Client, harness: Harness, lost: TryOnRequest, enqueued: list[str], was: State
) -> None:
    if was == State.FAILED:
        fail_unanswered(harness, lost)
    found, money = vendor_id(harness), Money.SPENT if was == State.FAILED else Money.HELD
    enqueued.clear()

    message = adopt(operator, lost, f" {found} ")

    assert message == f"The vendor knows the id {found}, so it was adopted. Its result is fetched now."
    assert last_log_message(lost) == message
    assert enqueued
    assert stored_state(lost) == (State.SUBMITTED, "", [money])
    text = visible_text(get_page(operator, DETAIL, lost.pk))
    assert "Vendor's id adopted" in text
    assert "by vera" in text
    assert HEADING not in text
    harness.poll_when_finished(lost)
    harness.run_cycle()
    harness.reload(lost, State.COMPLETED)
    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [
        "Its result was already delivered. Nothing was changed."
    ]
    assert "Withdraw" not in visible_text(get_page(operator, DETAIL, lost.pk))
    harness.reload(lost, State.COMPLETED)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  ", "Enter the id that the vendor's panel shows."),
        ("x" * 2001, "This cannot be an id of the vendor."),
        ("a\0b", "This cannot be an id of the vendor."),
        ("..", "This cannot be an id of the vendor."),
    ],
)
def test_an_invalid_id_is_refused(staff: Staff, given: str, expected: str) -> None:
    request = factories.create_unresolved_tryon()

    assert adopt(staff("operate"), request, given) == expected
    assert stored_state(request) == UNRESOLVED


def test_an_id_that_the_vendor_does_not_know_is_refused(
    operator: Client, harness: Harness, lost: TryOnRequest, enqueued: list[str]
) -> None:
    lost = fail_unanswered(harness, lost)
    before = spent_and_held()
    enqueued.clear()

    message = adopt(operator, lost, "mistyped")

    assert message == "The vendor does not know the id mistyped. Nothing was changed."
    assert stored_state(lost) == UNRESOLVED
    assert spent_and_held() == before
    assert not enqueued
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PIXAZO_BASE_URL": "http://127.0.0.1:1"}, "ConnectError: All connection attempts failed"),
        ({"PIXAZO_API_KEY": ""}, "PIXAZO_API_KEY is not set"),
        ({"PIXAZO_API_KEY": "wrong"}, "HTTP 401"),
    ],
)
def test_no_id_is_adopted_if_the_vendor_cannot_be_asked(
    operator: Client, harness: Harness, lost: TryOnRequest, vton: Vton, changes: dict[str, str], reason: str
) -> None:
    vton(**changes)

    message = adopt(operator, lost, vendor_id(harness))

    assert message.startswith(f"The vendor could not be asked about the id {vendor_id(harness)}: {reason}")
    assert message.endswith(". Nothing was changed.")
    harness.reload(lost, State.UNKNOWN)


def test_the_id_of_another_try_on_is_refused(operator: Client, harness: Harness, lost: TryOnRequest) -> None:
    other = harness.order_submitted()

    message = adopt(operator, lost, vendor_id(harness, 1))

    found = f"The id {vendor_id(harness, 1)} belongs to another try-on: {other}. Nothing was changed."
    assert message == found
    harness.reload(lost, State.UNKNOWN)


def test_a_render_that_was_finished_before_the_try_on_was_sent_is_refused(
    harness: Harness, shirt: Product, staff: Staff, vton: Vton
) -> None:
    vton(PUBLIC_BASE_URL="http://127.0.0.1:1", WEBHOOKS=False)
    harness.gateway.scenario(submit="close")
    row = harness.order(product=shirt)
    harness.run_cycle()
    ended = {"COMPLETED", "FAILED"}
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state in ended)
    harness.set_posted(row, -LONG)

    message = adopt(staff("operate"), row, vendor_id(harness))

    text = f"The vendor had finished the render {vendor_id(harness)} before this try-on was sent."
    assert message == f"{text} Nothing was changed."
    harness.reload(row, State.UNKNOWN)


@pytest.mark.parametrize("was", [State.FAILED, State.UNKNOWN])
def test_an_adopted_id_is_withdrawn_and_the_outcome_is_unknown_again(
    operator: Client, harness: Harness, lost: TryOnRequest, was: State
) -> None:
    if was == State.FAILED:
        fail_unanswered(harness, lost)
    adopt(operator, lost, vendor_id(harness))
    assert "Withdraw the adoption" in visible_text(get_page(operator, DETAIL, lost.pk))

    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [WITHDRAWN]

    lost = harness.reload(lost, State.FAILED, "outcome_unknown")
    attempt = lost.attempts.get()
    assert (attempt.vendor_id, attempt.money) == (None, Money.SPENT)
    assert spent_and_held() == [(attempt.amount, 0), (attempt.amount, 0)]
    text = visible_text(get_page(operator, DETAIL, lost.pk))
    assert HEADING in text
    assert "Adopted id withdrawn: outcome unknown, counted as charged" in text
    assert "Withdraw the adoption" not in text
    # A second click, on a page that is out of date.
    nothing = "It has no adopted id that can be withdrawn. Nothing was changed."
    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [nothing]
    # It can be resolved in each way again, also with the right id.
    assert "so it was adopted" in adopt(operator, lost, vendor_id(harness))
    harness.poll_when_finished(lost)
    harness.run_cycle()
    harness.reload(lost, State.COMPLETED)


def test_a_withdrawal_books_what_the_error_of_another_render_has_released(
    operator: Client, harness: Harness, lost: TryOnRequest
) -> None:
    """The vendor does not charge a render with the status ERROR. The lost one may be charged."""
    lost = fail_unanswered(harness, lost)
    harness.gateway.scenario(outcome="ERROR")
    other = harness.order()
    harness.run_cycle()
    wrong = vendor_id(harness, 1)
    other.attempts.update(vendor_id=None)
    amount = lost.attempts.get().amount
    adopt(operator, lost, wrong)
    harness.poll_when_finished(lost, times=2)
    assert stored_state(lost) == (State.FAILED, "vendor", [Money.FREE])

    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [WITHDRAWN]

    assert stored_state(lost) == UNRESOLVED
    attempt = lost.attempts.get()
    assert (attempt.answered_at, attempt.raw, attempt.error) == (None, {}, "")
    other.attempts.update(vendor_id=wrong)
    harness.poll_when_finished(other, times=2)
    harness.reload(other, State.FAILED, "vendor")
    assert spent_and_held() == [(amount, 0), (amount, 0)]
    harness.gateway.reset()  # Its ledger knows one charge, which is the lost one's.


def test_a_withdrawal_before_the_download_delivers_nothing(
    operator: Client, harness: Harness, lost: TryOnRequest
) -> None:
    adopt(operator, lost, vendor_id(harness))
    harness.poll_when_finished(lost)
    harness.reload(lost, State.RENDERED)

    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [WITHDRAWN]

    harness.run_cycle()
    lost = harness.reload(lost, State.FAILED, "outcome_unknown")
    assert not lost.images.exists()


def test_a_second_adoption_is_withdrawn_to_the_vendors_own_id(
    operator: Client, harness: Harness, lost: TryOnRequest
) -> None:
    other = harness.order_submitted()
    lifecycle.cancel(other)
    own = other.attempts.get().vendor_id
    other.attempts.update(vendor_id=None)
    row = harness.order_submitted()
    mine = row.attempts.get().vendor_id
    for given in (own or "", vendor_id(harness)):
        harness.set_posted(row, timedelta(days=1))
        lifecycle.fail_at_deadline(row.attempts.get())
        assert "so it was adopted" in adopt(operator, row, given)

    assert post_messages(operator, WITHDRAW, {}, row.pk) == [WITHDRAWN]

    row = harness.reload(row, State.FAILED, "deadline")
    assert row.attempts.get().vendor_id == mine
    other.attempts.update(vendor_id=own)
    assert "so it was adopted" in adopt(operator, lost, vendor_id(harness))
    assert lifecycle.cancel(lost)


def test_a_callback_corrects_an_adopted_id(operator: Client, harness: Harness, lost: TryOnRequest) -> None:
    other = harness.order_submitted()
    lifecycle.cancel(other)
    wrong = vendor_id(harness, 1)
    other.attempts.update(vendor_id=None)
    adopt(operator, lost, wrong)

    lifecycle.receive_callback(lost.attempts.get(), vendor_id(harness))

    assert lost.attempts.get().vendor_id == vendor_id(harness)
    other.attempts.update(vendor_id=wrong)
    nothing = "It has no adopted id that can be withdrawn. Nothing was changed."
    assert post_messages(operator, WITHDRAW, {}, lost.pk) == [nothing]
    harness.poll_when_finished(lost)
    harness.run_cycle()
    harness.reload(lost, State.COMPLETED)


def test_a_try_on_that_adopted_nothing_has_nothing_to_withdraw(staff: Staff) -> None:
    request = factories.create_unresolved_tryon()

    messages = post_messages(staff("operate"), WITHDRAW, {}, request.pk)

    assert messages == ["It has no adopted id that can be withdrawn. Nothing was changed."]
    assert stored_state(request) == UNRESOLVED
