import datetime as dt

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton.intake import availability
from django_vton.models import BudgetPeriod, GatewayState, PauseSwitch
from django_vton.web import button_visibility

from .conftest import Staff, get_page, visible_text

SWITCH = "admin:vton_pauseswitch_change"


@pytest.mark.parametrize("name", ["add", "changelist"])
def test_list_and_add_page_redirect_to_the_switch(superuser: Client, name: str) -> None:
    response = superuser.get(reverse(f"admin:vton_pauseswitch_{name}"))

    assert response.headers["Location"] == reverse(SWITCH, args=[1])
    assert PauseSwitch.objects.count() == 1


def test_a_pause_takes_effect_on_cached_buttons(
    staff: Staff, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    operator = staff("operate")
    operator.get(reverse("admin:vton_pauseswitch_changelist"))
    cache.clear()
    assert not button_visibility.visibility().hidden_reason

    with django_capture_on_commit_callbacks(execute=True):
        operator.post(reverse(SWITCH, args=[1]), {"is_paused": "on"})

    switch = PauseSwitch.objects.get()
    assert switch.is_paused
    assert switch.changed_by is not None
    assert switch.changed_by.username == "vera"
    assert availability.refusal_code() == "paused"
    assert button_visibility.visibility().hidden_reason
    assert "No: it is paused here." in visible_text(get_page(operator, SWITCH, 1))
    cache.clear()


def test_a_viewer_cannot_pause(viewer: Client) -> None:
    viewer.get(reverse("admin:vton_pauseswitch_changelist"))

    assert "Shoppers can try on." in visible_text(get_page(viewer, SWITCH, 1))
    assert viewer.post(reverse(SWITCH, args=[1]), {"is_paused": "on"}).status_code == 403
    assert not PauseSwitch.objects.get().is_paused


def test_the_switch_cannot_be_deleted(superuser: Client) -> None:
    PauseSwitch.objects.create(pk=1)

    assert superuser.post(reverse("admin:vton_pauseswitch_delete", args=[1])).status_code == 403


def test_budget_periods_are_in_usd_and_read_only(superuser: Client) -> None:
    day = dt.date(2026, 3, 5)
    BudgetPeriod.objects.create(kind="day", starts_on=day, held=75_000, spent=12_345_678)
    BudgetPeriod.objects.create(kind="month", starts_on=day.replace(day=1), spent=100_000_000)

    text = visible_text(get_page(superuser, "admin:vton_budgetperiod_changelist"))

    assert "March 5, 2026 day 0.075 USD 12.345678 USD" in text
    assert "March 2026 month 0.00 USD 100.00 USD" in text
    assert superuser.get(reverse("admin:vton_budgetperiod_add")).status_code == 403


def test_the_gateway_status_gives_its_reason(superuser: Client) -> None:
    GatewayState.objects.create(engine="glass-v1", breaker="402")
    GatewayState.objects.create(engine="fashn-v1.6", failures=2)

    text = visible_text(get_page(superuser, "admin:vton_gatewaystate_changelist"))

    assert "glass-v1 Stopped: the wallet is empty (402)" in text
    assert "fashn-v1.6 Limits our rate" in text
