"""The shop whose processes the fault tests kill, and how long a run may take where somebody waits for it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from .outage_shop import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..conftest import PhotoMaker

BEGAN = time.monotonic()
MINUTES = float(os.environ.get("MINUTES", "inf"))


def pytest_runtest_setup() -> None:
    if time.monotonic() - BEGAN > MINUTES * 60:
        pytest.skip(f"the {MINUTES:g} minutes are over")


@pytest.fixture
def shop(
    transactional_db: None,  # noqa: ARG001 - other processes work on these rows
    tmp_path: Path,
    phone_photo: PhotoMaker,
) -> Iterator[Shop]:
    with Shop(tmp_path, phone_photo) as shop:
        yield shop
