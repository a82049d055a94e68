"""Scenarios of shoppers, the vendor and the schedule, and the list of all scenarios."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.db.models.signals import pre_init
from django.test import Client
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.lifecycle import followers
from django_vton.models import Attempt, GatewayState, TryOnImage, TryOnRequest
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from django_vton.utils.tokens import hash_token
from shop.tryon import ProductTryOn

from ..lifecycle.second_engine import FIRST, SECOND_PRICE, Second
from ..live_shop import TIMEOUT_SECONDS
from ..tryons import TOKEN, TRY_ONS, product_ref
from .scenario import FAILED, UNKNOWN, UNREACHABLE, Garment, Scenario, SharedHouseRender, add_house_model
from .scenario_run import BlockedSignal, Run, histories
from .web_client import send_request

CALLBACK_URL = f"/try-on/webhooks/pixazo/{TOKEN}/"


class RequestScenario(Scenario):
    """A browser or the vendor sends `self.request`, and repeats it if the response was not `accepted`."""

    accepted: tuple[int, ...] = (200,)
    accepted_later: tuple[int, ...] = (200,)
    """The allowed responses of the repetition."""

    request: dict[str, Any]
    status_code: int | None = None

    def run(self, run: Run) -> None:
        self.status_code = run.do("request", **self.request)

    def continue_without(self, _run: Run) -> None:
        if self.status_code not in self.accepted:
            self.repeat()

    def repeat(self) -> None:
        assert send_request(**self.request) in self.accepted_later


class Ordering(RequestScenario):
    """A guest orders a try-on; without a good response, the browser repeats it with the same key."""

    accepted = accepted_later = (200, 202)
    regressions = ("after intake.shoppers.request_tryon: COMMIT 1",)

    def __init__(self, name: str, *, on_house_model: bool = False) -> None:
        super().__init__(name)
        self.on_house_model = on_house_model
        self.rows = 2 if on_house_model else 1

    def prepare(self, run: Run) -> None:
        self.status_code = None
        fields: dict[str, Any] = {"product": product_ref(run.harness.product), "consent": True}
        if self.on_house_model:
            fields |= {"photo_id": str(add_house_model(run).pk)}
        self.request = {
            "method": "POST",
            "path": TRY_ONS,
            "cookies": {"csrftoken": "a" * 32},
            "headers": {"Idempotency-Key": "one"},
            "photo": not self.on_house_model,
            **fields,
        }

    def while_hanging(self, run: Run) -> None:
        self.repeat()
        super().while_hanging(run)

    def continue_without(self, run: Run) -> None:
        rows = TryOnRequest.objects.count()
        is_nothing = rows == 0 and self.status_code not in self.accepted
        assert rows == self.rows or is_nothing, "half a try-on"
        run.drive(run.harness.run_cycle)
        run.check_consistency()
        self.repeat()

    def check(self, run: Run) -> None:
        super().check(run)
        assert TryOnRequest.objects.count() == self.rows
        assert Attempt.objects.count() == 1


class Callback(RequestScenario):
    """The response to the submit was lost; the callback brings the id, and is repeated if it failed."""

    product = "shirt"
    is_called_back = False

    def prepare(self, run: Run) -> None:
        self.status_code = None
        run.harness.gateway.scenario(submit="close", callbacks=0)
        row = run.harness.order()
        run.harness.run_cycle()
        run.harness.reload(row, State.UNKNOWN)
        Attempt.objects.update(token_hash=hash_token(TOKEN))
        entry = run.harness.gateway.ledger.entries[0]
        self.request = {
            "method": "POST",
            "path": CALLBACK_URL,
            "cookies": {},
            "request_id": entry.request_id,
        }

    def while_hanging(self, run: Run) -> None:
        """Nothing: the try-on waits for the vendor's next callback."""


class EarlyCallback(Garment):
    """The render ends, and the vendor calls back, before it responds to the submit."""

    is_called_early = True

    def __init__(self, name: str) -> None:
        super().__init__(name, callback_early=True)


class FallingBack(Garment):
    """The first engine refuses the try-on of a house model, and the second one renders it.

    With `is_stopped`, the first engine is stopped when the try-on is ordered.
    """

    regressions = ("after lifecycle.submission.mark_refused: COMMIT 1",)

    def __init__(self, name: str, *, is_stopped: bool = False) -> None:
        super().__init__(name, engine=FIRST, submit_status=402, times=None)
        self.is_stopped = is_stopped
        if is_stopped:
            self.regressions = ("after lifecycle.fallback.fall_back_while_queued: COMMIT 1",)

    def prepare(self, run: Run) -> None:
        run.harness.gateway.scenario(**self.gateway_scenario)
        model = add_house_model(run)
        with mock.patch.object(ProductTryOn, "fallback", Second.name):
            for _ in range(2):
                run.harness.order(photo=None, photo_id=str(model.pk))
        if self.is_stopped:
            until = timezone.now() + timedelta(hours=1)
            GatewayState.objects.create(
                engine=FIRST, breaker="402", refused_at=timezone.now(), wait_until=until
            )

    def run(self, run: Run) -> None:
        run.do("dispatch")
        super().run(run)

    def check(self, run: Run) -> None:
        super().check(run)
        source = TryOnRequest.objects.get(source=None)
        if source.state == State.COMPLETED:
            assert source.engine == Second.name, histories()
            amounts = [entry.amount for entry in run.harness.gateway.ledger.entries if entry.amount]
            assert amounts == [SECOND_PRICE], histories()


class Canceling(RequestScenario):
    """A logged-in shopper cancels the try-on."""

    accepted_later = (200, 409)

    def __init__(self, name: str, state: State) -> None:
        super().__init__(name)
        self.state = state

    def prepare(self, run: Run) -> None:
        self.status_code = None
        visitor, cookies = log_in()
        row = run.harness.order(visitor)
        if self.state == State.SUBMITTED:
            run.harness.run_cycle()
        run.harness.reload(row, self.state)
        self.request = {"method": "POST", "path": f"{TRY_ONS}{row.pk}/cancel/", "cookies": cookies}

    def check(self, run: Run) -> None:
        row = TryOnRequest.objects.get()
        was_too_late = run.plan.get("kind") == "hang" and row.state == State.COMPLETED
        assert row.state == State.CANCELED or was_too_late, histories()


class Erasing(RequestScenario):
    """A shopper erases the try-on while another process has downloaded its image and is about to store it."""

    accepted = (204,)
    accepted_later = (204, 404)

    def prepare(self, run: Run) -> None:
        self.status_code = None
        visitor, cookies = log_in()
        row = run.harness.order(visitor)
        run.drive(run.harness.run_cycle, until=(State.RENDERED,))
        run.harness.reload(row, State.RENDERED)
        self.request = erasure_request(row, cookies)

    def run(self, run: Run) -> None:
        run.make_due()
        with BlockedSignal(pre_init, is_result_image) as self.storing, run.harness.running_cycle():
            try:
                assert self.storing.was_sent.wait(TIMEOUT_SECONDS)
                super().run(run)
            finally:
                self.storing.release()

    def while_hanging(self, run: Run) -> None:
        self.storing.release()
        super().while_hanging(run)

    def check(self, run: Run) -> None:
        check_erased()


class ErasedMeanwhile(Scenario):
    """A shopper erases the try-on while the worker hangs."""

    kinds = ("hang",)
    short_sample = 2

    def prepare(self, run: Run) -> None:
        visitor, cookies = log_in()
        self.request = erasure_request(run.harness.order(visitor), cookies)

    def while_hanging(self, run: Run) -> None:
        assert send_request(**self.request) == 204

    def check(self, run: Run) -> None:
        if run.has_injected:
            check_erased()


class Purging(Scenario):
    """A photo and a result have expired, and there is a file without a row."""

    def prepare(self, run: Run) -> None:
        super().prepare(run)
        run.drive(run.harness.run_cycle)
        run.check_files()
        past = timezone.now() - timedelta(hours=3)
        row = TryOnRequest.objects.get()
        TryOnRequest.objects.update(expires_at=past)
        assert row.photo is not None
        type(row.photo).objects.update(expires_at=past)

    def run(self, run: Run) -> None:
        run.do("purge")

    def while_hanging(self, _run: Run) -> None:
        privacy.purge()

    def continue_without(self, _run: Run) -> None:
        privacy.purge()

    def check(self, run: Run) -> None:
        check_erased()


class FinishingFollowers(SharedHouseRender):
    """A shared render has ended, and its worker died before it completed the followers."""

    regressions = ("after lifecycle.followers._finish_batch: COMMIT 1",)

    def prepare(self, run: Run) -> None:
        super().prepare(run)
        with mock.patch.object(followers, "FIRST_BATCH", 0):
            while TryOnRequest.objects.active().filter(source=None).exists():
                run.make_due()
                run.harness.run_cycle()
        assert TryOnRequest.objects.active().count() == 2

    def run(self, run: Run) -> None:
        run.do("finish_followers")

    def while_hanging(self, _run: Run) -> None:
        lifecycle.finish_followers()


def log_in() -> tuple[Visitor, dict[str, str]]:
    """A logged-in shopper and the cookies of their browser."""
    user, _created = User.objects.get_or_create(username="ada")
    browser = Client()
    browser.force_login(user)
    return Visitor(user_id=user.pk), {"sessionid": browser.cookies["sessionid"].value}


def is_result_image(sender: type[Any], **_arguments: Any) -> bool:
    """Whether the row of a downloaded image is being made, just before its files."""
    return sender is TryOnImage


def erasure_request(row: TryOnRequest, cookies: dict[str, str]) -> dict[str, Any]:
    return {"method": "DELETE", "path": f"{TRY_ONS}{row.pk}/", "cookies": cookies}


def check_erased() -> None:
    row = TryOnRequest.objects.get()
    assert row.erased_at is not None, histories()
    assert (row.photo, row.shopper, row.result_urls) == (None, None, [])
    assert not TryOnImage.objects.exists()


SCENARIOS = [
    Scenario("glasses"),
    Garment("garment"),
    SharedHouseRender("shared house render"),
    FinishingFollowers("followers of a house render"),
    Scenario("refused 429", submit_status=429),
    Scenario("refused 500", submit_status=500),
    FallingBack("refused, and made by the second engine"),
    FallingBack("stopped, and made by the second engine", is_stopped=True),
    Scenario("vendor ERROR", FAILED, outcome="ERROR"),
    Scenario("vendor FAILED", FAILED, outcome="FAILED"),
    Garment("firewall before the shop", UNREACHABLE, blocked="all"),
    Scenario("response lost", UNKNOWN, submit="close"),
    Ordering("order"),
    Ordering("order on a house model", on_house_model=True),
    Callback("callback"),
    EarlyCallback("callback before the response"),
    Canceling("cancel while queued", State.QUEUED),
    Canceling("cancel at the vendor", State.SUBMITTED),
    Erasing("erase"),
    ErasedMeanwhile("erased meanwhile"),
    Purging("purge"),
]
