"""A try-on that its engine refuses goes to the product's second engine: once, at its price, never paid twice.

The first engine is Fashn, with links and callbacks; the second one gets its images as Base64.
"""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.gateway.engines import get_engine
from django_vton.models import Attempt, BudgetPeriod, GatewayState, Quota, TryOnRequest, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.storage import private_storage
from django_vton.worker import claims
from shop.tryon import ProductTryOn

from ..intake_helpers import user_visitor
from ..tryons import claim_for_submit
from .harness import PAST
from .second_engine import FIRST, FIRST_PRICE, SECOND_PRICE, ByLink, Second
from .test_charged_errors import attempt_of, attention, call_back

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..conftest import Vton
    from .harness import Harness

__all__ = ["attention"]

SECOND = Second.name


@pytest.fixture
def harness(garment_harness: Harness, vton: Vton, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Orders shirts, whose second engine the shop has named."""
    vton(ENGINES={SECOND: Second})
    monkeypatch.setattr(ProductTryOn, "fallback", SECOND)
    return garment_harness


def held() -> list[int]:
    """What is reserved today and this month."""
    return list(BudgetPeriod.objects.order_by("kind").values_list("held", flat=True))


def amounts(row: TryOnRequest) -> list[tuple[str, int, str]]:
    """The engine, the amount and the money of each attempt."""
    return list(row.attempts.order_by("number").values_list("engine", "amount", "money"))


FREE, MOVED = (FIRST, FIRST_PRICE, "free"), (SECOND, SECOND_PRICE, "held")


def order_refused(harness: Harness, status: int = 402, **scenario: Any) -> TryOnRequest:
    """A try-on that the first engine has refused."""
    harness.gateway.scenario(engine=FIRST, submit_status=status, **scenario)
    row = harness.order()
    harness.run_cycle()
    return TryOnRequest.objects.get(pk=row.pk)


def complete(harness: Harness, row: TryOnRequest) -> TryOnRequest:
    harness.run_cycle()
    harness.poll_when_finished(harness.reload(row, State.SUBMITTED))
    harness.run_cycle()
    return harness.reload(row, State.COMPLETED)


# Refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "scenario"),
    [
        (400, {}),
        (400, {"submit_error": "InputValidationError: garment_image is too small"}),
        *((status, {}) for status in (401, 402, 403, 404, 429)),
        (429, {"retry_after": 600}),
        (503, {"retry_after": 600, "submit_error": "maintenance"}),
    ],
)
def test_a_refused_try_on_goes_to_the_second_engine_at_its_price(
    harness: Harness, status: int, scenario: dict[str, Any]
) -> None:
    row = order_refused(harness, status, **scenario)
    if status == 503:
        harness.reload(row, State.UNKNOWN)
        harness.set_times(row, due_at=PAST)
        harness.run_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    if row.state == State.QUEUED:
        assert (row.engine, row.other_engine, row.is_on_fallback) == (SECOND, FIRST, True)
        assert row.due_at is not None
        assert row.due_at <= timezone.now()
        assert (amounts(row), held()) == ([FREE, MOVED], [SECOND_PRICE] * 2)
        assert not VendorLink.objects.exists()
    row = complete(harness, row)
    assert amounts(row) == [FREE, (SECOND, SECOND_PRICE, "spent")]
    assert harness.spent() == harness.charged() == SECOND_PRICE
    assert [entry.engine for entry in harness.gateway.ledger.entries] == [FIRST, "glass-v1"]
    event = row.events.get(name="fallback")
    assert (event.detail, event.attempt) == ({"from": FIRST, "to": SECOND}, attempt_of(row, 2))
    assert Quota.objects.get().used == 1


def test_a_500_waits_for_its_callback_and_then_falls_back(harness: Harness) -> None:
    row = order_refused(harness, 500)
    harness.reload(row, State.UNKNOWN)
    harness.set_times(row, due_at=PAST)
    harness.run_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, amounts(row)[0]) == (SECOND, FREE)
    complete(harness, row)


def test_a_try_on_that_could_not_be_sent_falls_back(harness: Harness) -> None:
    row = harness.order()
    harness.gateway.stop()
    harness.run_cycle()
    harness.gateway.start()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, amounts(row)) == (SECOND, [FREE, MOVED])
    complete(harness, row)
    assert harness.post_count() == 1


def test_an_error_of_the_worker_is_no_reason(harness: Harness) -> None:
    """For example, its lease has expired before it could send."""
    row = harness.order()
    not_sent = SubmitResult(outcome=SubmitOutcome.NOT_SENT, error="LeaseExpired")
    lifecycle.mark_refused(claim_for_submit(row), not_sent, retry_at=timezone.now())
    row = harness.reload(row, State.QUEUED)
    assert row.engine == FIRST


def test_a_photo_whose_file_is_gone_is_no_reason(harness: Harness) -> None:
    row = harness.order()
    assert row.photo is not None
    private_storage().delete(str(row.photo.file))
    harness.run_cycle()
    harness.reload(row, State.FAILED, "photo_gone")
    assert harness.post_count() == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [("ContentModerationError: no", "moderated"), ("PoseError: no person in model_image", "no_person")],
)
def test_what_the_photo_shows_is_no_reason(harness: Harness, error: str, code: str) -> None:
    """A moderated photo is not offered to one engine after another."""
    row = order_refused(harness, 400, submit_error=error)
    if code == "no_person":
        VendorLink.objects.update(fetched_at=timezone.now())
    harness.reload(row, State.FAILED, code)
    harness.run_cycle()
    assert harness.post_count() == 1
    assert held() == [0, 0]


@pytest.mark.parametrize(("engine", "can_help"), [(Second, True), (ByLink, False)])
def test_images_that_the_vendor_cannot_load_need_an_engine_that_loads_none(
    harness: Harness, vton: Vton, engine: type[Second], can_help: bool
) -> None:
    vton(ENGINES={SECOND: engine})
    row = order_refused(harness, 400, submit_error="ImageLoadError: garment_image")
    if can_help:
        assert row.engine == SECOND
        complete(harness, row)
    else:
        harness.reload(row, State.FAILED, "images_unreachable")


# A stopped engine -----------------------------------------------------------------------------------


def stop_first(harness: Harness, seconds: int = 600) -> None:
    """The first engine has announced maintenance."""
    GatewayState.objects.update_or_create(
        engine=FIRST,
        defaults={
            "breaker": "503",
            "refused_at": timezone.now(),
            "wait_until": timezone.now() + timedelta(seconds=seconds),
        },
    )
    harness.gateway.scenario(engine=FIRST, submit_status=503, submit_error="maintenance", times=None)


def test_orders_of_a_stopped_engine_move_on_at_once(harness: Harness) -> None:
    stop_first(harness)
    rows = [harness.order() for _ in range(3)]
    assert {row.engine for row in rows} == {FIRST}
    assert claims.has_work()
    harness.run_cycle()
    for row in rows:
        moved = harness.reload(row, State.SUBMITTED)
        assert amounts(moved) == [FREE, MOVED]
        assert [event.name for event in moved.events.all()] == [
            "accepted",
            "fallback",
            "claimed",
            "submitted",
        ]
    assert {entry.engine for entry in harness.gateway.ledger.entries} == {"glass-v1"}


def test_one_cycle_moves_a_limited_number(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_vton.worker.fallbacks.MAX_MOVES", 1)
    stop_first(harness)
    rows = [harness.order() for _ in range(2)]
    harness.run_cycle()
    assert sorted(TryOnRequest.objects.values_list("engine", flat=True)) == [FIRST, SECOND]
    harness.run_cycle()
    for row in rows:
        assert harness.reload(row, State.SUBMITTED).engine == SECOND


def test_nothing_moves_while_the_second_engine_is_stopped_too(harness: Harness) -> None:
    stop_first(harness)
    row = harness.order()
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    assert not claims.has_work()
    harness.run_cycle()
    assert harness.reload(row, State.QUEUED).engine == FIRST


def test_a_temporary_refusal_does_not_move_to_a_paused_engine(harness: Harness) -> None:
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    row = order_refused(harness, 402)
    assert harness.reload(row, State.QUEUED).engine == FIRST


def test_a_final_refusal_waits_for_a_paused_engine(harness: Harness) -> None:
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    row = order_refused(harness, 404)
    assert harness.reload(row, State.QUEUED).engine == SECOND
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    harness.end_gateway_pause()
    complete(harness, row)


def test_a_worker_that_has_read_the_try_on_before_does_not_send_it_to_the_first_engine(
    harness: Harness,
) -> None:
    row = harness.order()
    read = attempt_of(row)
    stop_first(harness)
    assert lifecycle.fall_back_while_queued(row)
    assert not lifecycle.claim_submits([read], ["token"], timezone.now(), lifecycle.LEASE)
    assert harness.reload(row, State.QUEUED).engine == SECOND
    assert amounts(row) == [FREE, MOVED]


def test_a_try_on_that_moves_while_it_is_claimed_is_not_sent_to_the_first_engine(harness: Harness) -> None:
    """Without row locks, it can move between the two queries of a claim."""
    row = order_refused(harness)
    moved = Attempt.objects.select_related("request__photo", "request__product_image").get(
        request=row, number=2
    )
    assert claims.claim_submits([moved], get_engine(FIRST)) == []
    harness.reload(row, State.QUEUED)
    [job] = claims.claim_submits([moved], get_engine(SECOND))
    assert job.attempt == moved


@pytest.mark.parametrize("change", ["claimed", "canceled", "resumed", "moved"])
def test_only_a_queued_try_on_of_a_paused_engine_moves(harness: Harness, change: str) -> None:
    row = harness.order()
    stop_first(harness)
    if change == "claimed":
        claim_for_submit(row)
    elif change == "canceled":
        lifecycle.cancel(row)
    elif change == "resumed":
        harness.end_gateway_pause()
    else:
        assert lifecycle.fall_back_while_queued(row)
        GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    before = amounts(row)
    assert not lifecycle.fall_back_while_queued(row)
    assert amounts(row) == before


def test_a_try_on_moves_once(harness: Harness) -> None:
    """It does not go back, neither when the second engine refuses it nor while that one is stopped."""
    row = order_refused(harness, 404)
    harness.gateway.scenario(engine="glass-v1", submit_status=402)
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, amounts(row)) == (SECOND, [FREE, (SECOND, SECOND_PRICE, "free"), MOVED])
    harness.set_times(row, due_at=PAST)
    harness.run_cycle()
    assert harness.reload(row, State.QUEUED).engine == SECOND
    harness.run_due_cycle()
    harness.reload(row, State.SUBMITTED)
    assert harness.post_count() == 3


# Money ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
@pytest.mark.parametrize("status", [402, 404])
def test_without_budget_for_the_difference_it_is_as_without_a_second_engine(
    harness: Harness, vton: Vton, cap: str, status: int
) -> None:
    vton(**{"DAILY_BUDGET": None, "MONTHLY_BUDGET": None, cap: Decimal("0.29")})
    row = order_refused(harness, status)
    if status == 404:
        harness.reload(row, State.FAILED, "vendor")
        assert held() == [0, 0]
    else:
        row = harness.reload(row, State.QUEUED)
        assert (row.engine, held()) == (FIRST, [FIRST_PRICE] * 2)
        harness.set_times(row, due_at=PAST)
        harness.run_cycle()
        row = harness.reload(row, State.QUEUED)
        assert (row.engine, held()) == (FIRST, [FIRST_PRICE] * 2)
        assert row.due_at == GatewayState.objects.get(pk=FIRST).wait_until, "looked at again only then"
    assert harness.post_count() == 1


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
def test_the_whole_price_of_the_second_engine_is_inside_the_budget(
    harness: Harness, vton: Vton, cap: str
) -> None:
    """Two of them fit, each with the price of the second engine."""
    vton(**{"DAILY_BUDGET": None, "MONTHLY_BUDGET": None, cap: Decimal("0.60")})
    stop_first(harness)
    rows = [harness.order() for _ in range(2)]
    harness.run_cycle()
    assert held() == [2 * SECOND_PRICE] * 2
    for row in rows:
        harness.reload(row, State.SUBMITTED)


def test_a_cheaper_engine_frees_the_difference_even_above_a_lowered_cap(harness: Harness, vton: Vton) -> None:
    vton(PRICES={FIRST: Decimal("0.50")})
    harness.gateway.scenario(engine=FIRST, submit_status=402)
    row = harness.order()
    assert held() == [500_000] * 2
    vton(DAILY_BUDGET=Decimal("0.10"))
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, held()) == (SECOND, [SECOND_PRICE] * 2)
    complete(harness, row)


def test_the_day_of_the_budget_stays(harness: Harness) -> None:
    harness.gateway.scenario(engine=FIRST, submit_status=402)
    row = harness.order()
    yesterday = attempt_of(row).budget_day - timedelta(days=1)
    Attempt.objects.update(budget_day=yesterday)
    BudgetPeriod.objects.filter(kind="day").update(starts_on=yesterday)
    BudgetPeriod.objects.filter(kind="month").update(starts_on=yesterday.replace(day=1))
    harness.run_cycle()
    assert attempt_of(harness.reload(row, State.QUEUED), 2).budget_day == yesterday
    assert held() == [SECOND_PRICE] * 2


def test_a_canceled_try_on_frees_the_price_of_the_second_engine(harness: Harness) -> None:
    row = order_refused(harness)
    assert lifecycle.cancel(row)
    row = harness.reload(row, State.CANCELED)
    assert (held(), harness.spent(), Quota.objects.get().used) == ([0, 0], 0, 0)


# Never after an accepted or an unknown submit -------------------------------------------------------


@pytest.mark.parametrize("outcome", ["FAILED", "ERROR"])
def test_a_failed_render_does_not_fall_back(harness: Harness, outcome: str) -> None:
    harness.gateway.scenario(engine=FIRST, outcome=outcome, callbacks=0)
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    row = harness.reload(row, State.FAILED, "vendor")
    harness.run_cycle()
    assert (row.engine, harness.post_count()) == (FIRST, 1)


@pytest.mark.parametrize(
    "scenario", [{"submit": "close"}, {"submit": "no_id"}, {"submit_status": 502}], ids=str
)
def test_an_unknown_outcome_does_not_fall_back(harness: Harness, scenario: dict[str, Any]) -> None:
    harness.gateway.scenario(engine=FIRST, callbacks=0, **scenario)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.UNKNOWN)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    if row.state == State.UNKNOWN:
        harness.run_due_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert (row.engine, harness.post_count(), harness.money_states(row)) == (FIRST, 1, ["spent"])


def test_a_worker_that_dies_after_the_submit_does_not_cause_a_fallback(harness: Harness) -> None:
    row = harness.order()
    claim_for_submit(row)
    stop_first(harness)
    harness.set_times(row, lease_until=PAST, due_at=PAST)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, harness.post_count()) == (FIRST, 0)
    assert row.state in {State.SUBMITTING, State.UNKNOWN}


def test_once_errors_are_charged_a_500_does_not_fall_back(harness: Harness) -> None:
    circuit_breaker.record_charged_error(FIRST)
    row = order_refused(harness, 500)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, harness.post_count()) == (FIRST, 1)


def order_moved_after_500(harness: Harness) -> TryOnRequest:
    """The first engine has accepted it, but answered with 500; it waits for the second engine."""
    row = order_refused(harness, 500, accepted=True, callbacks=0)
    harness.set_times(row, due_at=PAST)
    lifecycle.end_unknown_outcome(row)
    return harness.reload(row, State.QUEUED)


def test_a_late_callback_before_the_second_submit_goes_back_to_the_render_of_the_first_engine(
    harness: Harness, attention: list[Any]
) -> None:
    row = order_moved_after_500(harness)
    first_key = row.other_cache_key
    assert row.engine == SECOND
    assert call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, row.cache_key, row.is_on_fallback) == (FIRST, first_key, False)
    assert amounts(row) == [(FIRST, FIRST_PRICE, "spent"), (SECOND, SECOND_PRICE, "free")]
    assert (held(), attention) == ([0, 0], ["charged_error"])
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged() == FIRST_PRICE
    assert harness.post_count() == 1


def test_a_late_callback_after_the_second_submit_books_both(harness: Harness, attention: list[Any]) -> None:
    row = order_moved_after_500(harness)
    harness.run_cycle()
    call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, amounts(row)) == (SECOND, [(FIRST, FIRST_PRICE, "spent"), MOVED])
    harness.poll_when_finished(row, times=2)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert row.engine == SECOND
    assert harness.spent() == harness.charged() == FIRST_PRICE + SECOND_PRICE
    assert attention == ["charged_error"]


def test_if_the_second_engine_refuses_as_well_the_accepted_render_of_the_first_is_awaited(
    harness: Harness,
) -> None:
    row = order_moved_after_500(harness)
    second = claim_for_submit(row, token="second")
    call_back(harness, row)
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400)
    lifecycle.mark_refused(second, refusal, retry_at=None)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, harness.money_states(row)) == (FIRST, ["spent", "free"])
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged()


# Shared renders -------------------------------------------------------------------------------------


def test_a_render_of_the_second_engine_is_none_of_the_first(harness: Harness) -> None:
    def order_again() -> TryOnRequest:
        return harness.order(user_visitor(), photo=io.BytesIO(harness.photo(300, 400)))

    stop_first(harness)
    row = complete(harness, order_again())
    cached = order_again()
    assert (cached.source_id, cached.cached) == (row.pk, True), "the second engine would make the same again"
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    assert (order_again().source_id, order_again().engine) == (None, FIRST)


def test_followers_get_the_engine_of_their_source(harness: Harness, house_model: PersonPhoto) -> None:
    stop_first(harness)
    followers = [harness.order(photo=None, photo_id=str(house_model.pk)) for _ in range(2)]
    source = TryOnRequest.objects.get(source=None)
    assert source.shared_key == source.cache_key
    harness.run_cycle()
    source = harness.reload(source, State.SUBMITTED)
    assert (source.engine, source.shared_key) == (SECOND, source.cache_key)
    # While the first engine is stopped, an order gets what the second engine makes.
    followers.append(harness.order(photo=None, photo_id=str(house_model.pk)))
    assert TryOnRequest.objects.filter(source=source).count() == 3
    harness.poll_when_finished(source)
    harness.run_cycle()
    for row in followers:
        follower = harness.reload(row, State.COMPLETED)
        assert follower.cache_key in {source.cache_key, source.other_cache_key}
    assert harness.spent() == harness.charged() == SECOND_PRICE
    cached = harness.order(photo=None, photo_id=str(house_model.pk))
    assert (cached.source_id, cached.cached) == (source.pk, True)
    # When it works again, an order gets a render of the first engine.
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    new = harness.order(photo=None, photo_id=str(house_model.pk)).source
    assert new is not None
    assert (new.pk != source.pk, new.engine) == (True, FIRST)


def test_a_moved_render_leaves_the_shared_one_alone(harness: Harness, house_model: PersonPhoto) -> None:
    """Two orders for the first engine can both move, since it was stopped between them."""
    stop_first(harness)
    harness.order(photo=None, photo_id=str(house_model.pk))
    harness.run_cycle()
    [shared] = TryOnRequest.objects.filter(source=None)
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    follower = harness.order(photo=None, photo_id=str(house_model.pk))
    stop_first(harness)
    harness.run_cycle()
    moved = TryOnRequest.objects.get(followers=follower)
    assert (moved.engine, moved.shared_key) == (SECOND, None)
    assert TryOnRequest.objects.get(pk=shared.pk).shared_key == shared.cache_key
    harness.poll_when_finished(moved, times=2)
    harness.run_cycle()
    harness.reload(follower, State.COMPLETED)
