"""Every order in which a few faults can meet one try-on, with the real lifecycle on a real database.

`FAULTS` bounds how many meet: repeated responses, refusals, callbacks, forged callbacks, slow workers,
decisions of shoppers and operators. Time, workers and a healthy vendor may act in any order at no cost, and
so may a response that comes late or never.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils import timezone

from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import Attempt
from django_vton.shoppers import Visitor
from shop.tryon import ProductTryOn

from ..lifecycle.second_engine import Second
from ..tryons import complete_tryon, product_ref
from .rounds import IS_WHOLE, ROUNDS
from .simulation import Clock, Simulation
from .simulation_actions import SearchOptions
from .simulation_search import Search

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto, TryOnRequest
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

FAULTS = min(ROUNDS, 2) + 1 if IS_WHOLE else 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, except for actions that set the clock."""
    clock = Clock([timezone.now()])
    clock.install(monkeypatch)
    return clock


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Drop thousands of log lines about the faults."""
    caplog.set_level("CRITICAL", logger="django_vton")
    caplog.set_level("CRITICAL", logger="django")


def order(product: Product, **fields: object) -> TryOnRequest:
    return request_tryon(
        TryOnOrder(product=product_ref(product), visitor=Visitor(), consent=True, **fields)  # type: ignore[arg-type]
    ).request


def search(clock: Clock, options: SearchOptions, test: pytest.FixtureRequest) -> None:
    """Search from what is in the database now, and print how much there was."""
    found, began = Search(clock, options), time.process_time()
    found.run(Simulation(clock()), FAULTS)
    seconds, edges = time.process_time() - began, sum(map(len, found.edges.values()))
    print(  # noqa: T201 - shown by `pytest -s`
        f"\n{test.node.name} on {connection.vendor}: {FAULTS} faults, {len(found.seen)} states,"
        f" {edges} edges, {found.steps} steps, none new after {found.depth()} actions, {seconds:.0f} s of CPU"
    )


def test_one_try_on_without_callbacks(
    clock: Clock, glasses: Product, phone_photo: PhotoMaker, request: pytest.FixtureRequest
) -> None:
    order(glasses, photo=io.BytesIO(phone_photo(300, 400)))
    search(clock, SearchOptions(), request)


def test_one_try_on_with_callbacks(
    clock: Clock, shirt: Product, phone_photo: PhotoMaker, request: pytest.FixtureRequest
) -> None:
    other = complete_tryon(order(shirt, photo=io.BytesIO(phone_photo(300, 400, shade=1))))
    foreign_vendor_id = Attempt.objects.values_list("vendor_id", flat=True).get(request=other) or ""
    order(shirt, photo=io.BytesIO(phone_photo(300, 400)))
    search(clock, SearchOptions(foreign_vendor_id, frozenset({other.pk})), request)


def test_one_try_on_with_a_second_engine(
    clock: Clock,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """The first engine has links and callbacks, the second one has neither, and costs more."""
    vton(ENGINES={Second.name: Second})
    monkeypatch.setattr(ProductTryOn, "fallback", Second.name)
    order(shirt, photo=io.BytesIO(phone_photo(300, 400)))
    search(clock, SearchOptions(), request)


def test_one_render_of_a_house_model_with_its_followers(
    clock: Clock, glasses: Product, house_model: PersonPhoto, request: pytest.FixtureRequest
) -> None:
    def add_follower() -> None:
        order(glasses, photo_id=str(house_model.pk))

    add_follower()
    search(clock, SearchOptions(add_follower=add_follower), request)
