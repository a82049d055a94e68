"""One page for operators: what is wrong, the money, the engines, the queue."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton.billing import budget
from django_vton.models import BudgetPeriod, DispatcherLease, GatewayState, Incident, PauseSwitch
from django_vton.models.states import State
from django_vton.monitoring import incidents
from django_vton.queue import liveness

from . import rows
from .conftest import LIST, Staff, page, text

if TYPE_CHECKING:
    from django.test import Client

    from tests.conftest import Vton
    from tests.people import Files

STATE = "admin:vton_state"


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


def test_only_operators_see_it_and_find_it(viewer: Client, boss: Client) -> None:
    address = reverse(STATE)
    assert viewer.get(address).status_code == 403
    assert viewer.post(address).status_code == 403
    for name in ("admin:index", LIST):
        assert f'href="{address}"' in page(boss, name)
        assert f'href="{address}"' not in page(viewer, name)


def test_operators_find_it(operator: Client) -> None:
    assert "State of try-on" in text(page(operator, LIST))
    assert page(operator, STATE)


def test_all_is_well(operator: Client) -> None:
    liveness.record_heartbeat()
    read = text(page(operator, STATE))
    assert "Shoppers can try on." in read
    assert "Nothing: workers run" in read
    assert "Today" in read
    assert "left no cap" in read
    assert "fashn-v1.6 Takes renders - 0 - 0.075 USD" in read
    assert "the longest due nothing" in read
    assert "last sign of a worker just now" in read
    assert "outcome unknown none" in read


def test_incidents_with_since_when_and_what_to_do(operator: Client) -> None:
    GatewayState.objects.create(
        engine="glass-v1", breaker="402", failures=3, wait_until=timezone.now() + timedelta(hours=1)
    )
    incidents.watch()
    Incident.objects.update(opened_at=timezone.now() - timedelta(minutes=7))
    liveness.record_heartbeat()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=9))
    read = text(page(operator, STATE))
    assert "Renders with glass-v1 have stopped since: 7 min ago" in read
    assert "See to the key, the wallet" in read
    assert "No worker is running since: just now" in read
    assert "glass-v1 Stopped: the wallet is empty (402)" in read
    assert "last sign of a worker 9 min ago" in read


def test_the_money_of_today_and_of_this_month(operator: Client, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(1), MONTHLY_BUDGET=Decimal(10))
    budget.reserve(400_000)
    BudgetPeriod.objects.update(spent=450_000)
    html = page(operator, STATE)
    read = text(html)
    assert re.findall(r"<meter[^>]* value=\"(\d+)\" low=\"80\"", html) == ["85", "8"]
    assert "85 % of 1.00 USD spent 0.45 USD set aside for running renders 0.40 USD left 0.15 USD" in read
    assert "Most of the budget of" in read

    BudgetPeriod.objects.update(spent=600_000)
    read = text(page(operator, STATE))
    assert "is used up" in read
    assert "Most of the budget of" not in read, "said by the other"


def test_a_budget_of_nothing_is_used_up(operator: Client, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    assert "left 0.00 USD" in text(page(operator, STATE))


def test_the_queue_and_what_is_in_doubt(operator: Client, files: Files) -> None:  # noqa: ARG001 - photos are stored
    now = timezone.now()
    rows.put(rows.tryon(rows.guest()), State.QUEUED, due_at=now - timedelta(minutes=3))
    for _ in range(2):
        rows.put(rows.tryon(rows.guest()), State.SUBMITTED, due_at=now - timedelta(seconds=1))
    rows.put(rows.tryon(rows.guest()), State.UNKNOWN, due_at=now)
    rows.lost()
    html = page(operator, STATE)
    read = text(html)
    assert "… queued 1 … being sent 0 … being made 2 … being fetched 0 ? outcome unknown 1" in read
    assert "the longest due 3 min ago" in read
    (address,) = re.findall(r'href="([^"]*)">2 to look at', html)
    assert "2 try-ons" in text(operator.get(address).content.decode())


def test_a_pause_is_seen_and_leads_to_its_switch(operator: Client) -> None:
    PauseSwitch.objects.create(pk=1, is_paused=True)
    html = page(operator, STATE)
    assert "No: it is paused here. End the pause" in text(html)
    assert reverse("admin:vton_pauseswitch_changelist") in html


def test_looking_writes_nothing_and_takes_as_many_queries_for_many_rows(operator: Client) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            page(operator, STATE)
        return [query["sql"].split()[0] for query in captured]

    few = statements()
    for engine in ("glass-v1", "fashn-v1.6"):
        GatewayState.objects.create(engine=engine, breaker="402")
    for _ in range(5):
        rows.tryon(rows.guest())
    many = statements()
    assert set(many) == {"SELECT"}
    assert len(many) <= len(few)


def test_examining_is_asked_for_and_leaves_no_file_behind(operator: Client, files: Files) -> None:
    liveness.record_heartbeat()
    assert "ok storage" not in text(page(operator, STATE))
    read = text(operator.post(reverse(STATE)).content.decode())
    assert "ok storage writes, reads and deletes" in read
    assert re.search(r"ok workers last seen \d s ago", read)
    assert files.names() == set()


def test_a_strict_policy_for_styles_holds(operator: Client) -> None:
    main = page(operator, STATE).partition('<div id="content"')[2]
    assert "style=" not in main
    assert not re.search(r"\son\w+=", main)
