"""All that staff and shoppers are told about a problem agrees: pages, `vton_doctor`, mails and the button."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from django_vton import batches, tasks
from django_vton.models import FailedCheck, GatewayState, PersonPhoto, TryOnRequest
from django_vton.models.photos import release_today
from django_vton.models.states import State
from django_vton.queue import liveness
from django_vton.utils.periods import today
from shop.models import Product

from ..admin.conftest import get_page, visible_text
from ..admin.test_outdated import change_picture
from ..monitoring.incidents import STAFF, mailed_titles, show_page, stop_workers, wait_for_mails
from ..tryons import error_code, get_start, post_tryon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.test import Client

    from django_vton.models import Batch

    from ..batches.runner import BatchRunner
    from ..conftest import PhotoMaker, Vton

AGES = timedelta(minutes=3)
LONG_AGO = timedelta(hours=25)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _staff(vton: Vton) -> Iterator[None]:
    vton(NOTIFY=[STAFF])
    yield
    wait_for_mails()


@dataclass(frozen=True)
class World:
    """What a scenario changes."""

    runner: BatchRunner
    batch: Batch
    vton: Vton
    private: Path

    def let_minutes_pass(self) -> None:
        """Problems have lasted for three minutes."""
        GatewayState.objects.exclude(breaker="").update(stopped_at=timezone.now() - AGES)
        FailedCheck.objects.update(since=timezone.now() - AGES)


def stop_the_gateway(world: World) -> None:
    world.runner.feed()
    world.runner.harness.gateway.stop()
    world.runner.harness.run_cycle()


def refuse(status: int) -> Callable[[World], None]:
    def scenario(world: World) -> None:
        world.runner.harness.gateway.scenario(submit_status=status, times=None)
        world.runner.feed()
        world.runner.harness.run_cycle()

    return scenario


def stop_all_workers(_world: World) -> None:
    stop_workers()


def use_the_budget(world: World) -> None:
    world.vton(DAILY_BUDGET=Decimal("0.35"))
    world.runner.feed()


def lose_an_outcome(world: World) -> None:
    harness = world.runner.harness
    harness.gateway.scenario(submit="close", times=1)
    lost = harness.order()
    harness.run_cycle()
    harness.set_posted(lost, LONG_AGO)
    harness.make_due(lost)
    harness.run_cycle()
    harness.reload(lost, State.FAILED, "outcome_unknown")
    harness.set_times(lost, finished_at=-LONG_AGO)


def break_the_storage(world: World) -> None:
    world.private.rename(world.private.with_name("elsewhere"))
    world.private.write_text("not a folder")
    tasks.wake()
    world.let_minutes_pass()
    world.runner.feed()


def share_the_queue(_world: World) -> None:
    liveness.record_foreign_task()


def change_a_photo(world: World) -> None:
    """Replace the picture of one of two products whose renders are in the shop."""
    world.runner.run(world.batch)
    renders = list(world.batch.renders.all())
    batches.accept(world.batch, [render.pk for render in renders])
    batches.publish_accepted(world.batch)
    change_picture(Product.objects.get(pk=renders[0].product.partition(":")[2]))


def end_the_release(world: World) -> None:
    """Yesterday was its last day, and the hourly task has not run yet."""
    PersonPhoto.objects.filter(pk=world.runner.noa.pk).update(release_ends=release_today() - DAY)
    world.runner.feed()


def day(offset: timedelta = timedelta(0)) -> str:
    return date_format(today(timezone.now() - offset), "DATE_FORMAT")


@dataclass(frozen=True)
class Told:
    """What is told about a problem, wherever somebody looks."""

    title: str
    check: str
    """The failing check of `vton_doctor`."""
    reason: str = ""
    """What the pages and the mail say in detail."""
    refusal: tuple[int, str] | None = None
    """The status and code of a refused order."""
    availability: str = "Shoppers can try on."
    """The first words of the status page."""
    batch: str = "Waiting · 0 of 2 {title}. {reason}"
    """What the page of the batch says."""
    is_warning: bool = False
    """Whether the check of `vton_doctor` is ok, since everything works."""
    is_mailed: bool = True


def told_about_gateway(reason: str) -> Told:
    stopped = "Renders with glass-v1 have stopped"
    return Told(
        stopped, "gateway", reason, (503, "unavailable"), "Shoppers can try on, but not with glass-v1."
    )


def told_about_shop(title: str, check: str, reason: str, status: int, code: str) -> Told:
    return Told(title, check, reason, (status, code), f"No: {title}.")


SCENARIOS: dict[str, tuple[Callable[[World], None], Callable[[], Told]]] = {
    "gateway down": (stop_the_gateway, lambda: told_about_gateway("it cannot be reached")),
    "401": (refuse(401), lambda: told_about_gateway("the API key is missing or wrong (401)")),
    "402": (refuse(402), lambda: told_about_gateway("the wallet is empty (402)")),
    "no worker": (
        stop_all_workers,
        lambda: told_about_shop(
            "No worker is running", "workers", "New try-ons are not accepted", 503, "unavailable"
        ),
    ),
    "budget used": (
        use_the_budget,
        lambda: told_about_shop(
            f"The budget of {day()} is used up",
            "budget.day",
            "and 0.05 USD are left",
            429,
            "budget_exhausted",
        ),
    ),
    "an unknown outcome a day old": (
        lose_an_outcome,
        lambda: Told(f"Try-ons of {day(LONG_AGO)} have an unknown outcome", "unknown", batch="0 of 2"),
    ),
    "changed photo": (
        change_a_photo,
        lambda: Told(
            "Renders in the shop show earlier pictures of products",
            "outdated",
            "The picture of 1 product has changed since it was rendered.",
            batch="0 not possible 1 outdated 0.60 USD spent",
            is_warning=True,
            is_mailed=False,
        ),
    ),
    "expired release": (
        end_the_release,
        lambda: Told(
            f"The release of house model Noa ends: {day(DAY)} is its last day",
            "releases",
            "no render with this house model is offered or made",
            batch="Paused · 0 of 2 It was paused because a house model may not be used any more: Noa.",
            is_warning=True,
        ),
    ),
    "a queue of two projects": (
        share_the_queue,
        lambda: Told(
            "Another project uses the same queue", "queue", "another Q_CLUSTER['name']", batch="0 of 2"
        ),
    ),
    "storage not writable": (
        break_the_storage,
        lambda: told_about_shop("Pictures cannot be stored", "storage", "Error", 503, "unavailable"),
    ),
}


def problem_titles(html: str) -> list[str]:
    """The problems on the status page."""
    return [
        unescape(title)
        for title in re.findall(r"<h3>([^<]+?)(?: <span|</h3>)", html.partition('"vton-budget"')[0])
    ]


def all_checks() -> list[dict[str, Any]]:
    """The results of `vton_doctor`."""
    out = io.StringIO()
    with suppress(SystemExit):
        call_command("vton_doctor", "--json", stdout=out)
    results: list[dict[str, Any]] = json.loads(out.getvalue())
    return results


def failed_checks() -> dict[str, str]:
    """The texts of the failed checks of `vton_doctor`, by name."""
    return {check["name"]: check["text"] for check in all_checks() if not check["ok"]}


@pytest.fixture
def world(runner: BatchRunner, vton: Vton, tmp_path: Path) -> World:
    """A batch of two renders that has begun, and an idle worker."""
    liveness.record_heartbeat()
    return World(runner, runner.start(2), vton, tmp_path / "media-private")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_pages_health_check_mails_and_orders_agree_about(
    scenario: str, world: World, superuser: Client, merchant: Client, guest: Client, phone_photo: PhotoMaker
) -> None:
    begin, expected = SCENARIOS[scenario]
    product = world.runner.harness.product
    assert (problem_titles(get_page(superuser, "admin:vton_health")), failed_checks()) == ([], {})
    begin(world)
    world.let_minutes_pass()
    told = expected()

    is_offered = "<vton-try-on" in show_page(product)  # This also checks for incidents, as a worker does.
    page = get_page(superuser, "admin:vton_health")
    assert problem_titles(page) == [told.title]
    assert told.reason in visible_text(page)
    assert f"System status {told.availability} " in visible_text(page)
    assert set(failed_checks()) == (set() if told.is_warning else {told.check})
    texts = [check["text"] for check in all_checks() if check["name"] == told.check]
    assert told.check == "storage" or any(told.title in text for text in texts)
    assert mailed_titles() == ([told.title] if told.is_mailed else [])

    batch_page = visible_text(get_page(merchant, "admin:vton_batch_change", world.batch.pk))
    assert merchant.get(reverse("admin:vton_health")).status_code == 403
    for part in told.batch.partition("{reason}")[:2]:
        assert part.format(title=told.title, reason=told.reason) in batch_page
    assert (told.title in batch_page) == ("{title}" in told.batch)

    reason = None if told.refusal is None else told.refusal[1]
    assert get_start(guest, product).json()["reason"] == reason
    response = post_tryon(guest, product, phone_photo())
    if told.refusal is None:
        assert (response.status_code, is_offered) == (202, True)
    else:
        assert (error_code(response), is_offered) == (told.refusal, False)
        assert reason != "unavailable" or response["Retry-After"] == "60"


# Until it has lasted -----------------------------------------------------------------------------------


def test_a_connection_that_failed_just_now_is_shown_but_nobody_is_refused_or_mailed(
    world: World, superuser: Client, merchant: Client, guest: Client
) -> None:
    stop_the_gateway(world)
    assert "<vton-try-on" in show_page(world.runner.harness.product)
    assert problem_titles(get_page(superuser, "admin:vton_health")) == ["Renders with glass-v1 have stopped"]
    failed = failed_checks()
    assert set(failed) == {"gateway"}
    assert "ConnectError" in failed["gateway"]
    assert "Is vton_sandbox running?" in failed["gateway"]
    assert "it cannot be reached" in get_page(merchant, "admin:vton_batch_change", world.batch.pk)
    assert get_start(guest, world.runner.harness.product).json()["reason"] is None
    assert mailed_titles() == []


def test_a_refusal_is_mailed_at_once_and_only_products_of_its_engine_lose_their_button(
    world: World, guest: Client, shirt: Any
) -> None:
    refuse(402)(world)
    assert "<vton-try-on" in show_page(world.runner.harness.product)
    assert mailed_titles() == ["Renders with glass-v1 have stopped"]
    world.let_minutes_pass()
    assert show_page(world.runner.harness.product) == ""
    assert "<vton-try-on" in show_page(shirt)
    assert get_start(guest, shirt).json()["reason"] is None


def test_a_budget_that_is_nearly_used_is_described_by_one_message(
    world: World, superuser: Client, merchant: Client, guest: Client
) -> None:
    world.vton(DAILY_BUDGET=Decimal("0.375"))
    world.runner.feed()
    assert "<vton-try-on" in show_page()
    title = f"Most of the budget of {day()} is used"
    page = get_page(superuser, "admin:vton_health")
    assert problem_titles(page) == [title] == mailed_titles()
    text = visible_text(page)
    assert "System status Shoppers can try on." in text
    assert (
        "0.30 USD of 0.375 USD are spent or set aside for running renders (80 %), and 0.075 USD are left."
        in text
    )
    assert "used up" not in text
    assert failed_checks() == {}
    batch_page = visible_text(get_page(merchant, "admin:vton_batch_change", world.batch.pk))
    assert "The next render costs more than the budget has left: 0.075 USD." in batch_page
    assert get_start(guest, world.runner.harness.product).json()["reason"] == "budget_exhausted"


def test_the_storage_is_used_again_once_a_worker_can_write_to_it(world: World, guest: Client) -> None:
    break_the_storage(world)
    assert get_start(guest, world.runner.harness.product).json()["reason"] == "unavailable"
    world.private.unlink()
    tasks.wake()
    assert get_start(guest, world.runner.harness.product).json()["reason"] is None
    assert not FailedCheck.objects.exists()
    assert not TryOnRequest.objects.exists(), "nothing was ordered meanwhile"
