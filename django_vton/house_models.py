"""House models: a merchant's person photos, offered to shoppers instead of an own one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from django.db import transaction

from . import images
from .intake import fill_photo
from .models import PersonPhoto


def add(
    *,
    name: str,
    file: BinaryIO,
    suits: Sequence[str] = (),
    labels: Sequence[str] = (),
    rights_note: str = "",
    position: int = 0,
) -> PersonPhoto:
    """Add a house model, or answer with the one of that name. Raises `images.ImageRefused`.

    `suits` holds "garment", "eyewear" or both (empty: both); `labels` are the merchant's own words.
    """
    with transaction.atomic():
        existing = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.HOUSE, name=name).first()
        if existing is not None:
            return existing
        row = PersonPhoto(
            kind=PersonPhoto.Kind.HOUSE,
            name=name,
            suits=list(suits),
            labels=list(labels),
            rights_note=rights_note,
            position=position,
            keep=True,
        )
        fill_photo(row, images.person_photo(file))
        row.save(force_insert=True)
    return row
