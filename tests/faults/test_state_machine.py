"""Two shoppers, their try-ons, a vendor, operators and crashes, in any order that Hypothesis generates.

Every example runs in a transaction that is rolled back, and is repeatable: clock and primary keys are fixed.
The actions are those of `test_interleavings`, here with many try-ons at once, a budget and quotas that run
out, reused photos, house models and repeated idempotency keys.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PIL import Image

from django_vton import privacy
from django_vton.conf import MICROS_PER_USD, config
from django_vton.exceptions import Refused
from django_vton.images import isolated
from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    PersonPhoto,
    Quota,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
)
from django_vton.models.states import ACTIVE
from django_vton.privacy import retention
from django_vton.worker import result_images

from ..intake_helpers import user_visitor
from ..lifecycle.invariants import check_books
from ..tryons import product_ref
from .rounds import IS_WHOLE, ROUNDS, SEEDS
from .simulation import Clock, Simulation
from .simulation_actions import SearchOptions, possible_actions
from .simulation_database import DatabaseView
from .simulation_invariants import check_change, check_state

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

EXAMPLES, STEPS = (300, 60) if IS_WHOLE else (40, 40) if ROUNDS else (12, 30)


@dataclass(frozen=True)
class Setup:
    """What exists before the first action."""

    began: datetime
    clock: Clock
    key_source: random.Random
    """Source of the primary keys: rows that are due at the same time come in their order."""
    products: list[Product]
    photos: list[bytes]
    house_model: PersonPhoto
    result: isolated.ResultImage


class TryOns(RuleBasedStateMachine):
    """`simulation` and `view` are what is outside and inside the database."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self.setup = setup
        self.example = transaction.atomic()
        self.example.__enter__()
        random.seed(0)
        setup.key_source.seed(0)
        setup.clock.now[0] = setup.began
        self.options = SearchOptions(make_images=lambda request: result_images.store(request, [setup.result]))
        self.visitors = [user_visitor("ada"), user_visitor("eve")]
        self.simulation, self.view = Simulation(setup.clock()), DatabaseView()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def after(self, simulation: Simulation) -> None:
        """Check the invariants of every row."""
        self.setup.clock.now[0] = simulation.now
        view = DatabaseView()
        check_state(simulation, view)
        check_change(self.view, view)
        self.simulation, self.view = simulation, view

    def act(self, data: st.DataObject, *prefixes: str, faults: int = 1) -> None:
        """Run one of the possible actions with such a name, if there is one that costs no more."""
        possible = possible_actions(self.simulation, self.view, self.options)
        found = [action for action in possible if action.name.startswith(prefixes) and action.cost <= faults]
        if found:
            self.setup.clock.now[0] = self.simulation.now
            name = data.draw(st.sampled_from([action.name for action in found]))
            self.after(next(action for action in found if action.name == name).run())

    # Rules ------------------------------------------------------------------------------------------

    @rule(
        who=st.integers(0, 1),
        product=st.integers(0, 1),
        photo=st.sampled_from(["house", "one", "two"]),
        key=st.sampled_from([None, None, "key"]),
        keep=st.booleans(),
    )
    def order(self, who: int, product: int, photo: str, key: str | None, keep: bool) -> None:
        fields: dict[str, Any] = {"keep_photo": keep, "idempotency_key": key, "addresses": ("ip:one",)}
        if photo == "house":
            fields["photo_id"] = str(self.setup.house_model.pk)
        else:
            fields["photo"] = io.BytesIO(self.setup.photos[photo == "two"])
        fields |= {
            "product": product_ref(self.setup.products[product]),
            "visitor": self.visitors[who],
            "consent": True,
        }
        before, is_refused = stored_data(), False
        try:
            request_tryon(TryOnOrder(**fields))
        except Refused:
            is_refused = True
        assert not is_refused or stored_data() == before, "refused, and something was stored"
        self.after(self.simulation)

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        self.act(data, "time: ")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def everything_works(self, data: st.DataObject) -> None:
        for _ in range(3):
            self.act(data, "dispatch", "submit", "poll", "download", "schedule", faults=0)

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_worker_dispatches(self, data: st.DataObject) -> None:
        self.act(data, "dispatch")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def the_schedule_runs(self, data: st.DataObject) -> None:
        self.act(data, "schedule")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_slow_worker_acts(self, data: st.DataObject) -> None:
        self.act(data, "a slow worker", "the slow worker")

    @precondition(lambda self: self.simulation.calls)
    @rule(data=st.data())
    def a_call_ends(self, data: st.DataObject) -> None:
        self.act(data, "submit", "poll", "download")

    @precondition(lambda self: self.simulation.renders)
    @rule(data=st.data())
    def the_vendor_calls_back(self, data: st.DataObject) -> None:
        self.act(data, "render")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_shopper_cancels_or_erases(self, data: st.DataObject) -> None:
        self.act(data, "cancel", "erase", "delete photo")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def an_operator_decides(self, data: st.DataObject) -> None:
        self.act(data, "adopt", "withdraw", "not charged", "write off")

    @rule(who=st.integers(0, 1), is_everything=st.booleans())
    @precondition(lambda self: self.view.rows)
    def a_shopper_is_erased(self, who: int, is_everything: bool) -> None:
        shopper = self.visitors[who].find_shopper()
        if shopper is None:
            return
        pk = shopper.pk
        (privacy.erase_shopper if is_everything else privacy.withdraw_consent)(shopper)
        self.after(self.simulation)
        assert not (is_everything and TryOnRequest.objects.filter(shopper=pk).exists())
        assert not PersonPhoto.objects.filter(shopper=pk).exists()

    @precondition(lambda self: self.view.rows)
    @rule()
    def expired_data_is_purged(self) -> None:
        """Without the deletion of orphaned files, which has its own tests."""
        now = self.simulation.now
        for purge in (retention._purge_photos, retention._purge_tryons, retention._purge_guests):
            list(purge(now))
        self.after(self.simulation)
        idle = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, expires_at__lte=now)
        assert not idle.exclude(try_ons__state__in=ACTIVE).exists()

    # Invariants -------------------------------------------------------------------------------------

    @invariant()
    def the_budget_matches_the_attempts(self) -> None:
        check_books()

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        caps = {"day": config.DAILY_BUDGET, "month": config.MONTHLY_BUDGET}
        for period in BudgetPeriod.objects.all():
            cap = caps[period.kind]
            assert cap is not None
            # The vendor may charge for what it has refused: only that is counted without a reservation.
            proven = TryOnEvent.objects.filter(name="charged_error").values("attempt")
            unplanned = Attempt.objects.filter(pk__in=proven).aggregate(sum=Sum("amount"))["sum"] or 0
            most = cap * MICROS_PER_USD + unplanned
            assert period.held + period.spent <= most, f"above the cap of this {period.kind}"

    @invariant()
    def quotas_count_their_try_ons(self) -> None:
        counted = [pk for row in self.view.rows for pk in row.quota_ids]
        erased = sum(row.erased_at is not None for row in self.view.rows)
        for quota in Quota.objects.exclude(key__startswith="shared:"):
            # An erased try-on still counts, but no longer refers to its quota.
            assert 0 <= quota.used - counted.count(quota.pk) <= erased, quota.key

    @invariant()
    def no_personal_data_is_left_without_an_owner(self) -> None:
        for row in self.view.rows:
            own = [pk for pk, (kind, _expires_at) in self.view.photos.items() if kind == PersonPhoto.Kind.OWN]
            if row.shopper_id is None:
                assert row.photo_id not in own, "a try-on without an owner has a shopper's photo"
        orphaned = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, shopper=None)
        assert not orphaned.exists(), "a photo without an owner"


def stored_data() -> list[Any]:
    """Everything that a refused try-on must not change. Consents may be recorded without a try-on."""
    counted = list(Quota.objects.filter(used__gt=0).order_by("pk").values_list("pk", "used"))
    periods = BudgetPeriod.objects.exclude(held=0, spent=0)
    money = list(periods.order_by("pk").values_list("pk", "held", "spent"))
    rows = list(TryOnRequest.objects.order_by("pk").values_list("pk", "state", "due_at", "quota_ids"))
    photos = list(PersonPhoto.objects.order_by("pk").values_list("pk", "is_reusable", "expires_at"))
    return [counted, money, rows, photos, TryOnImage.objects.count()]


@pytest.fixture
def setup(
    monkeypatch: pytest.MonkeyPatch,
    files: Path,  # noqa: ARG001 - images are stored
    vton: Vton,
    glasses: Product,
    shirt: Product,
    house_model: PersonPhoto,
    phone_photo: PhotoMaker,
) -> Setup:
    vton(DAILY_BUDGET=Decimal("0.80"), MONTHLY_BUDGET=Decimal("1.50"), QUOTA="5/day", IP_QUOTA="7/day")
    began = timezone.now()
    clock = Clock([began])
    clock.install(monkeypatch)
    key_source = random.Random(0)  # noqa: S311 - meant to be the same each time
    monkeypatch.setattr("os.urandom", key_source.randbytes)
    photos = [phone_photo(300, 400, shade=shade) for shade in (1, 2)]
    out = io.BytesIO()
    Image.new("RGB", (40, 50), (10, 20, 30)).save(out, "PNG")
    for visitor in (user_visitor("ada"), user_visitor("eve")):
        visitor.lock_or_create()
    result = isolated.decode_result(out.getvalue())
    return Setup(began, clock, key_source, [glasses, shirt], photos, house_model, result)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Drop thousands of log lines about the faults."""
    caplog.set_level("CRITICAL", logger="django_vton")
    caplog.set_level("CRITICAL", logger="django")


@pytest.mark.parametrize("number", SEEDS)
def test_the_invariants_hold_whatever_happens(setup: Setup, number: int) -> None:
    @seed(number)
    def machine() -> TryOns:
        return TryOns(setup)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type] # called without arguments, as documented
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
