from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from django_vton.house_models import add

from ..lifecycle.conftest import _files, clock, gateway, harness  # noqa: F401 - fixtures
from .runner import BatchRunner

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..conftest import PhotoMaker
    from ..lifecycle.harness import Harness


@pytest.fixture
def noa(harness: Harness, phone_photo: PhotoMaker) -> PersonPhoto:  # noqa: ARG001, F811 - a fixture
    """A house model that suits all kinds of products."""
    return add(name="Noa", file=io.BytesIO(phone_photo(shade=50)))


@pytest.fixture
def mia(harness: Harness, phone_photo: PhotoMaker) -> PersonPhoto:  # noqa: ARG001, F811 - a fixture
    return add(name="Mia", file=io.BytesIO(phone_photo(shade=51)))


@pytest.fixture
def runner(harness: Harness, noa: PersonPhoto) -> BatchRunner:  # noqa: F811 - the fixture above
    return BatchRunner(harness, noa)
