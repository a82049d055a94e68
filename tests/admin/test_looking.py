"""Who may look at whom: shoppers' pictures are hidden from staff until somebody is allowed to see them."""

import pytest
from django.test import Client
from django.urls import reverse

from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.models.states import State

from . import rows
from .conftest import LIST, Staff, page, status, text

DETAIL = "admin:vton_tryonrequest_change"


def addresses(request: TryOnRequest) -> list[str]:
    found = [reverse("vton:image", args=[image.pk]) for image in request.pictures]
    if request.photo is not None:
        found.append(reverse("vton:photo-file", args=[request.photo.pk]))
    return found


@pytest.fixture
def shoppers(db: None) -> TryOnRequest:  # noqa: ARG001 - the fixture opens the database
    shopper = rows.guest()
    return rows.complete(rows.tryon(shopper, photo=rows.own_photo(shopper)))


def test_a_shoppers_pictures_are_hidden_from_staff(viewer: Client, shoppers: TryOnRequest) -> None:
    listed, detail = page(viewer, LIST), page(viewer, DETAIL, shoppers.pk)

    assert "hidden" in text(listed)
    assert "Hidden. You need the permission" in text(detail)
    for address in addresses(shoppers):
        assert address not in listed + detail
        assert status(viewer, address) == 404


def test_they_are_shown_with_the_permission(staff: Staff, shoppers: TryOnRequest) -> None:
    client = staff("view_shopper_photos")

    listed, detail = page(client, LIST), page(client, DETAIL, shoppers.pk)

    assert "hidden" not in text(listed)
    assert addresses(shoppers)[0] in listed
    for address in addresses(shoppers):
        assert address in detail
        assert status(client, address) == 200


def test_a_house_models_render_is_for_all_staff_also_in_its_followers(viewer: Client) -> None:
    source = rows.house_render(rows.house_model())
    follower = rows.put(
        rows.tryon(rows.guest(), source=source, photo=source.photo), State.COMPLETED, image_count=1
    )

    for request in (source, follower):
        detail = page(viewer, DETAIL, request.pk)
        for address in addresses(source):
            assert address in detail
            assert status(viewer, address) == 200


def test_a_published_picture_is_for_all(viewer: Client, shoppers: TryOnRequest) -> None:
    shoppers.images.update(published_at=shoppers.created_at)

    assert addresses(shoppers)[0] in page(viewer, LIST)


def test_a_shoppers_picture_without_its_owner_stays_hidden(viewer: Client, shoppers: TryOnRequest) -> None:
    TryOnRequest.objects.filter(pk=shoppers.pk).update(shopper=None, photo=None)

    assert addresses(shoppers)[0] not in page(viewer, LIST)


def test_shoppers_photos_are_not_among_the_house_models(boss: Client, shoppers: TryOnRequest) -> None:
    photo = shoppers.photo
    assert photo is not None

    assert str(photo.pk) not in page(boss, "admin:vton_housemodel_changelist")
    for name in ("change", "delete", "history"):
        assert boss.get(reverse(f"admin:vton_housemodel_{name}", args=[photo.pk])).status_code == 302
    assert boss.post(reverse("admin:vton_housemodel_delete", args=[photo.pk]), {"post": "yes"})
    assert PersonPhoto.objects.filter(pk=photo.pk).exists()
