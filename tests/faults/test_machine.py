"""Two shoppers, their try-ons, a vendor, operators and crashes in any order that Hypothesis can think of.

Every example is one transaction that is rolled back, and goes the same way each time: its clock and its keys
are given. The moves are those of `test_interleavings`, here of many try-ons at once: with a budget and quotas
that run out, photos used again, house models, repeated keys.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
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
from django_vton.conf import MICROS, config
from django_vton.exceptions import Refused
from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import BudgetPeriod, PersonPhoto, Quota, TryOnImage, TryOnRequest
from django_vton.models.states import ACTIVE
from django_vton.privacy import retention
from django_vton.worker import result_images

from ..doors import ref
from ..lifecycle.invariants import check_books
from ..people import user_visitor
from .model_moves import Cast, moves
from .model_rules import check, step
from .model_view import View
from .model_world import Clock, World
from .rounds import IS_WHOLE, ROUNDS, SEEDS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

EXAMPLES, STEPS = (300, 60) if IS_WHOLE else (40, 40) if ROUNDS else (12, 30)


@dataclass(frozen=True)
class Stage:
    """What was there before the first move."""

    began: datetime
    clock: Clock
    chance: random.Random
    """What keys are made of: rows that are due at once come in the order of their keys."""
    products: list[Product]
    photos: list[bytes]
    house_model: PersonPhoto
    rendered: result_images.Rendered


class TryOns(RuleBasedStateMachine):
    """`world` and `view` are what is outside and inside of the database."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.example = transaction.atomic()
        self.example.__enter__()
        random.seed(0)
        stage.chance.seed(0)
        stage.clock.now[0] = stage.began
        self.cast = Cast(pictures=lambda request: result_images.store(request, [stage.rendered]))
        self.visitors = [user_visitor("ada"), user_visitor("eve")]
        self.world, self.view = World(stage.clock()), View()

    def teardown(self) -> None:
        """As if nothing had been."""
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def after(self, world: World) -> None:
        """The rules that hold for each row, at once."""
        self.stage.clock.now[0] = world.now
        view = View()
        check(world, view)
        step(self.view, view)
        self.world, self.view = world, view

    def move(self, data: st.DataObject, *beginnings: str, troubles: int = 1) -> None:
        """One of the moves whose names begin so, if there is any now that costs no more."""
        known = moves(self.world, self.view, self.cast)
        found = [move for move in known if move.name.startswith(beginnings) and move.cost <= troubles]
        if found:
            self.stage.clock.now[0] = self.world.now
            name = data.draw(st.sampled_from([move.name for move in found]))
            self.after(next(move for move in found if move.name == name).make())

    # Rules ------------------------------------------------------------------------------------------

    @rule(
        who=st.integers(0, 1),
        product=st.integers(0, 1),
        photo=st.sampled_from(["house", "one", "two"]),
        key=st.sampled_from([None, None, "key"]),
        keep=st.booleans(),
    )
    def ask(self, who: int, product: int, photo: str, key: str | None, keep: bool) -> None:
        fields: dict[str, Any] = {"keep_photo": keep, "idempotency_key": key, "addresses": ("ip:one",)}
        if photo == "house":
            fields["photo_id"] = str(self.stage.house_model.pk)
        else:
            fields["photo"] = io.BytesIO(self.stage.photos[photo == "two"])
        fields |= {
            "product": ref(self.stage.products[product]),
            "visitor": self.visitors[who],
            "consent": True,
        }
        before, is_refused = everything(), False
        try:
            request_tryon(TryOnOrder(**fields))
        except Refused:
            is_refused = True
        assert not is_refused or everything() == before, "refused, and something was stored"
        self.after(self.world)

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        self.move(data, "time: ")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def all_goes_well(self, data: st.DataObject) -> None:
        for _ in range(3):
            self.move(data, "look", "submit", "ask", "fetch", "minute", troubles=0)

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_pump_looks(self, data: st.DataObject) -> None:
        self.move(data, "look")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def the_schedule_looks(self, data: st.DataObject) -> None:
        self.move(data, "minute")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_slow_pump(self, data: st.DataObject) -> None:
        self.move(data, "a slow pump", "the slow pump")

    @precondition(lambda self: self.world.flights)
    @rule(data=st.data())
    def something_lands(self, data: st.DataObject) -> None:
        self.move(data, "submit", "ask", "fetch")

    @precondition(lambda self: self.world.renders)
    @rule(data=st.data())
    def the_vendor_calls(self, data: st.DataObject) -> None:
        self.move(data, "render")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def a_shopper_has_enough(self, data: st.DataObject) -> None:
        self.move(data, "cancel", "erase", "the photo goes")

    @precondition(lambda self: self.view.rows)
    @rule(data=st.data())
    def an_operator_speaks(self, data: st.DataObject) -> None:
        self.move(data, "adopt", "not charged", "write off")

    @rule(who=st.integers(0, 1), all_of_it=st.booleans())
    @precondition(lambda self: self.view.rows)
    def a_shopper_leaves(self, who: int, all_of_it: bool) -> None:
        shopper = self.visitors[who].shopper()
        if shopper is None:
            return
        pk = shopper.pk
        (privacy.erase_shopper if all_of_it else privacy.withdraw_consent)(shopper)
        self.after(self.world)
        assert not (all_of_it and TryOnRequest.objects.filter(shopper=pk).exists())
        assert not PersonPhoto.objects.filter(shopper=pk).exists()

    @precondition(lambda self: self.view.rows)
    @rule()
    def what_has_had_its_time_goes(self) -> None:
        """The purge, whose own sweep of files has tests of its own."""
        now = self.world.now
        for steps in (retention._purge_photos, retention._purge_results, retention._purge_guests):
            list(steps(now))
        self.after(self.world)
        idle = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, expires_at__lte=now)
        assert not idle.exclude(try_ons__state__in=ACTIVE).exists()

    # Invariants -------------------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self) -> None:
        check_books()

    @invariant()
    def no_cap_is_passed(self) -> None:
        caps = {"day": config.DAILY_BUDGET, "month": config.MONTHLY_BUDGET}
        for period in BudgetPeriod.objects.all():
            cap = caps[period.kind]
            assert cap is not None
            assert period.held + period.spent <= cap * MICROS, f"past the cap of this {period.kind}"

    @invariant()
    def each_quota_counts_its_try_ons(self) -> None:
        counted = [pk for row in self.view.rows for pk in row.counted_in]
        erased = sum(row.erased_at is not None for row in self.view.rows)
        for quota in Quota.objects.exclude(key__startswith="shared:"):
            # What is erased counts on, and no longer says in which quota.
            assert 0 <= quota.used - counted.count(quota.pk) <= erased, quota.key

    @invariant()
    def nothing_is_left_of_an_erased_owner(self) -> None:
        for row in self.view.rows:
            own = [pk for pk, (kind, _expires_at) in self.view.photos.items() if kind == PersonPhoto.Kind.OWN]
            if row.shopper_id is None:
                assert row.photo_id not in own, "nobody's try-on has somebody's photo"
        lost = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, shopper=None)
        assert not lost.exists(), "nobody's photo"


def everything() -> list[Any]:
    """What a refused try-on must not have touched. Agreeing and looking make no try-on, and may be noted."""
    counted = list(Quota.objects.filter(used__gt=0).order_by("pk").values_list("pk", "used"))
    periods = BudgetPeriod.objects.exclude(held=0, spent=0)
    money = list(periods.order_by("pk").values_list("pk", "held", "spent"))
    rows = list(TryOnRequest.objects.order_by("pk").values_list("pk", "state", "due_at", "counted_in"))
    photos = list(PersonPhoto.objects.order_by("pk").values_list("pk", "keep", "expires_at"))
    return [counted, money, rows, photos, TryOnImage.objects.count()]


@pytest.fixture
def stage(
    monkeypatch: pytest.MonkeyPatch,
    files: Path,  # noqa: ARG001 - pictures are written
    vton: Vton,
    glasses: Product,
    shirt: Product,
    house_model: PersonPhoto,
    phone_photo: PhotoMaker,
) -> Stage:
    vton(DAILY_BUDGET=Decimal("0.80"), MONTHLY_BUDGET=Decimal("1.50"), QUOTA="5/day", IP_QUOTA="7/day")
    began = timezone.now()
    clock = Clock([began])
    monkeypatch.setattr(timezone, "now", clock)
    chance = random.Random(0)  # noqa: S311 - the same each time is what is wanted
    monkeypatch.setattr("os.urandom", chance.randbytes)
    photos = [phone_photo(300, 400, shade=shade) for shade in (1, 2)]
    out = io.BytesIO()
    Image.new("RGB", (40, 50), (10, 20, 30)).save(out, "PNG")
    for visitor in (user_visitor("ada"), user_visitor("eve")):
        visitor.lock_or_create()
    return Stage(
        began, clock, chance, [glasses, shirt], photos, house_model, result_images.read(out.getvalue())
    )


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of lines about what is meant to go wrong."""
    caplog.set_level("CRITICAL", logger="django_vton")
    caplog.set_level("CRITICAL", logger="django")


@pytest.mark.parametrize("number", SEEDS)
def test_whatever_happens_the_rules_hold(stage: Stage, number: int) -> None:
    @seed(number)
    def machine() -> TryOns:
        return TryOns(stage)

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
