"""House models from a ZIP file of photos."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from django_vton.admin import house_model_import
from django_vton.models import PersonPhoto

from . import factories
from .conftest import get_page, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from ..intake_helpers import StoredFiles

IMPORT = "admin:vton_housemodel_import"
PHOTO = factories.jpeg()


def create_zip(**files: bytes) -> bytes:
    return create_zip_of(list(files.items()))


def create_zip_of(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def upload(client: Client, data: bytes, **fields: Any) -> str:
    """Return the visible text of the report."""
    file = SimpleUploadedFile("people.zip", data, "application/zip")
    response = client.post(reverse(IMPORT), {"file": file, **fields})
    assert response.status_code == 200
    return visible_text(response.content.decode())


def names() -> set[str]:
    return set(PersonPhoto.objects.values_list("name", flat=True))


def test_each_photo_becomes_a_house_model_with_the_name_of_its_file(
    superuser: Client, files: StoredFiles
) -> None:
    data = create_zip_of(
        [
            ("people/", b""),
            ("people/Mia_long-hair.JPG", PHOTO),
            ("../../etc/Jörg.v2.jpeg", factories.jpeg(color="red")),
            ("C:\\Users\\x\\Ana.png", factories.jpeg(color="navy")),
            ("__MACOSX/people/._Mia.JPG", b"x"),
            ("people/.DS_Store", b"x"),
        ]
    )

    text = upload(superuser, data, rights_note="Signed.", release_ends="2029-05-31")

    assert "3 house models were added." in text
    assert names() == {"Mia long-hair", "Jörg.v2", "Ana"}
    photo = PersonPhoto.objects.get(name="Ana")
    assert photo.is_house
    assert (photo.rights_note, photo.release_ends) == ("Signed.", date(2029, 5, 31))
    assert (photo.width, photo.height) == (400, 500)
    assert len(files.names()) == 6
    assert all("Ana" not in name and ".." not in name for name in files.names())
    assert LogEntry.objects.count() == 3
    assert "Import from a ZIP file" in get_page(superuser, "admin:vton_housemodel_changelist")


def test_refused_files_are_reported_with_their_reasons(superuser: Client) -> None:
    factories.create_house_model("Noa")
    damaged = bytearray(create_zip_of([("Tom.jpg", PHOTO)]))
    data = create_zip_of(
        [
            ("Noa.jpg", PHOTO),
            ("Mia.jpg", PHOTO),
            ("Mia.png", PHOTO),
            ("Small.jpg", factories.jpeg(200, 200)),
            ("letter.txt", b"Dear shop, ..."),
            (" .jpg", PHOTO),
            ("Bomb.jpg", bytes(20_000_000)),
        ]
    )

    text = upload(superuser, data)

    assert "1 house model was added." in text
    for expected in (
        "Noa.jpg There is a house model with this name already.",
        "Mia.png There is a house model with this name already.",
        "Small.jpg This photo is too small",
        "letter.txt We can't use this kind of file.",
        "Its file name cannot be used as a name.",
        "Bomb.jpg",
    ):
        assert expected in text, text
    assert names() == {"Noa", "Mia"}
    damaged[60:200] = bytes(140)
    assert "This file of the ZIP file is damaged or encrypted." in upload(superuser, bytes(damaged))
    assert names() == {"Noa", "Mia"}


def test_an_upload_adds_a_limited_number_and_continues(
    superuser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = create_zip(**{f"{name}.jpg": PHOTO for name in "abc"})
    monkeypatch.setattr(house_model_import, "MAX_PHOTOS", 2)

    text = upload(superuser, data)
    assert "2 house models were added." in text
    assert "1 file was not read any more. Upload the ZIP file again to continue." in text
    assert "1 house model was added." in upload(superuser, data)
    assert names() == {"a", "b", "c"}

    monkeypatch.setattr(house_model_import, "IMPORT_SECONDS", 0.0)
    assert "3 files were not read any more." in upload(superuser, data)


def as_zip64(data: bytes) -> bytes:
    place = data.rfind(b"PK\x05\x06")
    return data[:place] + b"PK\x06\x07" + bytes(16) + data[place:]


def with_long_directory(data: bytes) -> bytes:
    """Claim a longer list of files in the record at the end."""
    place = data.rfind(b"PK\x05\x06")
    end = list(struct.unpack_from("<4s4H2LH", data, place))
    end[5] = 5_000_000
    return data[:place] + struct.pack("<4s4H2LH", *end)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PHOTO, "This is not a ZIP file, or it has too many files."),
        (b"", "The submitted file is empty."),
        (b"PK\x05\x06" + bytes(10), "This is not a ZIP file, or it has too many files."),
        (with_long_directory(create_zip(a=b"x")), "This is not a ZIP file, or it has too many files."),
        (create_zip(**{f"{n:0200}": b"" for n in range(500)}), "or it has too many files."),
        (create_zip(a=b"x")[40:], "The ZIP file is damaged."),
        (as_zip64(create_zip(a=b"x")), "This is not a ZIP file, or it has too many files."),
    ],
    ids=["photo", "empty", "short", "long directory", "many files", "cut off", "zip64"],
)
def test_a_file_that_is_no_small_zip_file_is_refused(superuser: Client, data: bytes, expected: str) -> None:
    assert expected in upload(superuser, data)
    assert not PersonPhoto.objects.exists()


def test_a_large_zip_file_is_refused(superuser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_model_import, "MAX_ZIP_BYTES", 1_000_000)

    assert "The file has more than 1 MB, so it was not read." in upload(superuser, bytes(1_000_001))
