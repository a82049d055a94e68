"""The shop whose processes the fault tests kill, and the time limit `MINUTES`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from .outage_shop import OutageShop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..conftest import PhotoMaker

STARTED = time.monotonic()
MINUTES = float(os.environ.get("MINUTES", "inf"))


def pytest_runtest_setup() -> None:
    if time.monotonic() - STARTED > MINUTES * 60:
        pytest.skip(f"the {MINUTES:g} minutes are over")


@pytest.fixture
def shop(
    transactional_db: None,  # noqa: ARG001 - other processes use these rows
    tmp_path: Path,
    phone_photo: PhotoMaker,
) -> Iterator[OutageShop]:
    with OutageShop(tmp_path, phone_photo) as shop:
        yield shop
