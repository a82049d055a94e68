import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton import batches
from django_vton.models import Batch, BatchRender, PersonPhoto, Publication
from django_vton.models.photos import release_today
from django_vton.models.states import State
from django_vton.storage import private_storage
from shop.models import ProductPhoto
from shop.tryon import ProductTryOn

from ..batches.runner import BatchRunner
from ..conftest import Vton
from ..further_engines.kinds import mirror_of
from ..intake_helpers import StoredFiles
from ..tryons import make_product, product_ref
from . import factories
from .conftest import get_page, get_status, visible_text

ADD = "admin:vton_housemodel_add"
CHANGE = "admin:vton_housemodel_change"
LIST = "admin:vton_housemodel_changelist"


def form(image: bytes | None = None, **fields: Any) -> dict[str, Any]:
    data = {"name": "Noa", "labels": "", "rights_note": "", "is_active": "on", "position": "0", **fields}
    if image is not None:
        data["picture"] = SimpleUploadedFile("../../noa.php", image, content_type="text/html")
    return data


def errors(client: Client, data: dict[str, Any]) -> str:
    response = client.post(reverse(ADD), data)
    assert response.status_code == 200
    assert not PersonPhoto.objects.exists()
    return visible_text(response.content.decode())


def test_a_house_model_can_be_added(superuser: Client) -> None:
    data = form(
        factories.jpeg(),
        suits=["garment"],
        labels=" tall, size 38 ,tall,, ",
        rights_note="Signed.",
        position="3",
    )

    assert superuser.post(reverse(ADD), data).status_code == 302

    photo = PersonPhoto.objects.get()
    assert photo.is_house
    assert photo.is_reusable
    assert photo.shopper is None
    assert photo.expires_at is None
    assert (photo.width, photo.height) == (400, 500)
    assert (photo.suits, photo.labels) == (["garment"], ["tall", "size 38"])
    assert (photo.name, photo.rights_note, photo.position) == ("Noa", "Signed.", 3)
    assert "noa" not in str(photo.file.name)
    assert private_storage().exists(str(photo.thumbnail.name))
    assert PersonPhoto.objects.active_house_models().get() == photo


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (b"Dear shop, ...", "We can't use this kind of file."),
        (factories.jpeg(200, 200), "This photo is too small: it has 200 \N{MULTIPLICATION SIGN} 200 px,"),
        (factories.jpeg()[:2000], "We couldn't open this photo"),
        (None, "This field is required."),
    ],
)
def test_an_unusable_photo_is_refused_with_a_reason(
    superuser: Client, image: bytes | None, expected: str
) -> None:
    assert expected in errors(superuser, form(image))


def test_a_name_is_required(superuser: Client) -> None:
    assert "This field is required." in errors(superuser, form(factories.jpeg(), name=""))


def test_changing_the_data_keeps_the_photo(superuser: Client) -> None:
    photo = factories.create_house_model()
    PersonPhoto.objects.filter(pk=photo.pk).update(labels=["tall", "size 38"], suits=["eyewear"])

    html = get_page(superuser, CHANGE, photo.pk)
    assert 'value="tall, size 38"' in html
    assert 'value="eyewear" id="id_suits_1" checked' in html

    superuser.post(reverse(CHANGE, args=[photo.pk]), form(name="Mateo"))

    changed = PersonPhoto.objects.get()
    assert (changed.name, changed.labels, changed.suits) == ("Mateo", [], [])
    assert (changed.file.name, changed.digest) == (photo.file.name, photo.digest)
    assert private_storage().exists(str(photo.file.name))


def test_the_choices_are_the_kinds_of_the_shops_engines(superuser: Client, vton: Vton) -> None:
    vton(ENGINES={"mirror-bag": mirror_of("bag"), "mirror-watch": mirror_of("watch")})
    html = get_page(superuser, ADD)
    assert re.findall(r'name="suits" value="(\w+)"', html) == ["garment", "eyewear", "bag", "watch"]
    text = visible_text(html)
    assert "Garments Glasses Bags watch" in text
    assert "If none is selected: everything." in text

    superuser.post(reverse(ADD), form(factories.jpeg(), suits=["bag", "watch"]))
    assert PersonPhoto.objects.get().suits == ["bag", "watch"]
    assert "Bags, watch" in visible_text(get_page(superuser, LIST))

    response = superuser.post(reverse(ADD), form(factories.jpeg(), suits=["footwear"]))
    assert "Select a valid choice. footwear" in visible_text(response.content.decode())


def test_a_stored_kind_without_an_engine_stays_selected(superuser: Client) -> None:
    """Without it, the house model would suit everything after any change."""
    photo = factories.create_house_model()
    PersonPhoto.objects.filter(pk=photo.pk).update(suits=["watch"])

    html = get_page(superuser, CHANGE, photo.pk)
    assert 'value="watch" id="id_suits_2" checked' in html

    superuser.post(reverse(CHANGE, args=[photo.pk]), form(suits=["watch"]))
    assert PersonPhoto.objects.get().suits == ["watch"]


def test_a_new_photo_replaces_the_old_files_after_the_commit(
    superuser: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    old = factories.create_house_model()
    storage = private_storage()

    with django_capture_on_commit_callbacks() as after_commit:
        superuser.post(reverse(CHANGE, args=[old.pk]), form(factories.jpeg(500, 600, "red")))
        assert storage.exists(str(old.file.name)), (
            "a rollback would restore the old row, which needs its file"
        )
    for callback in after_commit:
        callback()

    new = PersonPhoto.objects.get()
    assert (new.width, new.digest == old.digest) == (500, False)
    assert not storage.exists(str(old.file.name))
    assert not storage.exists(str(old.thumbnail.name))
    assert storage.exists(str(new.file.name))
    assert storage.exists(str(new.thumbnail.name))


def test_position_and_activity_can_be_edited_in_the_list(superuser: Client) -> None:
    photo = factories.create_house_model()

    superuser.post(
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
def test_deleting_removes_the_files_and_cancels_active_renders(
    superuser: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, way: str
) -> None:
    photo = factories.create_house_model()
    running = factories.create_tryon(None, photo=photo)

    with django_capture_on_commit_callbacks(execute=True):
        if way == "one":
            superuser.post(reverse("admin:vton_housemodel_delete", args=[photo.pk]), {"post": "yes"})
        else:
            data = {"action": "delete_selected", "_selected_action": [str(photo.pk)], "post": "yes"}
            superuser.post(reverse(LIST), data)

    assert not PersonPhoto.objects.exists()
    assert not private_storage().exists(str(photo.file.name))
    running.refresh_from_db()
    assert running.state == State.CANCELED


def create_published_render(photo: PersonPhoto, slug: str) -> ProductPhoto:
    """Render a product on the house model, and publish the render in the shop."""
    product = make_product(slug, "top")
    ref = product_ref(product)
    made = factories.create_tryon(None, photo=photo, shared_key=slug, product=ref, title=product.name)
    batch = Batch.objects.create(status="running", total=1, next_position=1)
    render = BatchRender.objects.create(
        batch=batch,
        position=0,
        product=ref,
        status="requested",
        request=factories.complete_tryon(made),
        photo=photo,
        review="accepted",
    )
    assert batches.publish(render) == ""
    return ProductPhoto.objects.get(product=product)


def delete_house_models(client: Client, *photos: PersonPhoto, **data: str) -> str:
    """Delete one on its own page, or several by the action, and return the page that follows."""
    if len(photos) == 1:
        url = reverse("admin:vton_housemodel_delete", args=[photos[0].pk])
    else:
        url, pks = reverse(LIST), [str(photo.pk) for photo in photos]
        data |= {"action": "delete_selected", "_selected_action": pks}  # type: ignore[dict-item]
    return visible_text(client.post(url, data, follow=True).content.decode())


@pytest.mark.parametrize("number", [1, 2])
def test_the_deletion_names_published_renders_and_unpublishes_them(
    superuser: Client, files: StoredFiles, number: int
) -> None:
    photos = [factories.create_house_model(name) for name in ("Noa", "Mia")[:number]]
    for photo in photos:
        create_published_render(photo, f"shirt-{photo.name.lower()}")

    if number == 1:
        text = visible_text(get_page(superuser, "admin:vton_housemodel_delete", photos[0].pk))
    else:
        text = delete_house_models(superuser, *photos)
    assert f"{number} published render" in text
    assert "Shirt-Noa" in text
    assert "Remove these renders from the shop as well" in text
    assert PersonPhoto.objects.count() == number

    text = delete_house_models(superuser, *photos, post="yes", unpublish="yes")

    assert not PersonPhoto.objects.exists()
    assert not ProductPhoto.objects.exists()
    assert not Publication.objects.exists()
    assert files.names()


def test_published_renders_stay_in_the_shop_unless_their_removal_is_chosen(superuser: Client) -> None:
    noa = factories.create_house_model()
    create_published_render(noa, "shirt")

    delete_house_models(superuser, noa, post="yes")

    assert not PersonPhoto.objects.exists()
    assert ProductPhoto.objects.count() == Publication.objects.count() == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_house_model_is_kept_if_a_render_cannot_be_removed_from_the_shop(
    superuser: Client, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    photos = [factories.create_house_model(name) for name in ("Noa", "Mia")[:number]]
    create_published_render(photos[0], "shirt")

    def locked(*_args: object) -> None:
        raise ValueError("the gallery is locked")

    monkeypatch.setattr(ProductTryOn, "unpublish", locked)
    url = reverse("admin:vton_housemodel_delete", args=[photos[0].pk])
    data: dict[str, object] = {"post": "yes", "unpublish": "yes"}
    if number > 1:
        url = reverse(LIST)
        data |= {"action": "delete_selected", "_selected_action": [str(photo.pk) for photo in photos]}
    response = superuser.post(url, data, follow=True)

    (message,) = [str(message) for message in response.context["messages"]]
    assert message.startswith("Some renders are still in the shop, so nothing was deleted.")
    assert "the gallery is locked" in message
    assert PersonPhoto.objects.count() == number
    assert Publication.objects.count() == 1


def test_a_deletion_without_published_renders_is_confirmed_as_usual(superuser: Client) -> None:
    noa = factories.create_house_model()

    text = visible_text(get_page(superuser, "admin:vton_housemodel_delete", noa.pk))

    assert "Are you sure you want to delete the house model" in text
    assert "from the shop" not in text


def test_deactivating_a_house_model_pauses_its_running_batches_with_the_reason(
    superuser: Client, runner: BatchRunner
) -> None:
    finished = runner.start(1)
    runner.run(finished)
    batch = runner.start(1, name="Spring")
    other = runner.start(1, factories.create_house_model("Mia"), name="Other")
    PersonPhoto.objects.filter(name="Mia").update(position=1)

    response = superuser.post(
        reverse(CHANGE, args=[runner.noa.pk]), {"name": "Noa", "position": "0", "labels": ""}, follow=True
    )

    texts = [str(message) for message in response.context["messages"]]
    assert "The batch “Spring” was paused, since it still has renders on Noa." in texts
    assert [Batch.objects.get(pk=it.pk).status for it in (finished, batch, other)] == [
        *("running", "paused", "running")
    ]
    text = visible_text(get_page(superuser, "admin:vton_batch_change", batch.pk))
    assert "Paused" in text
    assert "It was paused because a house model may not be used any more: Noa." in text
    PersonPhoto.objects.filter(pk=runner.noa.pk).update(is_active=True)
    text = visible_text(get_page(superuser, "admin:vton_batch_change", batch.pk))
    assert "because a house model was deactivated, which is active again." in text
    batches.resume(batch)
    assert "It was paused" not in visible_text(get_page(superuser, "admin:vton_batch_change", batch.pk))
    assert runner.run(batch).completed == 1


def test_the_list_shows_house_models(viewer: Client) -> None:
    photo = factories.create_house_model("Mateo")

    html = get_page(viewer, LIST)

    assert "House models" in visible_text(html)
    assert "Mateo Garments, Glasses" in visible_text(html)
    assert f"{reverse('vton:photo-file', args=[photo.pk])}?size=thumbnail" in html


def test_the_photo_of_an_inactive_house_model_is_visible_to_staff_only(
    viewer: Client, client: Client
) -> None:
    photo = factories.create_house_model()
    PersonPhoto.objects.update(is_active=False)
    url = reverse("vton:photo-file", args=[photo.pk])

    assert get_status(viewer, url) == 200
    assert get_status(client, url) == 404


def test_a_viewer_cannot_change_house_models(viewer: Client) -> None:
    photo = factories.create_house_model()

    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.post(reverse(CHANGE, args=[photo.pk]), form(name="X")).status_code == 403
    assert viewer.post(reverse("admin:vton_housemodel_delete", args=[photo.pk])).status_code == 403


def test_the_list_shows_and_filters_the_ends_of_releases(viewer: Client) -> None:
    days = {"Old": -1, "Last": 0, "Soon": 14, "Later": 15}
    for name, days_left in days.items():
        photo = factories.create_house_model(name)
        PersonPhoto.objects.filter(pk=photo.pk).update(release_ends=release_today() + timedelta(days_left))
    factories.create_house_model("Endless")

    def listed(choice: str) -> set[str]:
        found = viewer.get(reverse(LIST), {"release": choice}).context["cl"].result_list
        return {photo.name for photo in found}

    assert listed("ended") == {"Old"}
    assert listed("soon") == {"Last", "Soon"}
    assert listed("none") == {"Endless"}
    assert len(listed("nonsense")) == 5
    text = visible_text(get_page(viewer, LIST))
    assert text.count(" soon ") == 2
    assert text.count(" ended ") == 1


def test_the_end_of_a_release_is_set_in_the_form(superuser: Client) -> None:
    superuser.post(reverse(ADD), form(factories.jpeg(), release_ends="2029-05-31"))

    assert PersonPhoto.objects.get().release_ends == date(2029, 5, 31)
