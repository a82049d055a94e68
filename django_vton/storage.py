"""Where photos and pictures of people lie: never under a public address."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, Storage, storages

from .conf import config

if TYPE_CHECKING:
    from django.db.models import Model
    from django.db.models.fields.files import FieldFile

FOLDERS = ("photos", "products", "results")
"""The package's folders in the storage: a sweep looks only into these."""


def private_storage() -> Storage:
    """The storage of `VTON["STORAGE"]`; without one, a folder beside `MEDIA_ROOT`, not below it."""
    if config.STORAGE:
        return storages[config.STORAGE]
    if not settings.MEDIA_ROOT:
        raise ImproperlyConfigured("Set VTON['STORAGE'] (a private alias in STORAGES) or MEDIA_ROOT.")
    root = Path(settings.MEDIA_ROOT)
    return PrivateFolder(location=root.with_name(f"{root.name}-private"))


class PrivateFolder(FileSystemStorage):
    """Files that have no address, readable by the shop's own user alone."""

    def __init__(self, location: str | Path | None = None) -> None:
        super().__init__(location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def url(self, name: str | None) -> str:
        """None of these files has one: they are served by views that look at who asks."""
        raise ValueError("Files of try-ons have no public address.")


def photo_path(_instance: Model, filename: str) -> str:
    """A random name: the client's is thrown away but for the ending, which is ours."""
    return _random("photos", filename)


def product_path(_instance: Model, filename: str) -> str:
    """As `photo_path`, for the product pictures prepared for the vendor."""
    return _random("products", filename)


def result_path(_instance: Model, filename: str) -> str:
    """As `photo_path`, for the finished pictures."""
    return _random("results", filename)


def _random(folder: str, filename: str) -> str:
    name = uuid.uuid4().hex
    return f"vton/{folder}/{name[:2]}/{name}{Path(filename).suffix}"


def delete_file(stored: FieldFile) -> None:
    """Delete a stored file whose row never was; a file that never was is no matter."""
    if stored.name:
        stored.storage.delete(stored.name)
