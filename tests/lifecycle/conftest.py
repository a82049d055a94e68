from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton.lifecycle import followers
from django_vton.sandbox import Gateway

from ..faults.simulation import Clock
from .harness import Harness
from .invariants import check_books
from .rows import Orders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Settings) -> None:
    """Each test has its own folders, the private one beside the other, as in the shop's own settings."""
    settings.MEDIA_ROOT = tmp_path / "media"
    private = {
        "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
        "OPTIONS": {"location": tmp_path / "media-private"},
    }
    settings.STORAGES = settings.STORAGES | {"vton": private}


@pytest.fixture
def gateway(vton: Vton) -> Iterator[Gateway]:
    """The sandbox, with short times."""
    with Gateway(key="sandbox", seconds=0.02, retry_seconds=0.02) as running:
        vton(PIXAZO_BASE_URL=running.url, PIXAZO_API_KEY="sandbox")
        yield running


@pytest.fixture
def harness(
    transactional_db: None,  # noqa: ARG001 - the dispatcher has its own connection
    gateway: Gateway,
    phone_photo: PhotoMaker,
    glasses: Product,
) -> Iterator[Harness]:
    """Orders glasses. Their images are part of the submit: no web server is needed, no callback comes."""
    harness = Harness(gateway, phone_photo, glasses)
    yield harness
    check_books(gateway)


@pytest.fixture
def garment_harness(harness: Harness, shirt: Product, live_server: LiveServer, vton: Vton) -> Harness:
    """Orders shirts. The vendor downloads their images from a web server, which also receives callbacks."""
    vton(PUBLIC_BASE_URL=live_server.url)
    harness.product = shirt
    return harness


@pytest.fixture
def orders(harness: Harness, shirt: Product) -> Orders:
    return Orders(harness, shirt)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, so that two runs write the same times."""
    clock = Clock([timezone.now()])
    clock.install(monkeypatch)
    return clock


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish followers two at a time."""
    monkeypatch.setattr(followers, "FIRST_BATCH", 2)
    monkeypatch.setattr(followers, "BATCH", 2)
