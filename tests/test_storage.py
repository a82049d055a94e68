from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from django_vton.models import PersonPhoto, TryOnImage
from django_vton.privacy.stored_files import delete_file
from django_vton.storage import (
    PrivateFileSystemStorage,
    is_certainly_missing,
    is_missing,
    photo_path,
    private_storage,
)

if TYPE_CHECKING:
    from pytest_django import Settings

    from .conftest import Vton
    from .intake_helpers import StoredFiles


def test_file_fields_follow_the_storage_setting(
    files: StoredFiles, vton: Vton, settings: Settings, tmp_path: Path
) -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    assert files.names() == {photo.file.name}

    vton(STORAGE=None)
    settings.MEDIA_ROOT = tmp_path / "other"
    photo.thumbnail.save("a.jpg", ContentFile(b"two"), save=False)
    assert (tmp_path / "other-private" / str(photo.thumbnail.name)).read_bytes() == b"two"


@pytest.mark.usefixtures("files")
def test_the_lazy_storage_is_a_storage_before_and_after_its_first_use(vton: Vton) -> None:
    vton(STORAGE=None)  # Resets the storage.
    assert isinstance(private_storage(), Storage)
    assert private_storage().exists("nothing") is False
    assert isinstance(private_storage(), PrivateFileSystemStorage)


@pytest.mark.usefixtures("files")
def test_files_are_readable_only_by_their_owner() -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    path = Path(photo.file.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in [path.parent, path.parent.parent]} == {0o700}


def test_a_file_is_missing_only_if_the_storage_can_be_read(files: StoredFiles) -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    assert not is_missing(photo.file)
    shutil.rmtree(files.root)
    assert is_missing(photo.file)
    # As with a volume that is not readable, `exists` returns False.
    files.root.write_text("not a folder")
    with pytest.raises(NotADirectoryError):
        is_missing(photo.file)
    assert not is_certainly_missing(photo.file)


@pytest.mark.usefixtures("files")
def test_files_have_no_url() -> None:
    image = TryOnImage()
    image.file.save("a.jpg", ContentFile(b"one"), save=False)
    with pytest.raises(ValueError, match="no public URL"):
        _ = image.file.url


@pytest.mark.parametrize("name", ["../../etc/passwd", "Ada Lovelace.JPG", "a.jpg"])
def test_file_names_are_random_apart_from_the_extension(name: str) -> None:
    path = photo_path(PersonPhoto(), name)
    parts = Path(path).parts
    assert parts[:2] == ("vton", "photos")
    assert len(parts) == 4
    assert len(Path(path).stem) == 32
    assert path != photo_path(PersonPhoto(), name)


def test_deleting_a_missing_file_does_nothing(files: StoredFiles) -> None:
    delete_file(PersonPhoto().file)
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    delete_file(photo.file)
    delete_file(photo.file)
    assert files.names() == set()
