"""`house_models.add`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from django_vton import house_models

if TYPE_CHECKING:
    from django_vton.models import (
        PersonPhoto,
    )

    from .conftest import PhotoMaker
    from .intake_helpers import (
        StoredFiles,
    )


def test_a_second_house_model_with_the_same_name_is_not_added(
    house_model: PersonPhoto, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    assert house_models.add(name="Noa", file=io.BytesIO(phone_photo(shade=9))) == house_model
    other = house_models.add(name="Mateo", file=io.BytesIO(phone_photo(shade=9)), labels=["grey hair"])
    assert (other.is_house, other.is_reusable, other.expires_at, other.labels) == (
        True,
        True,
        None,
        ["grey hair"],
    )
    assert len(files.names("photos")) == 2
