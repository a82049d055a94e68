"""Renders that several requests share: those of house models, and a shopper's own earlier ones."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from django_vton import lifecycle
from django_vton.exceptions import Refused
from django_vton.intake import prepare_render, request_render
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    Consent,
    PersonPhoto,
    Quota,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from shop.models import Kind, Product

from ..intake_helpers import (
    order_tryon,
    run_before_statement,
    run_concurrently,
    user_visitor,
)
from ..tryons import claim_for_submit, complete_tryon, make_product, product_ref
from .snapshots import database_rows

if TYPE_CHECKING:
    from django_vton.intake import AcceptedRequest

    from ..conftest import PhotoMaker, Vton


def order_on_house_model(
    product: Product, visitor: Visitor, model: PersonPhoto, **fields: Any
) -> AcceptedRequest:
    return order_tryon(product, visitor, photo_id=str(model.pk), consent=False, **fields)


def test_a_new_render_for_a_merchant_is_paid_and_shared_with_nobody(
    shirt: Product, house_model: PersonPhoto
) -> None:
    def order(*, is_new: bool) -> TryOnRequest:
        return request_render(prepare_render(product_ref(shirt), house_model, {}), is_new=is_new).request

    shared = order(is_new=False)
    new = [order(is_new=True), order(is_new=True)]
    assert order(is_new=False) == shared
    follower = order_on_house_model(shirt, Visitor(), house_model).request
    assert follower.source == shared
    assert [row.shared_key for row in new] == [None, None]
    assert all(row.shows_house_model for row in new)
    assert Attempt.objects.count() == 3


@pytest.mark.usefixtures("phone_photo")
def test_a_render_on_a_house_model_is_shared_and_paid_once(
    shirt: Product,
    house_model: PersonPhoto,
) -> None:
    first = order_on_house_model(shirt, user_visitor("ada"), house_model, addresses=("ip:1",))
    second = order_on_house_model(shirt, Visitor(), house_model, addresses=("ip:1",))
    source = first.request.source
    assert source is not None
    assert (second.request.source, source.shopper) == (source, None)
    assert [bool(it.request.quota_ids) for it in (first, second)] == [True, False]
    assert [it.is_ready or it.request.cached for it in (first, second)] == [False, False]
    assert Attempt.objects.count() == 1
    assert not Consent.objects.exists()

    complete_tryon(source)
    lifecycle.finish_followers()  # After the commit, which refuse_shirts comes here.
    third = order_on_house_model(shirt, user_visitor("bob"), house_model)
    assert (third.is_ready, third.request.cached, third.request.quota_ids) == (True, True, [])
    for row in TryOnRequest.objects.exclude(pk=source.pk):
        assert (row.state, row.image_count) == (State.COMPLETED, 1)
        assert row.shown_images == list(source.images.all())
    assert Attempt.objects.count() == 1
    assert Quota.objects.filter(key="ip:1").get().used == 1
    # A render with other options is not shared.
    assert (
        order_on_house_model(
            shirt, user_visitor("bob"), house_model, options={"num_samples": 2}
        ).request.source
        != source
    )


def test_a_failed_shared_render_fails_all_requests_and_returns_the_quota(
    shirt: Product, house_model: PersonPhoto
) -> None:
    first = order_on_house_model(shirt, user_visitor("ada"), house_model).request
    second = order_on_house_model(shirt, user_visitor("bob"), house_model).request
    assert first.source is not None
    lifecycle.give_up(first.source, "vendor", "test")
    lifecycle.finish_followers()
    for row in (first, second):
        row.refresh_from_db()
        assert (row.state, row.error_code, row.quota_ids) == (State.FAILED, "vendor", [])
    assert [quota.used for quota in Quota.objects.exclude(key__startswith="shared:")] == [0]
    again = order_on_house_model(shirt, user_visitor("ada"), house_model).request
    assert again.source not in {None, first.source}


def test_a_request_that_waits_for_a_shared_render_counts_as_in_flight(
    shirt: Product, glasses: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    order_on_house_model(shirt, user_visitor("ada"), house_model)
    order_on_house_model(glasses, user_visitor("ada"), house_model)
    vton(IN_FLIGHT=1)
    order_on_house_model(shirt, user_visitor("bob"), house_model)
    before = database_rows()
    with pytest.raises(Refused, match="in_flight_limit"):
        order_on_house_model(glasses, user_visitor("bob"), house_model)
    assert database_rows() == before


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_on_a_house_model_are_paid_once(shirt: Product, house_model: PersonPhoto) -> None:
    for name in ("ada", "bob", "eve"):
        user_visitor(name)
    results = run_concurrently(
        *[
            lambda name=name: (
                order_on_house_model(shirt, user_visitor(name), house_model, addresses=("ip:1",)).request
            )
            for name in ("ada", "bob", "eve")
        ]
    )
    followers = [result for result in results if isinstance(result, TryOnRequest)]
    assert len(followers) == 3, results
    assert len({follower.source_id for follower in followers}) == 1
    assert Attempt.objects.count() == 1
    assert sorted(bool(follower.quota_ids) for follower in followers) == [False, False, True]
    assert Quota.objects.get(key="ip:1").used == 1
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_only_the_first_of_concurrent_requests_counts_for_a_quota(
    shirt: Product, house_model: PersonPhoto
) -> None:
    both_searched = threading.Barrier(2)

    def work(name: str) -> TryOnRequest:
        with run_before_statement('SELECT "vton_personphoto"."id" ', lambda: both_searched.wait(10)):
            return order_on_house_model(shirt, user_visitor(name), house_model).request

    for name in ("ada", "bob"):
        user_visitor(name)
    ada, bob = run_concurrently(lambda: work("ada"), lambda: work("bob"))
    assert isinstance(ada, TryOnRequest), ada
    assert isinstance(bob, TryOnRequest), bob
    assert ada.source == bob.source is not None
    assert sorted([len(ada.quota_ids), len(bob.quota_ids)]) == [0, 1]
    paid = Quota.objects.filter(used__gt=0).exclude(key__startswith="shared:")
    assert [quota.used for quota in paid] == [1]
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_two_house_models_with_the_same_photo_share_a_render(
    shirt: Product, house_model: PersonPhoto
) -> None:
    twin = PersonPhoto.objects.get(pk=house_model.pk)
    twin.pk = uuid4()
    twin.save(force_insert=True)
    ada, bob = user_visitor("ada"), user_visitor("bob")
    results: list[TryOnRequest | Exception | None] = []

    def order_from_bob() -> None:
        results.extend(run_concurrently(lambda: order_on_house_model(shirt, bob, twin).request))

    with run_before_statement('INSERT INTO "vton_tryonrequest"', order_from_bob):
        mine = order_on_house_model(shirt, ada, house_model).request
    (other,) = results
    assert isinstance(other, TryOnRequest), other
    assert mine.source == other.source is not None
    assert (len(other.quota_ids), mine.quota_ids) == (1, [])
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_a_request_that_joins_a_render_as_it_fails_fails_too(
    shirt: Product, house_model: PersonPhoto
) -> None:
    source = order_on_house_model(shirt, user_visitor("ada"), house_model).request.source
    assert source is not None

    def end() -> None:
        lifecycle.give_up(source, "vendor", "test")
        connection.close()

    ending = threading.Thread(target=end)

    def as_it_ends() -> None:
        ending.start()
        ending.join(0.5)  # the end has to wait until bob's request is committed

    bob = user_visitor("bob")
    with run_before_statement('INSERT INTO "vton_tryonrequest"', as_it_ends):
        row = order_on_house_model(shirt, bob, house_model).request
    ending.join(10)
    row.refresh_from_db()
    assert row.state == State.FAILED


def test_a_shoppers_own_earlier_result_is_free(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(QUOTA="2/day")
    ada = user_visitor()
    first = complete_tryon(order_tryon(shirt, ada, phone_photo()).request)
    twin = make_product("twin", Kind.TOP)
    again = order_tryon(twin, ada, phone_photo())
    assert (again.is_ready, again.request.cached, again.request.quota_ids) == (True, True, [])
    assert (again.request.source, again.request.product) == (first, product_ref(twin))
    assert again.request.shown_images == list(first.images.all())
    assert again.request.state == State.COMPLETED
    assert Attempt.objects.count() == 1
    # Results of other shoppers, and renders with other options, are not shared.
    other = order_tryon(shirt, user_visitor("bob"), phone_photo()).request
    assert other.source is None
    with pytest.raises(Refused, match="quota_exceeded"):
        order_tryon(shirt, ada, phone_photo(), options={"num_samples": 2})


def test_a_shared_result_expires_with_the_last_request_that_shares_it(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    ada = user_visitor()
    first = complete_tryon(order_tryon(shirt, ada, phone_photo()).request)
    TryOnRequest.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    again = order_tryon(shirt, ada, phone_photo()).request
    first.refresh_from_db()
    assert first.expires_at == again.expires_at


def test_a_running_render_of_the_same_shopper_is_not_shared(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor()
    running = order_tryon(shirt, ada, phone_photo()).request
    claim_for_submit(running)
    assert order_tryon(shirt, ada, phone_photo()).request.source is None


def test_an_inactive_house_model_is_refused(shirt: Product, house_model: PersonPhoto) -> None:
    PersonPhoto.objects.update(is_active=False)
    with pytest.raises(Refused, match="photo_gone"):
        order_on_house_model(shirt, user_visitor(), house_model)
