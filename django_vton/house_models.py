"""Add house models: a merchant's photos of people, which shoppers can use instead of their own photos."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import BinaryIO

from . import images
from .intake import save_photo_files
from .models import PersonPhoto
from .utils import database


def add(
    *,
    name: str,
    file: BinaryIO,
    suits: Sequence[str] = (),
    labels: Sequence[str] = (),
    rights_note: str = "",
    release_ends: date | None = None,
    position: int = 0,
) -> PersonPhoto:
    """Add a house model, or return the existing house model with that name.

    `suits` contains kinds of products, such as "garment"; if it is empty, the house model suits all. `labels`
    are free text of the merchant. After the day `release_ends`, the house model is not used any more. Raise
    `images.ImageRefused` if the photo cannot be used, and `Refused` (`unavailable`) if it cannot be stored.
    """
    with database.atomic():
        existing = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.HOUSE, name=name).first()
        if existing is not None:
            return existing
        row = PersonPhoto(
            kind=PersonPhoto.Kind.HOUSE,
            name=name,
            suits=list(suits),
            labels=list(labels),
            rights_note=rights_note,
            release_ends=release_ends,
            position=position,
            is_reusable=True,
        )
        save_photo_files(row, images.normalize_person_photo(file))
        row.save(force_insert=True)
    return row
