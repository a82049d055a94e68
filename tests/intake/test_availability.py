from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from django_vton.exceptions import Refused
from django_vton.intake import availability
from django_vton.models import DispatcherLease, PauseSwitch
from django_vton.queue import liveness
from django_vton.web import button_visibility

from ..intake_helpers import order_tryon, user_visitor

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


@pytest.mark.django_db
def test_requests_are_accepted_by_default() -> None:
    availability.require_available()
    assert availability.refusal_code() is None
    assert button_visibility.visibility().hidden_reason == ""


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"ENABLED": False}, "product_not_enabled", 503),
        ({"PIXAZO_API_KEY": ""}, "not_configured", 503),
        ({"PUBLIC_BASE_URL": ""}, "not_configured", 503),
        ({"DAILY_BUDGET": Decimal(0)}, "budget_exhausted", 429),
        ({"MONTHLY_BUDGET": Decimal(0)}, "budget_exhausted", 429),
    ],
)
@pytest.mark.django_db
def test_which_settings_refuse_requests(vton: Vton, changes: dict[str, Any], code: str, status: int) -> None:
    vton(**changes)
    with pytest.raises(Refused) as refused:
        availability.require_available()
    assert (refused.value.code, refused.value.status) == (code, status)
    assert button_visibility.visibility().hidden_reason == code


@pytest.mark.django_db
def test_requests_are_refused_while_paused() -> None:
    switch = PauseSwitch.objects.create(is_paused=True)
    assert availability.refusal_code() == "paused"
    switch.is_paused = False
    switch.save()
    assert availability.refusal_code() is None


@pytest.mark.django_db
def test_requests_are_refused_if_all_workers_are_gone() -> None:
    assert availability.refusal_code() is None, "a shop that is being set up"
    slot = DispatcherLease.objects.create(
        number=1, seen_at=timezone.now() - liveness.GONE_AFTER - timedelta(seconds=1)
    )
    assert availability.refusal_code() == "unavailable"
    slot.seen_at = timezone.now() - liveness.GONE_AFTER + timedelta(seconds=30)
    slot.save()
    assert availability.refusal_code() is None


def test_requests_are_refused_once_the_budget_is_used(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.15"))
    order_tryon(shirt, user_visitor(), phone_photo(shade=1))
    assert availability.refusal_code() is None
    order_tryon(shirt, user_visitor(), phone_photo(shade=2))
    assert availability.refusal_code() == "budget_exhausted"


@pytest.mark.django_db
def test_buttons_use_the_cached_reason(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    assert button_visibility.visibility().hidden_reason == ""
    PauseSwitch.objects.create(is_paused=True)
    with django_assert_num_queries(0):
        assert button_visibility.visibility().hidden_reason == ""
    button_visibility.clear_cache()
    assert button_visibility.visibility().hidden_reason == "paused"


@pytest.mark.django_db(transaction=True)
def test_a_database_error_hides_the_buttons() -> None:
    cache.clear()
    with connection.schema_editor() as editor:
        editor.alter_db_table(PauseSwitch, "vton_pauseswitch", "vton_elsewhere")
    try:
        assert button_visibility.visibility().hidden_reason == "unavailable"
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(PauseSwitch, "vton_elsewhere", "vton_pauseswitch")
