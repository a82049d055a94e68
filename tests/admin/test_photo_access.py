"""Shoppers' images are hidden from staff without the permission to view them."""

import pytest
from django.test import Client
from django.urls import reverse

from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.models.states import State

from . import factories
from .conftest import LIST, Staff, get_page, get_status, visible_text

DETAIL = "admin:vton_tryonrequest_change"


def urls(request: TryOnRequest) -> list[str]:
    found = [reverse("vton:image", args=[image.pk]) for image in request.shown_images]
    if request.photo is not None:
        found.append(reverse("vton:photo-file", args=[request.photo.pk]))
    return found


@pytest.fixture
def shoppers(db: None) -> TryOnRequest:  # noqa: ARG001 - the fixture opens the database
    shopper = factories.create_guest()
    return factories.complete_tryon(factories.create_tryon(shopper, photo=factories.create_photo(shopper)))


def test_shoppers_images_are_hidden_from_staff(viewer: Client, shoppers: TryOnRequest) -> None:
    listed, detail = get_page(viewer, LIST), get_page(viewer, DETAIL, shoppers.pk)

    assert "hidden" in visible_text(listed)
    assert "Hidden. You need the permission" in visible_text(detail)
    for url in urls(shoppers):
        assert url not in listed + detail
        assert get_status(viewer, url) == 404


def test_shoppers_images_are_visible_with_the_permission(staff: Staff, shoppers: TryOnRequest) -> None:
    client = staff("view_shopper_photos")

    listed, detail = get_page(client, LIST), get_page(client, DETAIL, shoppers.pk)

    assert "hidden" not in visible_text(listed)
    assert urls(shoppers)[0] in listed
    for url in urls(shoppers):
        assert url in detail
        assert get_status(client, url) == 200


def test_renders_on_house_models_are_visible_to_all_staff(viewer: Client) -> None:
    source = factories.create_house_render(factories.create_house_model())
    follower = factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source, photo=source.photo),
        State.COMPLETED,
        image_count=1,
    )

    for request in (source, follower):
        detail = get_page(viewer, DETAIL, request.pk)
        for url in urls(source):
            assert url in detail
            assert get_status(viewer, url) == 200


def test_published_images_are_visible_to_all_staff(viewer: Client, shoppers: TryOnRequest) -> None:
    shoppers.images.update(published_at=shoppers.created_at)

    assert urls(shoppers)[0] in get_page(viewer, LIST)


def test_images_of_an_erased_shopper_stay_hidden(viewer: Client, shoppers: TryOnRequest) -> None:
    TryOnRequest.objects.filter(pk=shoppers.pk).update(shopper=None, photo=None)

    assert urls(shoppers)[0] not in get_page(viewer, LIST)


def test_the_house_model_admin_never_shows_shoppers_photos(superuser: Client, shoppers: TryOnRequest) -> None:
    photo = shoppers.photo
    assert photo is not None

    assert str(photo.pk) not in get_page(superuser, "admin:vton_housemodel_changelist")
    for name in ("change", "delete", "history"):
        assert superuser.get(reverse(f"admin:vton_housemodel_{name}", args=[photo.pk])).status_code == 302
    assert superuser.post(reverse("admin:vton_housemodel_delete", args=[photo.pk]), {"post": "yes"})
    assert PersonPhoto.objects.filter(pk=photo.pk).exists()
