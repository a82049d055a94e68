"""The health page: problems, budgets, engines, the queue and health checks."""

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
from django_vton.models import BudgetPeriod, DispatcherLease, GatewayState, PauseSwitch
from django_vton.models.states import State
from django_vton.queue import liveness

from . import factories
from .conftest import LIST, Staff, get_page, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from tests.conftest import Vton
    from tests.intake_helpers import StoredFiles

HEALTH = "admin:vton_health"


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


def test_only_operators_see_the_health_page_and_its_links(viewer: Client, superuser: Client) -> None:
    url = reverse(HEALTH)
    assert viewer.get(url).status_code == 403
    assert viewer.post(url).status_code == 403
    for name in ("admin:index", LIST):
        assert f'href="{url}"' in get_page(superuser, name)
        assert f'href="{url}"' not in get_page(viewer, name)


def test_the_list_links_to_the_health_page(operator: Client) -> None:
    assert "System status" in visible_text(get_page(operator, LIST))
    assert get_page(operator, HEALTH)


def test_a_healthy_install_shows_no_problems(operator: Client) -> None:
    liveness.record_heartbeat()
    text = visible_text(get_page(operator, HEALTH))
    assert "Shoppers can try on." in text
    assert "Problems None is known." in text
    assert "Today" in text
    assert "left no cap" in text
    assert "fashn-v1.6 Accepts renders - - 0.075 USD" in text
    assert "oldest due try-on none" in text
    assert "worker last seen just now" in text
    assert "unknown outcomes none" in text


def test_problems_show_their_age_and_what_to_do(operator: Client) -> None:
    GatewayState.objects.create(
        engine="glass-v1", breaker="402", failures=3, wait_until=timezone.now() + timedelta(hours=1)
    )
    GatewayState.objects.update(stopped_at=timezone.now() - timedelta(minutes=7))
    liveness.record_heartbeat()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=9))
    text = visible_text(get_page(operator, HEALTH))
    assert "Renders with glass-v1 have stopped since: 7 min ago" in text
    assert "Check the key, the wallet" in text
    assert "No worker is running since: 9 min ago" in text
    assert "glass-v1 Stopped: the wallet is empty (402)" in text
    assert "worker last seen 9 min ago" in text


def test_the_budgets_of_today_and_this_month_are_shown(operator: Client, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(1), MONTHLY_BUDGET=Decimal(10))
    budget.reserve(400_000)
    BudgetPeriod.objects.update(spent=450_000)
    html = get_page(operator, HEALTH)
    text = visible_text(html)
    assert re.findall(r"<meter[^>]* value=\"(\d+)\" low=\"80\"", html) == ["85", "8"]
    assert "85 % of 1.00 USD spent 0.45 USD reserved 0.40 USD left 0.15 USD" in text
    assert "Most of the budget of" in text

    BudgetPeriod.objects.update(spent=600_000)
    text = visible_text(get_page(operator, HEALTH))
    assert "is used up" in text
    assert "Most of the budget of" not in text, "the message that it is used up replaces this one"


def test_a_budget_of_zero_has_nothing_left(operator: Client, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    assert "left 0.00 USD" in visible_text(get_page(operator, HEALTH))


def test_the_queue_and_the_unknown_outcomes_are_counted(operator: Client, files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    now = timezone.now()
    factories.set_state(
        factories.create_tryon(factories.create_guest()), State.QUEUED, due_at=now - timedelta(minutes=3)
    )
    for _ in range(2):
        factories.set_state(
            factories.create_tryon(factories.create_guest()),
            State.SUBMITTED,
            due_at=now - timedelta(seconds=1),
        )
    factories.set_state(factories.create_tryon(factories.create_guest()), State.UNKNOWN, due_at=now)
    factories.create_unresolved_tryon()
    html = get_page(operator, HEALTH)
    text = visible_text(html)
    assert "… queued 1 … being sent 0 … being made 2 … being fetched 0 ? outcome unknown 1" in text
    assert "oldest due try-on 3 min ago" in text
    (url,) = re.findall(r'href="([^"]*)">2 to resolve', html)
    assert "2 try-ons" in visible_text(operator.get(url).content.decode())


def test_a_pause_is_shown_with_a_link_to_its_switch(operator: Client) -> None:
    PauseSwitch.objects.create(pk=1, is_paused=True)
    html = get_page(operator, HEALTH)
    assert "No: Try-on is paused. End the pause" in visible_text(html)
    assert reverse("admin:vton_pauseswitch_changelist") in html


def test_viewing_writes_nothing_and_needs_a_fixed_number_of_queries(operator: Client) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            get_page(operator, HEALTH)
        return [query["sql"].split()[0] for query in captured]

    few = statements()
    for engine in ("glass-v1", "fashn-v1.6"):
        GatewayState.objects.create(engine=engine, breaker="402")
    for _ in range(5):
        factories.create_tryon(factories.create_guest())
    many = statements()
    assert set(many) == {"SELECT"}
    assert len(many) <= len(few)


def test_health_checks_run_on_request_and_leave_no_file_behind(operator: Client, files: StoredFiles) -> None:
    liveness.record_heartbeat()
    assert "ok storage" not in visible_text(get_page(operator, HEALTH))
    text = visible_text(operator.post(reverse(HEALTH)).content.decode())
    assert "ok storage files can be stored" in text
    assert re.search(r"ok workers last seen \d s ago", text)
    assert files.names() == set()


def test_the_health_page_works_under_a_strict_content_security_policy(operator: Client) -> None:
    main = get_page(operator, HEALTH).partition('<div id="content"')[2]
    assert "style=" not in main
    assert not re.search(r"\son\w+=", main)
