"""With a read replica, only what may be out of date is read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connections

from django_vton.models import Attempt, Batch, PersonPhoto, PhoneLink, Shopper, TryOnImage, TryOnRequest
from tests.deployments.routers import PrimaryReplicaRouter

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture(autouse=True)
def _replica(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in ("primary", "replica"):
        monkeypatch.setitem(connections.settings, alias, connections.settings["default"])
    settings.DATABASE_ROUTERS = [PrimaryReplicaRouter()]


def test_all_models_are_read_from_the_primary() -> None:
    for model in apps.get_app_config("vton").get_models():
        for manager in (model._default_manager, model._base_manager):
            assert manager.all().db == "primary", model


def test_related_rows_are_read_from_the_primary() -> None:
    request, shopper, batch = TryOnRequest(pk=uuid4()), Shopper(pk=1), Batch(pk=1)
    link, photo = PhoneLink(pk=uuid4()), PersonPhoto(pk=uuid4())
    for row in (request, shopper, batch, link, photo):
        row._state.db = "replica"  # As if the shop had read it there.
    related = [request.attempts, request.images, shopper.try_ons, batch.house_models, photo.try_ons]
    related.append(link.try_ons)
    assert {manager.all().db for manager in related} == {"primary"}
    assert Attempt.request.get_queryset(instance=Attempt()).db == "primary"


def test_published_images_are_read_from_the_replica() -> None:
    assert TryOnImage.objects.from_replica().published_for("shop.product:1").db == "replica"
    assert TryOnImage.objects.using("replica").all().db == "replica"
