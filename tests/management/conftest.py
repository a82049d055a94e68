from datetime import timedelta

import pytest

from django_vton.gateway import polling

from ..batches.conftest import mia, noa, runner  # noqa: F401 - fixtures
from ..hostile_gateway.conftest import network  # noqa: F401 - a fixture
from ..lifecycle.conftest import _files, gateway, harness  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def _poll_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox renders at once, so commands that run in this process need not wait as for the vendor."""
    monkeypatch.setattr(polling, "FIRST_POLL_WITHOUT_CALLBACK", timedelta(seconds=0.1))
