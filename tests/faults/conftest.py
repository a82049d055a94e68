"""How long a run of the fault tests may take, where somebody waits for it."""

from __future__ import annotations

import os
import time

import pytest

BEGAN = time.monotonic()
MINUTES = float(os.environ.get("MINUTES", "inf"))


def pytest_runtest_setup() -> None:
    if time.monotonic() - BEGAN > MINUTES * 60:
        pytest.skip(f"the {MINUTES:g} minutes are over")
