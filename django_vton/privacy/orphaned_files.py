"""Files that no row knows: a crash came between a file and its row, or between a row's end and its file's."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from ..models import PersonPhoto, ProductImage, TryOnImage
from ..storage import private_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.core.files.storage import Storage
    from django.db.models import Model

ORPHAN_AGE = timedelta(hours=1)
"""A file without a row may be a render being stored just now; an hour later it is left over."""

FILES: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "photos": (PersonPhoto, ("file", "thumbnail")),
    "products": (ProductImage, ("file",)),
    "results": (TryOnImage, ("file", "thumbnail")),
}
"""The package's folders in the storage, and whose files lie there."""


def sweep(now: datetime) -> Iterator[int]:
    """Delete files that are an hour old and that no row knows; yields how many, folder by folder.

    A storage that cannot list its files, or tell their age, is left alone.
    """
    storage = private_storage()
    for folder, (model, fields) in FILES.items():
        rows = model._default_manager.all()
        known = {name for field in fields for name in rows.values_list(field, flat=True)}
        parts = _list(storage, f"vton/{folder}")[0]
        random.shuffle(parts)  # So that a sweep that ends early looks elsewhere the next time.
        for part in parts:
            top = f"vton/{folder}/{part}"
            names = {f"{top}/{name}" for name in _list(storage, top)[1] if name} - known
            yield sum(_delete_old(storage, name, now - ORPHAN_AGE) for name in names)


def _list(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """Its folders and files; none where it is not there yet, or where the storage cannot tell."""
    try:
        return storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError, NotImplementedError):
        return [], []


def _delete_old(storage: Storage, name: str, old: datetime) -> bool:
    try:
        if storage.get_modified_time(name) >= old:
            return False
    except (FileNotFoundError, NotImplementedError):
        return False
    storage.delete(name)
    return True
