"""Rules: made and switched on in the admin, they start a batch a day through the scheduled task."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from django_vton import batches, tasks
from django_vton.batches import rules
from django_vton.models import Attempt, Batch, BatchRule, BatchRuleRun
from django_vton.models.states import Money
from shop.models import Kind, Product

from ..faults.simulation import Clock
from ..further_engines.kinds import mirror_of
from ..intake_helpers import run_before_statement, run_concurrently
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import PersonPhoto

    from ..batches.runner import BatchRunner
    from ..conftest import Vton

LIST, ADD = "admin:vton_batchrule_changelist", "admin:vton_batchrule_add"
CHANGE, DELETE = "admin:vton_batchrule_change", "admin:vton_batchrule_delete"
EVENING = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
NIGHT = datetime(2026, 5, 5, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PRICE = 300_000


@pytest.fixture
def clock(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is evening, and a test sets the time."""
    vton(BUDGET_TIME_ZONE="UTC", DAILY_BUDGET=Decimal(100))
    clock = Clock([EVENING])
    clock.install(monkeypatch)
    return clock


@pytest.fixture
def glasses_of_shop(runner: BatchRunner) -> list[Product]:
    Product.objects.all().delete()
    return runner.create_products(5)


def form_data(runner: BatchRunner, **changes: Any) -> dict[str, Any]:
    data = {"name": "New glasses", "search_kind": "eyewear", "hour": "3", "daily_budget": "1"}
    return {**data, "house_models": [str(runner.noa.pk)], "do": "save", **changes}


def create_rule(client: Client, runner: BatchRunner, **changes: Any) -> BatchRule:
    response = client.post(reverse(ADD), form_data(runner, **changes))
    assert response.status_code == 302, response.context["form"].errors
    return BatchRule.objects.get()


def switch_on(client: Client, rule: BatchRule) -> list[str]:
    """Click the button on the page, which names the dry run that is shown."""
    (dry_run,) = re.findall(r'name="dry_run" value="(\d+)"', get_page(client, CHANGE, rule.pk))
    return post_messages(client, CHANGE, {"do": "on", "dry_run": dry_run}, rule.pk)


def test_the_kinds_are_those_of_the_shops_engines_and_the_stored_one(
    superuser: Client, runner: BatchRunner, vton: Vton
) -> None:
    """A rule must not render other products because an engine was removed."""
    vton(ENGINES={"mirror-bag": mirror_of("bag")})
    rule = create_rule(superuser, runner, search_kind="bag")
    vton(ENGINES={})
    html = get_page(superuser, CHANGE, rule.pk)
    options = re.findall(r'<option value="(\w*)"( selected)?>(All|Garments|Glasses|Bags)<', html)
    kinds = options[-4:]
    assert kinds == [
        ("", "", "All"),
        ("garment", "", "Garments"),
        ("eyewear", "", "Glasses"),
        ("bag", " selected", "Bags"),
    ]


def create_running_rule(client: Client, runner: BatchRunner, **changes: Any) -> BatchRule:
    rule = create_rule(client, runner, **changes)
    assert switch_on(client, rule) == ["The rule is on."]
    return rule


def run_tasks() -> None:
    tasks.wake()


def products_of_batches() -> list[int]:
    return [len(batch.products) for batch in Batch.objects.order_by("pk")]


def test_a_rule_is_off_until_its_dry_run_was_seen(
    merchant: Client, runner: BatchRunner, clock: Clock, glasses_of_shop: list[Product]
) -> None:
    rule = create_rule(merchant, runner)
    html = get_page(merchant, CHANGE, rule.pk)
    buttons = [re.findall(r'name="do" value="(\w+)"', form) for form in html.split("<form")]
    assert [names for names in buttons if names] == [["on"], ["save"]], "Enter in a field saves"
    text = visible_text(html)
    assert "This rule is off" in text
    assert "Today, this rule would make 3 renders for at most 0.90 USD." in text
    assert "2 more products would follow on the next days." in text
    clock.now[0] = NIGHT
    run_tasks()
    assert not Batch.objects.exists()
    assert switch_on(merchant, rule) == ["The rule is on."]
    run_tasks()
    assert not Batch.objects.exists(), "it was switched on after its hour"
    clock.now[0] = NIGHT + DAY
    run_tasks()
    batch = Batch.objects.get()
    assert batch.products == [f"shop.product:{product.pk}" for product in glasses_of_shop[:3]]
    assert str(batch) == "New glasses 2026-05-06"
    assert reverse("admin:vton_batch_change", args=[batch.pk]) in get_page(merchant, CHANGE, rule.pk)
    assert "New glasses" in get_page(merchant, LIST)


@pytest.mark.usefixtures("glasses_of_shop")
def test_each_day_the_next_products_are_rendered_within_the_budget(
    merchant: Client, runner: BatchRunner, clock: Clock
) -> None:
    create_running_rule(merchant, runner)
    for day in range(3):
        clock.now[0] = NIGHT + day * DAY - timedelta(minutes=2)
        run_tasks()
        assert BatchRuleRun.objects.filter(day__isnull=False).count() == day, "its hour has not come"
        clock.now[0] = NIGHT + day * DAY
        for _ in range(2):
            run_tasks()
            for batch in Batch.objects.all():
                runner.run(batch)
    assert products_of_batches() == [3, 2]
    runs = BatchRuleRun.objects.filter(day__isnull=False).order_by("day")
    assert [(run.products, run.price) for run in runs] == [(3, 3 * PRICE), (2, 2 * PRICE), (0, 0)]
    assert runner.harness.charged() == 5 * PRICE


@pytest.mark.usefixtures("glasses_of_shop")
def test_a_worker_that_was_down_at_the_hour_runs_the_rule_later(
    merchant: Client, runner: BatchRunner, clock: Clock
) -> None:
    create_running_rule(merchant, runner)
    clock.now[0] = NIGHT + timedelta(hours=9)
    run_tasks()
    assert products_of_batches() == [3]


@pytest.mark.usefixtures("glasses_of_shop")
def test_workers_that_run_a_rule_at_the_same_time_make_one_batch(
    merchant: Client, runner: BatchRunner, clock: Clock
) -> None:
    create_running_rule(merchant, runner)
    clock.now[0] = NIGHT
    assert run_concurrently(*[tasks.run_rules] * 4) == [None] * 4
    assert products_of_batches() == [3]
    assert BatchRuleRun.objects.filter(day__isnull=False).count() == 1


class Killed(BaseException):
    """What no handler catches."""


@pytest.mark.usefixtures("glasses_of_shop")
@pytest.mark.parametrize(
    "statement",
    ['INSERT INTO "vton_batchrulerun"', 'INSERT INTO "vton_batch"', 'UPDATE "vton_batchrulerun"'],
)
def test_a_worker_that_dies_at_any_step_makes_no_second_batch(
    merchant: Client, runner: BatchRunner, clock: Clock, statement: str
) -> None:
    create_running_rule(merchant, runner)
    clock.now[0] = NIGHT

    def die() -> None:
        raise Killed

    with pytest.raises(Killed), run_before_statement(statement, die):
        run_tasks()
    assert products_of_batches() == []
    for _ in range(2):
        run_tasks()
    assert products_of_batches() == [3]
    assert BatchRuleRun.objects.get(day__isnull=False).batch == Batch.objects.get()


@pytest.mark.usefixtures("glasses_of_shop")
def test_a_price_that_rises_after_the_start_exceeds_the_budget_on_no_day(
    merchant: Client, runner: BatchRunner, clock: Clock, vton: Vton
) -> None:
    rule = create_running_rule(merchant, runner)
    clock.now[0] = NIGHT
    run_tasks()
    vton(PRICES={"glass-v1": Decimal("0.45")})
    batch = Batch.objects.get()
    now = runner.run(batch)
    assert (now.completed, now.waiting, now.waiting_for) == (2, 1, "budget_exhausted")
    assert str(batch) in visible_text(get_page(merchant, CHANGE, rule.pk))
    clock.now[0] = NIGHT + DAY
    run_tasks()
    assert products_of_batches() == [3], "the first batch is not finished"
    assert runner.run(batch).completed == 3
    run_tasks()
    assert products_of_batches() == [3, 1], "one more fits beside what this day has spent"
    amounts = Attempt.objects.filter(money=Money.SPENT).values_list("budget_day", "amount")
    assert sorted(amount for _day, amount in amounts) == [450_000] * 3


@pytest.mark.usefixtures("glasses_of_shop")
def test_the_budget_of_the_shop_applies_too(
    merchant: Client, runner: BatchRunner, clock: Clock, vton: Vton
) -> None:
    create_running_rule(merchant, runner)
    vton(DAILY_BUDGET=Decimal("0.35"))
    clock.now[0] = NIGHT
    run_tasks()
    now = runner.run(Batch.objects.get())
    assert (now.completed, now.waiting, now.spent) == (1, 2, PRICE)


@pytest.mark.usefixtures("glasses_of_shop")
def test_a_product_that_failed_is_not_paid_again_each_day(
    merchant: Client, runner: BatchRunner, clock: Clock
) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=2)
    create_running_rule(merchant, runner)
    for day in range(3):
        clock.now[0] = NIGHT + day * DAY
        run_tasks()
        for batch in Batch.objects.all():
            runner.run(batch)
    assert products_of_batches() == [3, 2]
    assert runner.harness.post_count() == 5


@pytest.mark.parametrize("outcome", ["COMPLETED", "FAILED"])
def test_a_product_with_another_picture_is_rendered_once_more(
    merchant: Client, runner: BatchRunner, clock: Clock, glasses_of_shop: list[Product], outcome: str
) -> None:
    create_running_rule(merchant, runner, daily_budget="2")
    clock.now[0] = NIGHT
    run_tasks()
    runner.run(Batch.objects.get())
    changed, (new,) = glasses_of_shop[0], runner.create_products(1)
    with new.photo.open("rb") as picture:
        changed.photo.save("new.png", ContentFile(picture.read()))
    new.delete()
    runner.harness.gateway.scenario(outcome=outcome, times=None)
    clock.now[0] = NIGHT + timedelta(hours=9)
    run_tasks()  # The saved product is checked.
    for day in range(1, 4):
        clock.now[0] = NIGHT + day * DAY
        run_tasks()
        for batch in Batch.objects.all():
            runner.run(batch)
    assert [batch.products for batch in Batch.objects.order_by("pk")[1:]] == [[f"shop.product:{changed.pk}"]]


def test_a_product_that_was_not_possible_is_tried_again_after_a_week(
    merchant: Client, runner: BatchRunner, clock: Clock, glasses_of_shop: list[Product]
) -> None:
    first = glasses_of_shop[0]
    name = str(first.photo.name)
    create_running_rule(merchant, runner)
    clock.now[0] = NIGHT
    run_tasks()
    first.photo.storage.delete(name)
    assert runner.run(Batch.objects.get()).refused == 1
    for day in range(1, 9):
        clock.now[0] = NIGHT + day * DAY
        run_tasks()
        for batch in Batch.objects.all():
            runner.run(batch)
    ref = f"shop.product:{first.pk}"
    tried = [batch for batch in Batch.objects.order_by("pk") if ref in batch.products]
    assert [batch.confirmed_at and batch.confirmed_at.day for batch in tried] == [5, 12]


@pytest.mark.usefixtures("glasses_of_shop")
def test_a_changed_rule_is_off_until_its_new_dry_run_was_seen(
    merchant: Client, runner: BatchRunner, clock: Clock, mia: PersonPhoto
) -> None:
    rule = create_running_rule(merchant, runner)
    old = BatchRuleRun.objects.get()
    post_messages(merchant, CHANGE, form_data(runner, name="Glasses"), rule.pk)
    assert BatchRule.objects.get().is_enabled, "another name renders nothing else"
    clock.now[0] += timedelta(minutes=1)
    both = [str(runner.noa.pk), str(mia.pk)]
    assert post_messages(merchant, CHANGE, form_data(runner, house_models=both), rule.pk) == [
        "The rule was changed, so it is off. See its dry run, then switch it on again."
    ]
    for dry_run in (str(old.pk), "", "x"):
        post_messages(merchant, CHANGE, {"do": "on", "dry_run": dry_run}, rule.pk)
        assert not BatchRule.objects.get().is_enabled
    clock.now[0] = NIGHT
    run_tasks()
    assert not Batch.objects.exists()
    assert "2 renders for at most 0.60 USD" in visible_text(get_page(merchant, CHANGE, rule.pk))
    switch_on(merchant, rule)
    assert post_messages(merchant, CHANGE, {"do": "off"}, rule.pk) == [
        "The rule is off. Batches that it has made continue."
    ]


def test_a_rule_finds_only_its_products_and_says_which_are_too_expensive(
    merchant: Client, runner: BatchRunner, glasses_of_shop: list[Product]
) -> None:
    wanted = glasses_of_shop[3]
    rule = create_rule(merchant, runner, search_text=wanted.name)
    assert "1 render for at most 0.30 USD" in visible_text(get_page(merchant, CHANGE, rule.pk))
    post_messages(merchant, CHANGE, form_data(runner, daily_budget="0.29"), rule.pk)
    text = visible_text(get_page(merchant, CHANGE, rule.pk))
    assert "Today, this rule would render nothing. 5 products cost more than the daily budget." in text


@pytest.mark.usefixtures("glasses_of_shop")
def test_without_an_active_house_model_the_run_says_so(
    merchant: Client, runner: BatchRunner, clock: Clock
) -> None:
    rule = create_running_rule(merchant, runner)
    runner.noa.is_active = False
    runner.noa.save()
    clock.now[0] = NIGHT
    run_tasks()
    assert not Batch.objects.exists()
    assert "None of its house models is active." in visible_text(get_page(merchant, CHANGE, rule.pk))


def test_a_large_catalogue_is_searched_in_several_days(
    merchant: Client, runner: BatchRunner, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Product.objects.all().delete()
    (last,) = runner.create_products(1)
    rows = [Product(name=f"Old {n}", slug=f"old-{n}", kind=Kind.EYEWEAR, price=1) for n in range(201)]
    Product.objects.bulk_create(rows)  # Without a picture, and so without a render.
    Product.objects.filter(pk=last.pk).update(position=99)
    create_running_rule(merchant, runner)
    monkeypatch.setattr(rules, "SEARCH_SECONDS", 0)
    for day, number in enumerate([0, 1]):
        clock.now[0] = NIGHT + day * DAY
        run_tasks()
        assert len(products_of_batches()) == number
    assert Batch.objects.get().products == [f"shop.product:{last.pk}"]


@pytest.mark.usefixtures("glasses_of_shop")
def test_only_who_may_start_batches_edits_rules(
    merchant: Client, runner: BatchRunner, clock: Clock, client: Client, django_user_model: Any
) -> None:
    rule = create_running_rule(merchant, runner)
    user = django_user_model.objects.get(username="vera")
    permissions = user.user_permissions
    permissions.set(permissions.exclude(codename="spend"))
    client.force_login(user)
    assert 'name="do"' not in get_page(client, CHANGE, rule.pk)
    for data in ({"do": "off"}, form_data(runner)):
        assert client.post(reverse(CHANGE, args=[rule.pk]), data).status_code == 403
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), form_data(runner)).status_code == 403
    assert client.get(reverse(DELETE, args=[rule.pk])).status_code == 403
    permissions.set(permissions.exclude(codename="view_batchrule"))
    assert client.get(reverse(CHANGE, args=[rule.pk])).status_code == 403
    assert BatchRule.objects.get().is_enabled

    unused = merchant.post(reverse(DELETE, args=[rule.pk]), {"post": "yes"})
    assert unused.status_code == 403, "the test has taken the permission of the same user"
    permissions.set([*permissions.all(), *_permissions("spend", "view_batchrule")])
    assert merchant.post(reverse(DELETE, args=[rule.pk]), {"post": "yes"}).status_code == 302
    again = create_running_rule(merchant, runner)
    clock.now[0] = NIGHT
    run_tasks()
    assert Batch.objects.exists()
    assert merchant.post(reverse(DELETE, args=[again.pk]), {"post": "yes"}).status_code == 403
    assert batches.progress(Batch.objects.get()).waiting == 3


def _permissions(*codenames: str) -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(content_type__app_label="vton", codename__in=codenames)


def test_an_incomplete_rule_is_not_saved(merchant: Client, runner: BatchRunner) -> None:
    wrong: list[dict[str, Any]] = [{"house_models": []}, {"daily_budget": "0"}, {"hour": "24"}, {"name": ""}]
    for changes in wrong:
        response = merchant.post(reverse(ADD), form_data(runner, **changes))
        assert response.status_code == 200, changes
        assert list(response.context["form"].errors) == list(changes)
    assert not BatchRule.objects.exists()
