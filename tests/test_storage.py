from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from django_vton.models import PersonPhoto, TryOnImage
from django_vton.storage import PrivateFileSystemStorage, delete_file, photo_path, private_storage

if TYPE_CHECKING:
    from pytest_django import Settings

    from .conftest import Vton
    from .intake_helpers import StoredFiles


def test_the_fields_follow_the_setting(files: StoredFiles, vton: Vton, settings: Settings, tmp_path: Path) -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    assert files.names() == {photo.file.name}

    vton(STORAGE=None)
    settings.MEDIA_ROOT = tmp_path / "other"
    photo.thumbnail.save("a.jpg", ContentFile(b"two"), save=False)
    assert (tmp_path / "other-private" / str(photo.thumbnail.name)).read_bytes() == b"two"


@pytest.mark.usefixtures("files")
def test_it_is_a_storage_before_and_after_its_first_use(vton: Vton) -> None:
    vton(STORAGE=None)  # nothing has used the new one
    assert isinstance(private_storage(), Storage)
    assert private_storage().exists("nothing") is False
    assert isinstance(private_storage(), PrivateFileSystemStorage)


@pytest.mark.usefixtures("files")
def test_only_the_shops_own_user_can_read() -> None:
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    path = Path(photo.file.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in [path.parent, path.parent.parent]} == {0o700}


@pytest.mark.usefixtures("files")
def test_nothing_has_an_address() -> None:
    image = TryOnImage()
    image.file.save("a.jpg", ContentFile(b"one"), save=False)
    with pytest.raises(ValueError, match="no public URL"):
        _ = image.file.url


@pytest.mark.parametrize("name", ["../../etc/passwd", "Ada Lovelace.JPG", "a.jpg"])
def test_names_are_random_and_keep_nothing_but_an_ending(name: str) -> None:
    made = photo_path(PersonPhoto(), name)
    parts = Path(made).parts
    assert parts[:2] == ("vton", "photos")
    assert len(parts) == 4
    assert len(Path(made).stem) == 32
    assert made != photo_path(PersonPhoto(), name)


def test_a_file_that_never_was_is_no_matter(files: StoredFiles) -> None:
    delete_file(PersonPhoto().file)
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    delete_file(photo.file)
    delete_file(photo.file)
    assert files.names() == set()
