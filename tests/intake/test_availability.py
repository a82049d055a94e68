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
from django_vton.web import button

from ..people import asked, user_visitor

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


@pytest.mark.django_db
def test_all_is_well() -> None:
    availability.require()
    assert availability.reason() is None
    assert button.hidden_reason() == ""


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
def test_settings_that_refuse(vton: Vton, changes: dict[str, Any], code: str, status: int) -> None:
    vton(**changes)
    with pytest.raises(Refused) as refused:
        availability.require()
    assert (refused.value.code, refused.value.status) == (code, status)
    assert button.hidden_reason() == code


@pytest.mark.django_db
def test_a_pause_refuses() -> None:
    switch = PauseSwitch.objects.create(is_paused=True)
    assert availability.reason() == "paused"
    switch.is_paused = False
    switch.save()
    assert availability.reason() is None


@pytest.mark.django_db
def test_workers_that_were_seen_and_are_gone_refuse() -> None:
    assert not liveness.workers_are_gone()  # never seen: a shop that is being set up
    slot = DispatcherLease.objects.create(
        number=1, seen_at=timezone.now() - liveness.GONE_AFTER - timedelta(seconds=1)
    )
    assert availability.reason() == "unavailable"
    slot.seen_at = timezone.now() - liveness.GONE_AFTER + timedelta(seconds=30)
    slot.save()
    assert availability.reason() is None


def test_the_last_cent_refuses(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.15"))
    asked(shirt, user_visitor(), phone_photo(shade=1))
    assert availability.reason() is None
    asked(shirt, user_visitor(), phone_photo(shade=2))
    assert availability.reason() == "budget_exhausted"


@pytest.mark.django_db
def test_pages_look_into_the_cache(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    assert button.hidden_reason() == ""
    PauseSwitch.objects.create(is_paused=True)
    with django_assert_num_queries(0):
        assert button.hidden_reason() == ""
    button.clear_cache()
    assert button.hidden_reason() == "paused"


@pytest.mark.django_db(transaction=True)
def test_a_broken_database_hides_the_buttons() -> None:
    cache.clear()
    with connection.schema_editor() as editor:
        editor.alter_db_table(PauseSwitch, "vton_pauseswitch", "vton_elsewhere")
    try:
        assert button.hidden_reason() == "unavailable"
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(PauseSwitch, "vton_elsewhere", "vton_pauseswitch")
