from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton.sandbox import Gateway

from ..faults.model_world import Clock
from .company import Crowd
from .desk import Desk
from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, settings: Settings) -> None:
    """Files of this test alone; the private ones lie beside the others, as in the shop's own settings."""
    settings.MEDIA_ROOT = tmp_path / "media"
    private = {
        "BACKEND": "django_vton.storage.PrivateFolder",
        "OPTIONS": {"location": tmp_path / "media-private"},
    }
    settings.STORAGES = settings.STORAGES | {"vton": private}


@pytest.fixture
def gateway(vton: Vton) -> Iterator[Gateway]:
    """As everywhere, and quick."""
    with Gateway(key="sandbox", seconds=0.02, retry_seconds=0.02) as running:
        vton(PIXAZO_BASE_URL=running.url, PIXAZO_API_KEY="sandbox")
        yield running


@pytest.fixture
def desk(
    transactional_db: None,  # noqa: ARG001 - the pump works on a connection of its own
    gateway: Gateway,
    phone_photo: PhotoMaker,
    glasses: Product,
) -> Iterator[Desk]:
    """Glasses, whose pictures go inside the submit: no web server is needed, and no callback comes."""
    desk = Desk(gateway, phone_photo, glasses)
    yield desk
    check_books(gateway)


@pytest.fixture
def garments(desk: Desk, shirt: Product, live_server: LiveServer, vton: Vton) -> Desk:
    """Garments, whose pictures the vendor fetches from a web server, which also takes callbacks."""
    vton(PUBLIC_BASE_URL=live_server.url)
    desk.product = shirt
    return desk


@pytest.fixture
def crowd(desk: Desk, shirt: Product) -> Crowd:
    return Crowd(desk, shirt)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, so that all that happens at once has the same times."""
    clock = Clock([timezone.now()])
    monkeypatch.setattr(timezone, "now", clock)
    return clock
