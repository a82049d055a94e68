"""Delete files without a row.

A file is written before its row is committed and deleted after its row, so a crash can leave it behind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.files.storage import Storage
from django.db.models import Model

from ..models import PersonPhoto, ProductImage, TryOnImage
from ..storage import private_storage
from .stored_files import delete_name

MIN_AGE = timedelta(hours=1)
"""The age below which a file stays, because its row might not be committed yet."""

FOLDERS: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "photos": (PersonPhoto, ("file", "thumbnail")),
    "products": (ProductImage, ("file",)),
    "results": (TryOnImage, ("file", "thumbnail")),
}
"""The package's folders below `vton/`, with the model and the fields that name the files in each."""


def delete_orphaned_files(now: datetime) -> Iterator[int]:
    """Delete files that have no row and are older than `MIN_AGE`. Yield the number deleted in each subfolder.

    Do nothing if the storage cannot list its files or does not know when they were modified.
    """
    storage = private_storage()
    for folder, (model, fields) in FOLDERS.items():
        rows = model._default_manager.all()
        known = {name for field in fields for name in rows.values_list(field, flat=True)}
        subfolders = _list(storage, f"vton/{folder}")[0]
        random.shuffle(subfolders)  # If runs are ended early, each starts with other subfolders.
        for subfolder in subfolders:
            path = f"vton/{folder}/{subfolder}"
            names = {f"{path}/{name}" for name in _list(storage, path)[1] if name} - known
            yield sum(_delete_if_older(storage, name, now - MIN_AGE) for name in names)


def _list(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """Return a folder's subfolders and files: none if the folder is missing or cannot be listed."""
    try:
        return storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError, NotImplementedError):
        return [], []


def _delete_if_older(storage: Storage, name: str, limit: datetime) -> bool:
    try:
        if storage.get_modified_time(name) >= limit:
            return False
    except (FileNotFoundError, NotImplementedError):
        return False
    return delete_name(name)
