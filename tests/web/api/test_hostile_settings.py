"""The API in a shop whose `REST_FRAMEWORK` is made for another API."""

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
from tests.web.api import hostile_settings
from tests.web.api.hostile_classes import Reached

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.django_db
def test_the_api_ignores_rest_framework_settings_that_change_at_run_time(
    settings: Settings, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    settings.REST_FRAMEWORK = hostile_settings.REST_FRAMEWORK
    assert api_settings.UNAUTHENTICATED_USER is None
    response = post_tryon(guest, shirt, phone_photo())
    assert response.status_code == 202
    assert guest.get(response["Location"], {"product": "xml"}).status_code == 200
    assert len(guest.get(TRY_ONS).json()["results"]) == 1
    assert error_code(guest.put(TRY_ONS)) == (405, "method_not_allowed")
    assert error_code(post_tryon(guest, shirt)) == (400, "photo_required")


def test_the_api_ignores_rest_framework_settings_that_drf_reads_at_import() -> None:
    """Run the other tests of the API in a process in which DRF is imported with these settings."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.web.api.hostile_settings",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("MEDIA_ROOT", None)
    # The views that serve the schema do take the shop's settings.
    others = "not at_import and not end_to_end and not fuzz and not schema"
    options = ["-q", "-p", "no:cacheprovider", "-k", others]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--ds", "tests.web.api.hostile_settings", *options, "tests/web/api"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout, "DRF was imported with other settings."


@pytest.mark.skipif(
    os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.web.api.hostile_settings",
    reason="only where DRF was imported with them",
)
def test_a_plain_drf_view_fails_under_the_hostile_settings() -> None:
    """Otherwise the settings would have come too late to test anything."""
    with pytest.raises(Reached):
        APIView.as_view()(APIRequestFactory().get("/"))
