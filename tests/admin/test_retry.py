"""Retry try-ons, and poll the vendor now."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import TryOnRequest
from django_vton.models.states import Money, State

from . import factories
from .conftest import LIST, Staff, action_data, get_page, post_messages, visible_text
from .unknown_outcomes import CONFIRMED, stored_state

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from tests.conftest import Vton

DETAIL = "admin:vton_tryonrequest_change"


@pytest.fixture
def merchandiser(staff: Staff) -> Client:
    return staff("spend")


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


@pytest.mark.parametrize("code", ["vendor", "images_unreachable"])
def test_a_failed_try_on_is_retried_after_a_confirmation(
    merchandiser: Client,
    code: str,
    enqueued: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    request, other = factories.create_failed_tryon(code), factories.create_failed_tryon("no_person")

    response = merchandiser.post(reverse(LIST), action_data("retry", request, other)).content.decode()
    assert "0.075 USD in total" in visible_text(response)
    assert 'value="Yes, render again for 0.075 USD"' in response
    assert stored_state(request) == (State.FAILED, code, [Money.SPENT])
    assert str(other.pk) not in response, "the vendor would refuse it again"

    with django_capture_on_commit_callbacks(execute=True):
        messages = post_messages(merchandiser, LIST, action_data("retry", request, other, **CONFIRMED))

    assert messages == ["1 try-on will be rendered again. 1 was not changed."]
    assert stored_state(request) == (State.QUEUED, "", [Money.SPENT, Money.HELD])
    assert stored_state(other) == (State.FAILED, "no_person", [Money.SPENT])
    assert enqueued
    text = visible_text(get_page(merchandiser, DETAIL, request.pk))
    assert "Will be rendered again and paid again failed → queued" in text
    assert "by vera" in text


@pytest.mark.parametrize("code", ["outcome_unknown", "deadline", "moderated", "photo_unusable", "own_code"])
def test_unknown_outcomes_and_permanent_failures_are_not_retried(merchandiser: Client, code: str) -> None:
    request = factories.create_failed_tryon(code)

    (expected,) = post_messages(merchandiser, LIST, action_data("retry", request, **CONFIRMED))

    assert expected.startswith("None of the selected try-ons can be rendered again.")
    assert stored_state(request) == (State.FAILED, code, [Money.SPENT])
    assert 'value="retry"' not in get_page(merchandiser, DETAIL, request.pk)


@pytest.mark.parametrize("gone", ["photo", "picture", "expired", "engine", "erased", "shared", "completed"])
def test_a_try_on_without_its_photo_image_engine_or_shopper_is_not_retried(
    merchandiser: Client, gone: str
) -> None:
    request = factories.create_failed_tryon()
    assert 'value="retry"' in get_page(merchandiser, DETAIL, request.pk)
    row = TryOnRequest.objects.filter(pk=request.pk)
    photo = request.photo
    assert photo is not None
    if gone == "expired":
        type(photo).objects.update(expires_at=timezone.now())
    changes: dict[str, dict[str, Any]] = {
        "photo": {"photo": None},
        "picture": {"product_image": None},
        "engine": {"engine": "gone"},
        "erased": {"erased_at": timezone.now()},
        "shared": {"source": factories.create_failed_tryon()},
        "completed": {"state": State.COMPLETED, "image_count": 1},
    }
    row.update(**changes.get(gone, {"claim_count": 0}))
    request.refresh_from_db()

    assert not lifecycle.retry(request, actor_id=None)
    post_messages(merchandiser, LIST, action_data("retry", request, **CONFIRMED))
    assert request.attempts.count() == 1
    assert 'value="retry"' not in get_page(merchandiser, DETAIL, request.pk)


def test_a_retry_costs_todays_price_and_respects_the_budget(merchandiser: Client, vton: Vton) -> None:
    first, second = factories.create_failed_tryon(), factories.create_failed_tryon()
    vton(PRICES={"fashn-v1.6": Decimal("0.1")}, DAILY_BUDGET=Decimal("0.25"))

    messages = post_messages(merchandiser, LIST, action_data("retry", first, second, **CONFIRMED))

    assert messages == [
        "The budget of today or of this month is used up.",
        "1 try-on will be rendered again. 1 was not changed.",
    ]
    states = sorted(stored_state(request)[0] for request in (first, second))
    assert states == [State.FAILED, State.QUEUED]
    again = TryOnRequest.objects.get(state=State.QUEUED)
    assert [attempt.amount for attempt in again.attempts.order_by("number")] == [75_000, 100_000]


def test_followers_of_a_retried_render_wait_for_it_again(merchandiser: Client) -> None:
    source = factories.create_failed_tryon()
    photo = factories.create_house_model()
    factories.set_state(source, State.FAILED, "vendor", shopper=None, photo=photo, cache_key="the key")
    follower = factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source, photo=photo), State.FAILED, "vendor"
    )
    erased = factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source),
        State.FAILED,
        "vendor",
        erased_at=timezone.now(),
    )

    post_messages(merchandiser, LIST, action_data("retry", source, **CONFIRMED))

    assert stored_state(follower)[:2] == (State.QUEUED, "")
    assert stored_state(erased)[:2] == (State.FAILED, "vendor")
    source.refresh_from_db()
    assert source.shared_key == "the key"


def test_two_concurrent_retries_pay_once(merchandiser: Client) -> None:
    request = factories.create_failed_tryon()

    assert lifecycle.retry(TryOnRequest.objects.get(pk=request.pk), actor_id=None)
    assert not lifecycle.retry(request, actor_id=None)
    assert request.attempts.count() == 2
    assert post_messages(merchandiser, LIST, action_data("retry", request, **CONFIRMED))
    assert request.attempts.count() == 2


def test_a_retry_needs_the_permission_to_spend(operator: Client) -> None:
    request = factories.create_failed_tryon()

    assert 'value="retry"' not in get_page(operator, DETAIL, request.pk) + get_page(operator, LIST)
    operator.post(reverse(LIST), action_data("retry", request, **CONFIRMED))
    assert stored_state(request) == (State.FAILED, "vendor", [Money.SPENT])


def test_poll_now_makes_waiting_try_ons_due(
    operator: Client, enqueued: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    later = timezone.now() + timedelta(minutes=5)
    made = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.SUBMITTED, due_at=later
    )
    fetched = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.RENDERED, due_at=later
    )
    flown = factories.set_state(
        factories.create_tryon(factories.create_guest()), State.SUBMITTED, due_at=later, lease_until=later
    )
    queued = factories.set_state(factories.create_tryon(factories.create_guest()), State.QUEUED, due_at=later)
    assert 'value="poll_now"' in get_page(operator, DETAIL, made.pk)
    assert 'value="poll_now"' not in get_page(operator, DETAIL, queued.pk)

    with django_capture_on_commit_callbacks(execute=True):
        messages = post_messages(operator, LIST, action_data("poll_now", made, fetched, flown, queued))

    assert messages == ["2 try-ons are checked now. 2 are not waiting for a result."]
    assert enqueued
    waiting = TryOnRequest.objects.filter(due_at=later)
    assert set(waiting) == {flown, queued}
    assert set(TryOnRequest.objects.filter(due_at__lte=timezone.now())) == {made, fetched}
    assert made.events.get(name="polled").actor is not None
