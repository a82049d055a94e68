from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton.models import PersonPhoto
from django_vton.models.states import State
from django_vton.storage import private_storage

from . import rows
from .conftest import page, status, text

ADD = "admin:vton_housemodel_add"
CHANGE = "admin:vton_housemodel_change"
LIST = "admin:vton_housemodel_changelist"


def form(picture: bytes | None = None, **fields: Any) -> dict[str, Any]:
    data = {"name": "Noa", "labels": "", "rights_note": "", "is_active": "on", "position": "0", **fields}
    if picture is not None:
        data["picture"] = SimpleUploadedFile("../../noa.php", picture, content_type="text/html")
    return data


def errors(client: Client, data: dict[str, Any]) -> str:
    response = client.post(reverse(ADD), data)
    assert response.status_code == 200
    assert not PersonPhoto.objects.exists()
    return text(response.content.decode())


def test_adding_one(boss: Client) -> None:
    data = form(
        rows.jpeg(), suits=["garment"], labels=" tall, size 38 ,tall,, ", rights_note="Signed.", position="3"
    )

    assert boss.post(reverse(ADD), data).status_code == 302

    photo = PersonPhoto.objects.get()
    assert photo.is_house
    assert photo.keep
    assert photo.shopper is None
    assert photo.expires_at is None
    assert (photo.width, photo.height) == (400, 500)
    assert (photo.suits, photo.labels) == (["garment"], ["tall", "size 38"])
    assert (photo.name, photo.rights_note, photo.position) == ("Noa", "Signed.", 3)
    assert "noa" not in str(photo.file.name)
    assert private_storage().exists(str(photo.thumbnail.name))
    assert PersonPhoto.objects.house().get() == photo


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (b"Dear shop, ...", "We can't use this kind of file."),
        (rows.jpeg(200, 200), "This photo is too small: it has 200 \N{MULTIPLICATION SIGN} 200 px,"),
        (rows.jpeg()[:2000], "We couldn't open this photo"),
        (None, "This field is required."),
    ],
)
def test_a_photo_that_cannot_be_used_is_refused_in_words(
    boss: Client, picture: bytes | None, words: str
) -> None:
    assert words in errors(boss, form(picture))


def test_a_name_is_needed(boss: Client) -> None:
    assert "This field is required." in errors(boss, form(rows.jpeg(), name=""))


def test_changing_words_keeps_the_photo(boss: Client) -> None:
    photo = rows.house_model()
    PersonPhoto.objects.filter(pk=photo.pk).update(labels=["tall", "size 38"], suits=["eyewear"])

    html = page(boss, CHANGE, photo.pk)
    assert 'value="tall, size 38"' in html
    assert 'value="eyewear" id="id_suits_1" checked' in html

    boss.post(reverse(CHANGE, args=[photo.pk]), form(name="Mateo"))

    changed = PersonPhoto.objects.get()
    assert (changed.name, changed.labels, changed.suits) == ("Mateo", [], [])
    assert (changed.file.name, changed.digest) == (photo.file.name, photo.digest)
    assert private_storage().exists(str(photo.file.name))


def test_another_photo_takes_the_place_of_the_old_files(
    boss: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    old = rows.house_model()
    storage = private_storage()

    with django_capture_on_commit_callbacks() as after_commit:
        boss.post(reverse(CHANGE, args=[old.pk]), form(rows.jpeg(500, 600, "red")))
        assert storage.exists(str(old.file.name)), "until the commit the old row may come back"
    for callback in after_commit:
        callback()

    new = PersonPhoto.objects.get()
    assert (new.width, new.digest == old.digest) == (500, False)
    assert not storage.exists(str(old.file.name))
    assert not storage.exists(str(old.thumbnail.name))
    assert storage.exists(str(new.file.name))
    assert storage.exists(str(new.thumbnail.name))


def test_order_and_activity_are_edited_in_the_list(boss: Client) -> None:
    photo = rows.house_model()

    boss.post(
        reverse(LIST),
        {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1",
            "form-0-id": str(photo.pk),
            "form-0-position": "5",
            "_save": "Save",
        },
    )

    photo.refresh_from_db()
    assert (photo.position, photo.is_active) == (5, False)
    assert private_storage().exists(str(photo.file.name))


@pytest.mark.parametrize("way", ["one", "action"])
def test_deleting_takes_the_files_and_ends_what_runs(
    boss: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, way: str
) -> None:
    photo = rows.house_model()
    running = rows.tryon(None, photo=photo)

    with django_capture_on_commit_callbacks(execute=True):
        if way == "one":
            boss.post(reverse("admin:vton_housemodel_delete", args=[photo.pk]), {"post": "yes"})
        else:
            data = {"action": "delete_selected", "_selected_action": [str(photo.pk)], "post": "yes"}
            boss.post(reverse(LIST), data)

    assert not PersonPhoto.objects.exists()
    assert not private_storage().exists(str(photo.file.name))
    running.refresh_from_db()
    assert running.state == State.CANCELED


def test_the_list_shows_them(viewer: Client) -> None:
    photo = rows.house_model("Mateo")

    html = page(viewer, LIST)

    assert "House models" in text(html)
    assert "Mateo Garments, Glasses" in text(html)
    assert f"{reverse('vton:photo-file', args=[photo.pk])}?size=thumbnail" in html


def test_an_inactive_ones_photo_is_seen_by_staff_alone(viewer: Client, client: Client) -> None:
    photo = rows.house_model()
    PersonPhoto.objects.update(is_active=False)
    address = reverse("vton:photo-file", args=[photo.pk])

    assert status(viewer, address) == 200
    assert status(client, address) == 404


def test_who_may_only_look_changes_nothing(viewer: Client) -> None:
    photo = rows.house_model()

    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.post(reverse(CHANGE, args=[photo.pk]), form(name="X")).status_code == 403
    assert viewer.post(reverse("admin:vton_housemodel_delete", args=[photo.pk])).status_code == 403
