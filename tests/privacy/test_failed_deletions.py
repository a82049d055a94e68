"""A file that cannot be deleted changes no answer, and is remembered until it is deleted."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from django_vton import health, privacy
from django_vton.models import PersonPhoto, TryOnImage, UndeletedFile
from django_vton.privacy.stored_files import delete_file

from ..intake_helpers import run_before_statement
from ..remote_storage import RemoteStorage, use_remote_storage
from ..tryons import complete_tryon, create_tryon, error_code, post_tryon
from .purging import purged

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


@pytest.fixture
def remote(settings: Settings) -> RemoteStorage:
    return use_remote_storage(settings)


@pytest.mark.django_db
def test_a_refused_order_is_answered_as_usual(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton, remote: RemoteStorage
) -> None:
    create_tryon(guest, shirt, phone_photo())
    known = set(remote.files)
    remote.is_locked = True
    # The limit is reached once the photo is stored.
    with run_before_statement('UPDATE "vton_shopper"', lambda: vton(IN_FLIGHT=1)):
        response = post_tryon(guest, shirt, phone_photo(shade=1))
    assert error_code(response) == (429, "in_flight_limit")
    left = set(remote.files) - known
    assert len(left) == 2
    assert set(UndeletedFile.objects.values_list("storage", "name")) == {("vton", name) for name in left}

    assert privacy.purge() == purged()
    assert set(UndeletedFile.objects.values_list("attempts", flat=True)) == {2}
    remote.is_locked = False
    assert privacy.purge() == purged(undeleted_files=2)
    assert (set(remote.files), UndeletedFile.objects.count()) == (known, 0)


@pytest.mark.django_db
def test_a_photo_that_was_sent_before_is_accepted(
    guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    create_tryon(guest, shirt, phone_photo())
    remote.is_locked = True
    assert post_tryon(guest, glasses, phone_photo()).status_code == 202
    assert UndeletedFile.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_all_files_of_an_erased_try_on_are_remembered(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, remote: RemoteStorage
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    product_image = str(row.product_image and row.product_image.file)
    remote.is_locked = True
    assert guest.delete(reverse("vton:tryon", args=[row.pk])).status_code == 204
    assert not TryOnImage.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert set(UndeletedFile.objects.values_list("name", flat=True)) == set(remote.files) - {product_image}


@pytest.mark.django_db
def test_a_file_that_waits_for_a_day_is_an_incident(remote: RemoteStorage) -> None:
    forget_photo(remote)
    assert not list(health.find_incidents())
    UndeletedFile.objects.update(since=timezone.now() - timedelta(days=1))
    (fact,) = health.find_incidents()
    assert fact.cause == "undeleted_files"
    assert "Files that wait for their deletion: 1." in health.notice(fact.cause).text


@pytest.mark.django_db
def test_a_removed_storage_keeps_its_files_in_mind(remote: RemoteStorage) -> None:
    forget_photo(remote)
    UndeletedFile.objects.update(storage="an-alias-of-before")
    remote.is_locked = False
    assert privacy.purge() == purged()
    assert UndeletedFile.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_a_thread_without_a_connection_to_the_database_keeps_none(remote: RemoteStorage) -> None:
    connected: list[bool] = []

    def work() -> None:
        forget_photo(remote)
        connected.append(connections["default"].connection is not None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert connected == [False]
    assert UndeletedFile.objects.count() == 1


def forget_photo(remote: RemoteStorage) -> None:
    """Delete the file of a photo from a storage that does not delete it."""
    photo = PersonPhoto()
    photo.file.save("a.jpg", ContentFile(b"one"), save=False)
    remote.is_locked = True
    delete_file(photo.file)
