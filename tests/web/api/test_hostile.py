"""The API under a shop's `REST_FRAMEWORK` that is made for another API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rest_framework.settings import api_settings
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tests.tryons import TRY_ONS, error_code, post_tryon
from tests.web.api import hostile
from tests.web.api.hostile_classes import Reached

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.django_db
def test_settings_that_change_while_the_shop_runs(
    settings: Settings, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    settings.REST_FRAMEWORK = hostile.REST_FRAMEWORK
    assert api_settings.UNAUTHENTICATED_USER is None
    response = post_tryon(guest, shirt, phone_photo())
    assert response.status_code == 202
    assert guest.get(response["Location"], {"product": "xml"}).status_code == 200
    assert len(guest.get(TRY_ONS).json()["results"]) == 1
    assert error_code(guest.put(TRY_ONS)) == (405, "method_not_allowed")
    assert error_code(post_tryon(guest, shirt)) == (400, "photo_required")


def test_settings_that_drf_finds_at_its_import() -> None:
    """All other tests of the API once more, in a process that never knew other settings."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.web.api.hostile", "PYTHONPATH": str(ROOT)}
    environment.pop("MEDIA_ROOT", None)
    # The schema is made by views that do take the shop's settings.
    others = "not at_its_import and not flow and not fuzz and not schema"
    options = ["-q", "-p", "no:cacheprovider", "-k", others]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--ds", "tests.web.api.hostile", *options, "tests/web/api"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout, "The settings did not arrive."


@pytest.mark.skipif(
    os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.web.api.hostile",
    reason="only where DRF was imported with them",
)
def test_these_settings_are_hostile_indeed() -> None:
    """A plain view of DRF's fails under them, so they were there in time."""
    with pytest.raises(Reached):
        APIView.as_view()(APIRequestFactory().get("/"))
