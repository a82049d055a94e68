from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from django_vton.house_models import add

from ..lifecycle.conftest import _files, desk, gateway  # noqa: F401 - fixtures
from .shelf import Shelf

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..conftest import PhotoMaker
    from ..lifecycle.desk import Desk


@pytest.fixture
def noa(desk: Desk, phone_photo: PhotoMaker) -> PersonPhoto:  # noqa: ARG001, F811 - a fixture
    """A house model for all kinds of products."""
    return add(name="Noa", file=io.BytesIO(phone_photo(shade=50)))


@pytest.fixture
def mia(desk: Desk, phone_photo: PhotoMaker) -> PersonPhoto:  # noqa: ARG001, F811 - a fixture
    return add(name="Mia", file=io.BytesIO(phone_photo(shade=51)))


@pytest.fixture
def shelf(desk: Desk, noa: PersonPhoto) -> Shelf:  # noqa: F811 - the fixture above
    return Shelf(desk, noa)
