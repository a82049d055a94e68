"""Files are deleted with their rows. Files without a row are deleted later."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.utils import timezone

from django_vton import privacy
from django_vton.models import (
    TryOnImage,
)
from django_vton.storage import private_storage
from shop.models import Kind, Product

from ..intake_helpers import (
    StoredFiles,
    order_tryon,
    rolled_back,
    user_visitor,
)
from ..tryons import complete_tryon, make_product

if TYPE_CHECKING:
    from pytest_django import Settings

    from ..conftest import PhotoMaker

from .purging import purged


class WithoutListing(FileSystemStorage):
    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError


class WithoutDates(FileSystemStorage):
    def get_modified_time(self, name: str) -> datetime:
        raise NotImplementedError


class ObjectStorage(FileSystemStorage):
    """Like an object store, it has no folders: listing one that does not exist returns nothing."""

    def exists(self, name: str) -> bool:
        return super().exists(name) and not Path(self.path(name)).is_dir()

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        try:
            folders, names = super().listdir(path)
        except FileNotFoundError:
            return [], []
        return folders, ["", *names]


class FailingDelete(FileSystemStorage):
    def delete(self, name: str) -> None:
        raise ConnectionError(name)


def use_storage(settings: Settings, backend: type[FileSystemStorage], files: StoredFiles) -> None:
    entry = {
        "BACKEND": f"tests.privacy.test_files.{backend.__name__}",
        "OPTIONS": {"location": files.root},
    }
    settings.STORAGES = {**settings.STORAGES, "vton": entry}


def create_orphans(files: StoredFiles) -> tuple[str, str]:
    """Store two files without a row, the first of them two hours ago. Return their names."""
    storage = private_storage()
    names = [
        storage.save(f"vton/{folder}/ab/left.jpg", ContentFile(b"x")) for folder in ("photos", "results")
    ]
    ago = timezone.now().timestamp() - 7200
    os.utime(files.root / names[0], (ago, ago))
    return names[0], names[1]


@pytest.mark.parametrize("backend", [None, ObjectStorage])
def test_old_files_without_a_row_are_deleted_and_new_ones_kept(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    settings: Settings,
    backend: type[FileSystemStorage] | None,
) -> None:
    if backend:
        use_storage(settings, backend, files)
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(), keep_photo=True).request)
    for path in files.root.rglob("*.jpg"):
        os.utime(path, (0, 0))
    known = files.names()
    _old, fresh = create_orphans(files)
    foreign = files.root / "vton" / "other" / "ab" / "shop.jpg"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x")
    os.utime(foreign, (0, 0))
    assert privacy.purge()["files"] == 1
    assert files.names() == known | {fresh, "vton/other/ab/shop.jpg"}
    assert privacy.purge()["files"] == 0


@pytest.mark.parametrize("backend", [WithoutListing, WithoutDates])
@pytest.mark.django_db
def test_no_file_is_deleted_if_the_storage_cannot_list_or_date_files(
    files: StoredFiles, settings: Settings, backend: type[FileSystemStorage]
) -> None:
    use_storage(settings, backend, files)
    before = set(create_orphans(files))
    assert privacy.purge() == purged()
    assert files.names() == before


@pytest.mark.django_db
def test_missing_folders_are_no_error(files: StoredFiles) -> None:
    assert privacy.purge() == purged()
    files.root.mkdir()
    (files.root / "vton").write_bytes(b"no folder")
    assert privacy.purge() == purged()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_succeeds_although_the_storage_fails_to_delete_files(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo()).request)
    use_storage(settings, FailingDelete, files)
    privacy.erase_tryon(row)
    row.refresh_from_db()
    assert row.erased_at
    assert not TryOnImage.objects.exists()
    assert "ConnectionError" in caplog.text
    assert files.names("photos")


@pytest.mark.django_db(transaction=True)
def test_files_are_deleted_after_the_commit(phone_photo: PhotoMaker, files: StoredFiles) -> None:
    product = make_product("shirt", Kind.TOP)
    row = complete_tryon(order_tryon(product, user_visitor(), phone_photo()).request)
    before = files.names()
    with rolled_back():
        privacy.erase_tryon(row)
    assert files.names() == before
    row.refresh_from_db()
    assert row.erased_at is None
    with transaction.atomic():
        privacy.erase_tryon(row)
        assert files.names() == before
    assert files.names("photos") == files.names("results") == set()
