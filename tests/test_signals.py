"""Try-on signals carry the try-on and its product, and reach receivers once, after the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from django_vton.lifecycle.transition import send_signal
from django_vton.models import TryOnRequest
from django_vton.products import reference
from django_vton.signals import tryon_failed
from shop.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

pytestmark = pytest.mark.django_db


@pytest.fixture
def received() -> Iterator[list[dict[str, Any]]]:
    calls: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        calls.append(arguments)

    tryon_failed.connect(receive)
    yield calls
    tryon_failed.disconnect(receive)


@pytest.fixture
def try_on(shirt: Product) -> TryOnRequest:
    return TryOnRequest.objects.create(product=reference(shirt), main_product=reference(shirt))


def test_receivers_get_the_try_on_and_its_product_after_the_commit(
    try_on: TryOnRequest,
    shirt: Product,
    received: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        send_signal(tryon_failed, try_on, code="vendor")
        assert received == []
    (call,) = received
    assert (call["sender"], call["try_on"], call["product"], call["code"]) == (
        TryOnRequest,
        try_on,
        shirt,
        "vendor",
    )


def test_the_product_of_a_signal_is_none_if_it_was_deleted(
    try_on: TryOnRequest,
    shirt: Product,
    received: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    shirt.delete()
    with django_capture_on_commit_callbacks(execute=True):
        send_signal(tryon_failed, try_on)
    assert [(call["try_on"], call["product"]) for call in received] == [(try_on, None)]


def test_an_error_in_the_shops_manager_does_not_lose_the_signal(
    try_on: TryOnRequest,
    received: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_arguments: object, **_filters: object) -> None:
        raise RuntimeError("a bug of the shop")

    monkeypatch.setattr(Product._default_manager, "filter", fail)
    with django_capture_on_commit_callbacks(execute=True):
        send_signal(tryon_failed, try_on)
    assert [call["product"] for call in received] == [None]
    assert "a bug of the shop" in caplog.text


def test_without_receivers_the_product_is_not_loaded(
    try_on: TryOnRequest,
    django_assert_num_queries: DjangoAssertNumQueries,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert not tryon_failed.has_listeners(TryOnRequest)
    with django_assert_num_queries(0), django_capture_on_commit_callbacks(execute=True):
        send_signal(tryon_failed, try_on)


def test_the_error_of_one_receiver_is_logged_and_stops_no_other(
    try_on: TryOnRequest,
    received: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**_arguments: Any) -> None:
        raise RuntimeError("a bug of a receiver")

    tryon_failed.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            send_signal(tryon_failed, try_on)
    finally:
        tryon_failed.disconnect(fail)
    assert len(received) == 1
    assert "a bug of a receiver" in caplog.text
