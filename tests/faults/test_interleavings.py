"""Every order in which a few troubles can meet one try-on: the real lifecycle on a real database.

`TROUBLES` bounds how many of them meet: doubled answers, refusals, callbacks, liars, slow pumps, words of
shoppers and operators. Time, pumps, and a vendor that works are free of charge, in any order; and so is an
answer that comes late, or never.
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

from ..doors import ref, render
from .model_moves import Cast
from .model_search import Search
from .model_world import Clock, World
from .rounds import IS_WHOLE, ROUNDS

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto, TryOnRequest
    from shop.models import Product

    from ..conftest import PhotoMaker

TROUBLES = min(ROUNDS, 2) + 1 if IS_WHOLE else 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, and goes on by moves alone."""
    clock = Clock([timezone.now()])
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of lines about what is meant to go wrong."""
    caplog.set_level("CRITICAL", logger="django_vton")
    caplog.set_level("CRITICAL", logger="django")


def ask(product: Product, **fields: object) -> TryOnRequest:
    return request_tryon(TryOnOrder(product=ref(product), visitor=Visitor(), consent=True, **fields)).request  # type: ignore[arg-type]


def search(clock: Clock, cast: Cast, record: pytest.FixtureRequest, troubles: int = TROUBLES) -> None:
    """Search from what is in the database now, and say how much there was."""
    found, began = Search(clock, cast), time.process_time()
    found.run(World(clock()), troubles)
    seconds, edges = time.process_time() - began, sum(map(len, found.edges.values()))
    print(  # noqa: T201 - shown by `pytest -s`
        f"\n{record.node.name} on {connection.vendor}: {troubles} troubles, {len(found.seen)} states,"
        f" {edges} edges, {found.steps} steps, none new after {found.depth()} moves, {seconds:.0f} s of work"
    )


def another(product: Product, photo: bytes) -> str:
    """The vendor's id of somebody else's finished render."""
    row = render(ask(product, photo=io.BytesIO(photo)))
    return Attempt.objects.values_list("vendor_id", flat=True).get(request=row) or ""


def test_one_without_callbacks(
    clock: Clock, glasses: Product, phone_photo: PhotoMaker, request: pytest.FixtureRequest
) -> None:
    ask(glasses, photo=io.BytesIO(phone_photo(300, 400)))
    search(clock, Cast(), request)


def test_one_with_callbacks(
    clock: Clock, shirt: Product, phone_photo: PhotoMaker, request: pytest.FixtureRequest
) -> None:
    taken = another(shirt, phone_photo(300, 400, shade=1))
    ask(shirt, photo=io.BytesIO(phone_photo(300, 400)))
    search(clock, Cast(taken=taken), request)


def test_one_of_a_house_model_with_those_who_share_it(
    clock: Clock, glasses: Product, house_model: PersonPhoto, request: pytest.FixtureRequest
) -> None:
    def join() -> None:
        ask(glasses, photo_id=str(house_model.pk))

    join()
    search(clock, Cast(join=join), request)
