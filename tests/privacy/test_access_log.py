"""Every access of staff to a shopper's photo or result is recorded."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from django_vton import privacy
from django_vton.models import PersonPhoto, PhotoAccess, Shopper, TryOnImage, TryOnRequest
from django_vton.privacy import access_log
from tests.intake_helpers import normalize_sql, run_concurrently
from tests.remote_storage import use_remote_storage
from tests.tryons import complete_tryon, create_tryon, post_tryon, read_stream
from tests.web.files import image_url, photo_url, staff_client

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db

CHANGELIST = "admin:vton_photoaccess_changelist"


@pytest.fixture
def done(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    return complete_tryon(create_tryon(guest, shirt, phone_photo()))


@pytest.fixture
def viewer(db: None) -> Client:  # noqa: ARG001 - the fixture opens the database
    return staff_client("view_shopper_photos")


def recorded() -> set[tuple[str, str, Any]]:
    return {(access.actor_name, access.kind, access.object_id) for access in PhotoAccess.objects.all()}


def test_an_access_is_recorded_with_who_what_and_when(viewer: Client, done: TryOnRequest) -> None:
    before = timezone.now()
    assert read_stream(viewer.get(image_url(done)))
    assert read_stream(viewer.get(photo_url(done)))

    assert recorded() == {("eve", "result", done.images.get().pk), ("eve", "photo", done.photo_id)}
    for access in PhotoAccess.objects.all():
        assert access.actor == get_user_model().objects.get(username="eve")
        assert before <= access.at <= timezone.now()


def test_repeated_accesses_are_recorded_once_a_day(viewer: Client, done: TryOnRequest) -> None:
    url = image_url(done)
    head = viewer.head(url, {"size": "thumbnail"})
    assert read_stream(head) == b""
    etag = head["ETag"]
    for more in ({"size": "thumbnail"}, {"download": "1"}, {}):
        read_stream(viewer.get(url, more))
    assert viewer.get(url, {"size": "thumbnail"}, headers={"If-None-Match": etag}).status_code == 304
    assert PhotoAccess.objects.count() == 1

    other = staff_client("view_shopper_photos", name="mallory")
    read_stream(other.get(url))
    assert PhotoAccess.objects.count() == 2

    PhotoAccess.objects.update(day=timezone.localdate() - timedelta(days=1))
    # A response with 304 is recorded too, although it sends no byte.
    assert viewer.get(url, {"size": "thumbnail"}, headers={"If-None-Match": etag}).status_code == 304
    assert PhotoAccess.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_concurrent_accesses_to_one_image_are_one_record(done: TryOnRequest) -> None:
    user = get_user_model().objects.create_user("eve")
    image = done.images.get()
    assert run_concurrently(*[lambda: access_log.record_access(user, image)] * 4) == [None] * 4
    assert PhotoAccess.objects.count() == 1


def test_accesses_to_ones_own_and_to_public_and_house_model_images_are_not_recorded(
    guest: Client, stranger: Client, done: TryOnRequest, shirt: Product, house_model: PersonPhoto
) -> None:
    viewer = staff_client("view_shopper_photos")
    read_stream(guest.get(image_url(done)))
    assert stranger.get(image_url(done)).status_code == 404
    assert staff_client("operate", name="other").get(image_url(done)).status_code == 404
    post_tryon(guest, shirt, photo_id=str(house_model.pk))
    read_stream(viewer.get(image_url(complete_tryon(TryOnRequest.objects.get(shopper=None)))))
    read_stream(viewer.get(reverse("vton:photo-file", args=[house_model.pk])))
    assert viewer.post(image_url(done)).status_code == 405
    # Staff may open their own try-ons as shoppers.
    user = get_user_model().objects.get(username="eve")
    TryOnRequest.objects.filter(pk=done.pk).update(shopper=Shopper.objects.create(user=user))
    read_stream(viewer.get(image_url(done)))
    TryOnImage.objects.update(published_at=timezone.now())
    read_stream(staff_client("view_shopper_photos", name="third").get(image_url(done)))
    assert not PhotoAccess.objects.exists()


def test_an_image_is_not_sent_if_the_access_cannot_be_recorded(
    settings: Settings, guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    remote = use_remote_storage(settings)
    done = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    viewer = staff_client("view_shopper_photos")
    viewer.raise_request_exception = False
    remote.opens = 0

    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        if normalize_sql(sql).startswith('INSERT INTO "vton_photoaccess"'):
            raise OperationalError("disk full")
        return execute(sql, *rest)

    for url in (image_url(done), photo_url(done)):
        with connection.execute_wrapper(broken):
            response = viewer.get(url)
        assert (response.status_code, response.streaming) == (500, False)
    assert remote.opens == 0
    assert not PhotoAccess.objects.exists()
    read_stream(viewer.get(image_url(done)))
    assert PhotoAccess.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_record_is_committed_before_the_first_byte(
    viewer: Client, done: TryOnRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    response = viewer.get(image_url(done))
    # Read on another connection, which sees committed rows only.
    assert run_concurrently(lambda: list(PhotoAccess.objects.values_list("kind", flat=True))) == [["result"]]
    read_stream(response)


def test_a_record_outlives_the_image_the_shopper_and_the_staff_member(
    viewer: Client, done: TryOnRequest
) -> None:
    read_stream(viewer.get(image_url(done)))
    read_stream(viewer.get(photo_url(done)))
    kept = recorded()
    shopper = done.shopper
    assert shopper is not None
    assert [access["kind"] for access in privacy.export_shopper(shopper)["looks"]] == ["result", "photo"]
    assert re.search(r"\beve\b", str(privacy.export_shopper(shopper))) is None

    privacy.erase_shopper(shopper)
    get_user_model().objects.get(username="eve").delete()
    assert recorded() == kept
    # The record has only ids, which identify nobody.
    columns = {field.name for field in PhotoAccess._meta.get_fields()}
    assert columns == {"id", "actor", "actor_name", "kind", "object_id", "day", "at"}
    assert set(PhotoAccess.objects.values_list("actor", flat=True)) == {None}


def test_a_record_is_kept_for_a_year(viewer: Client, done: TryOnRequest) -> None:
    read_stream(viewer.get(image_url(done)))
    now = timezone.now()
    assert privacy.purge(now + timedelta(days=364))["photo_accesses"] == 0
    assert privacy.purge(now + timedelta(days=366))["photo_accesses"] == 1


def test_the_day_of_a_record_is_in_the_shops_time_zone(
    viewer: Client, done: TryOnRequest, vton: Vton
) -> None:
    days = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart.
        vton(BUDGET_TIME_ZONE=zone)
        read_stream(viewer.get(image_url(done)))
        days = set(PhotoAccess.objects.values_list("day", flat=True))
    assert len(days) == 2


def test_the_admin_shows_records_read_only_to_permitted_staff(
    admin_client: Client, viewer: Client, done: TryOnRequest
) -> None:
    read_stream(viewer.get(image_url(done)))
    read_stream(viewer.get(photo_url(done)))
    access = PhotoAccess.objects.get(kind="result")
    assert viewer.get(reverse(CHANGELIST)).status_code == 403

    auditor = staff_client("view_photoaccess", name="auditor")
    for client in (auditor, admin_client):
        html = client.get(reverse(CHANGELIST)).content.decode()
        assert html.count(reverse("admin:vton_tryonrequest_change", args=[done.pk])) == 2
        assert "eve" in html
        assert str(access.object_id)[:8] in html
        assert "/try-on/" not in html
        assert client.get(reverse("admin:vton_photoaccess_change", args=[access.pk])).status_code == 200
        assert (
            client.get(reverse(CHANGELIST), {"q": str(access.object_id)}).content.decode().count(">eve<") == 1
        )
        for name, *args in (("add",), ("delete", access.pk)):
            assert (
                client.post(reverse(f"admin:vton_photoaccess_{name}", args=args), {"post": "yes"}).status_code
                == 403
            )
        change = reverse("admin:vton_photoaccess_change", args=[access.pk])
        assert client.post(change, {"actor_name": "nobody"}).status_code == 403
        action = {"action": "delete_selected", "_selected_action": [access.pk], "post": "yes"}
        client.post(reverse(CHANGELIST), action)
    assert PhotoAccess.objects.filter(actor_name="eve").count() == 2

    privacy.erase_tryon(done)
    html = auditor.get(reverse(CHANGELIST)).content.decode()
    assert str(access.object_id)[:8] in html
    assert str(done.pk) not in html


def test_the_list_takes_few_queries_for_many_records(
    viewer: Client, done: TryOnRequest, django_assert_max_num_queries: Any
) -> None:
    user = get_user_model().objects.get(username="eve")
    for _ in range(20):
        access_log.record_access(user, TryOnImage(request=done))
    read_stream(viewer.get(image_url(done)))
    auditor = staff_client("view_photoaccess", name="auditor")
    with django_assert_max_num_queries(8):
        auditor.get(reverse(CHANGELIST))


def test_the_admin_page_of_a_try_on_records_accesses_to_its_images(
    viewer: Client, done: TryOnRequest
) -> None:
    assert not PhotoAccess.objects.exists()
    user = get_user_model().objects.get(username="eve")
    user.user_permissions.add(Permission.objects.get(codename="view_tryonrequest"))
    html = viewer.get(reverse("admin:vton_tryonrequest_change", args=[done.pk])).content.decode()
    assert image_url(done) in html
    assert not PhotoAccess.objects.exists()  # The page has only the URLs.
    read_stream(viewer.get(image_url(done) + "?size=thumbnail"))
    assert PhotoAccess.objects.count() == 1
