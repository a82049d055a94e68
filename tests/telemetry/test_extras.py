"""Without the extras nothing is loaded, and what is switched on without its extra fails at `check`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.live_shop import PYTHONPATH

LIBRARIES = '("opentelemetry", "prometheus_client")'

NOTHING_IS_LOADED = """
import sys, django
django.setup()
from django.test import Client
from django_vton.worker import dispatcher
assert Client().get("/try-on/metrics/").status_code == 404
assert "opentelemetry" not in sys.modules
# django-q2 loads prometheus-client itself if that is installed.
assert "django_vton.monitoring.metrics" not in sys.modules
"""

CHECKS_FAIL = f"""
import sys, django
sys.modules |= dict.fromkeys({LIBRARIES})
from django.conf import settings
settings.INSTALLED_APPS += ["django_vton.contrib.telemetry"]
settings.VTON["METRICS_TOKEN"] = 32 * "x"
django.setup()
from django.core import checks
found = [it for it in checks.run_checks(tags=["vton"]) if it.is_serious()]
assert [it.id for it in found] == ["vton.E012", "vton.E013"], found
assert "pip install django-vton[telemetry]" in found[0].hint
assert "METRICS_TOKEN" in found[1].msg
"""


@pytest.mark.parametrize("code", [NOTHING_IS_LOADED, CHECKS_FAIL], ids=["not loaded", "check"])
def test_without_the_extras(code: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": PYTHONPATH}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
