"""Renders of house models, which several try-ons share, stay apart for each engine."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from django_vton.gateway import circuit_breaker
from django_vton.models import GatewayState, TryOnRequest
from django_vton.models.states import State

from ...intake_helpers import user_visitor
from ..second_engine import FIRST, SECOND_PRICE
from .orders import SECOND, complete, stop_first

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..harness import Harness


def test_a_render_of_the_second_engine_is_none_of_the_first(harness: Harness) -> None:
    def order_again() -> TryOnRequest:
        return harness.order(user_visitor(), photo=io.BytesIO(harness.photo(300, 400)))

    stop_first(harness)
    row = complete(harness, order_again())
    cached = order_again()
    assert (cached.source_id, cached.cached) == (row.pk, True), "the second engine would make the same again"
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    assert (order_again().source_id, order_again().engine) == (None, FIRST)


def test_followers_get_the_engine_of_their_source(harness: Harness, house_model: PersonPhoto) -> None:
    stop_first(harness)
    followers = [harness.order(photo=None, photo_id=str(house_model.pk)) for _ in range(2)]
    source = TryOnRequest.objects.get(source=None)
    assert source.shared_key == source.cache_key
    harness.run_cycle()
    source = harness.reload(source, State.SUBMITTED)
    assert (source.engine, source.shared_key) == (SECOND, source.cache_key)
    # While the first engine is stopped, an order gets what the second engine makes.
    followers.append(harness.order(photo=None, photo_id=str(house_model.pk)))
    assert TryOnRequest.objects.filter(source=source).count() == 3
    harness.poll_when_finished(source)
    harness.run_cycle()
    for row in followers:
        follower = harness.reload(row, State.COMPLETED)
        assert follower.cache_key in {source.cache_key, source.other_cache_key}
    assert harness.spent() == harness.charged() == SECOND_PRICE
    cached = harness.order(photo=None, photo_id=str(house_model.pk))
    assert (cached.source_id, cached.cached) == (source.pk, True)
    # When it works again, an order gets a render of the first engine.
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    new = harness.order(photo=None, photo_id=str(house_model.pk)).source
    assert new is not None
    assert (new.pk != source.pk, new.engine) == (True, FIRST)


def test_a_moved_render_leaves_the_shared_one_alone(harness: Harness, house_model: PersonPhoto) -> None:
    """Two orders for the first engine can both move, since it was stopped between them."""
    stop_first(harness)
    harness.order(photo=None, photo_id=str(house_model.pk))
    harness.run_cycle()
    [shared] = TryOnRequest.objects.filter(source=None)
    GatewayState.objects.update(**circuit_breaker.CLOSED)
    follower = harness.order(photo=None, photo_id=str(house_model.pk))
    stop_first(harness)
    harness.run_cycle()
    moved = TryOnRequest.objects.get(followers=follower)
    assert (moved.engine, moved.shared_key) == (SECOND, None)
    assert TryOnRequest.objects.get(pk=shared.pk).shared_key == shared.cache_key
    harness.poll_when_finished(moved, times=2)
    harness.run_cycle()
    harness.reload(follower, State.COMPLETED)
