from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from django_vton.models import Attempt, PersonPhoto, Quota, TryOnImage, TryOnRequest
from django_vton.models.states import Money, State
from tests.tryons import (
    IMAGE_KEYS,
    TRY_ONS,
    TRYON_KEYS,
    claim_for_submit,
    complete_tryon,
    create_tryon,
    error_code,
    product_ref,
    read_stream,
)

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

# Polling --------------------------------------------------------------------------------------------


def test_a_completed_try_on_shows_its_images(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()), images=2)
    response = guest.get(f"{TRY_ONS}{row.pk}/")
    body = response.json()

    assert set(body) == TRYON_KEYS
    assert (body["status"], body["progress"], body["eta_seconds"]) == ("completed", 1.0, 0)
    assert [set(it) for it in body["images"]] == [IMAGE_KEYS, IMAGE_KEYS]
    assert [it["id"] for it in body["images"]] == [str(it.pk) for it in row.images.order_by("position")]
    image = body["images"][0]
    assert image["alt"] == "AI-generated preview: Shirt on your photo"
    assert (image["width"], image["height"], image["content_type"]) == (400, 500, "image/png")
    for url in (image["url"], image["thumbnail_url"], image["download_url"], body["photo"]["url"]):
        assert read_stream(guest.get(url))
    assert body["page_url"] == reverse("vton:result", args=[row.pk])
    assert "Retry-After" not in response


def test_shoppers_are_told_of_an_unchanged_photo_only(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    message = "The picture looks unchanged. You can try another photo."
    for flaw, shown in (
        ("", None),
        ("face", None),
        ("body", None),
        ("unchanged", {"code": "unchanged", "message": message}),
    ):
        row.images.update(flaw=flaw)
        (image,) = guest.get(f"{TRY_ONS}{row.pk}/").json()["images"]
        assert image["flaw"] == shown


def test_a_failed_try_on_does_not_show_the_vendors_message(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    from django_vton import lifecycle
    from django_vton.pixazo import SubmitOutcome, SubmitResult

    row = create_tryon(guest, shirt, phone_photo())
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400, error="secret words of the vendor")
    lifecycle.mark_refused(claim_for_submit(row), refusal, retry_at=None, code="moderated")

    body = guest.get(f"{TRY_ONS}{row.pk}/").json()

    assert (body["status"], body["counted"]) == ("failed", False)
    assert (body["error"]["code"], body["error"]["retryable"]) == ("moderated", False)
    assert "secret words" not in json.dumps(body)


def test_the_etag_changes_only_with_the_try_on_and_the_language(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    url = f"{TRY_ONS}{row.pk}/"
    seen: list[str] = []

    def poll() -> int:
        response = guest.get(url, headers={"If-None-Match": ", ".join(seen[-1:])})
        if response.status_code == 200:
            seen.append(response["ETag"])
        else:
            assert response.content == b""
            assert response["ETag"] == seen[-1]
        return int(response.status_code)

    assert [poll(), poll()] == [200, 304]
    assert guest.get(url, headers={"If-None-Match": seen[-1]})["Retry-After"] == "2"
    claim_for_submit(row)
    assert [poll(), poll()] == [200, 304]
    row.refresh_from_db()
    guest.put(f"{url}feedback/", {"value": "like"}, content_type="application/json")
    assert [poll(), poll()] == [200, 304]
    assert guest.get(f"{url}?lang=de", headers={"If-None-Match": seen[-1]}).status_code == 200
    assert len(set(seen)) == 3


def test_only_the_owner_can_open_or_change_a_try_on(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    create_tryon(stranger, shirt, phone_photo())
    url = f"{TRY_ONS}{row.pk}/"
    staff = Client()
    staff.force_login(get_user_model().objects.create_superuser("root"))
    for other in (stranger, staff, Client()):
        assert error_code(other.get(url)) == (404, "not_found")
        assert error_code(other.post(f"{url}cancel/")) == (404, "not_found")
        assert error_code(other.delete(url)) == (404, "not_found")
        body = {"value": "like"}
        assert error_code(other.put(f"{url}feedback/", body, content_type="application/json")) == (
            404,
            "not_found",
        )
    response = guest.get(url)
    assert response["Cache-Control"] == "private, no-cache"
    assert "Cookie" in response["Vary"]


def test_polling_takes_three_queries_and_two_if_nothing_changed(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    guest.get(f"{TRY_ONS}{row.pk}/")
    with django_assert_num_queries(3):  # The session, the try-on with its photo, its images.
        response = guest.get(f"{TRY_ONS}{row.pk}/")
    with django_assert_num_queries(2):
        again = guest.get(f"{TRY_ONS}{row.pk}/", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


def test_a_poll_takes_one_query_if_the_session_takes_none(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    row = create_tryon(guest, shirt, phone_photo())
    response = guest.get(f"{TRY_ONS}{row.pk}/")
    with django_assert_num_queries(1):
        again = guest.get(f"{TRY_ONS}{row.pk}/", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


# The list -------------------------------------------------------------------------------------------


def test_the_list_is_paged_with_the_newest_first(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = create_tryon(guest, shirt, phone_photo())
    copies = [
        TryOnRequest(shopper=first.shopper, product=first.product, engine=first.engine) for _ in range(44)
    ]
    TryOnRequest.objects.bulk_create(copies)
    guest.get(TRY_ONS)

    seen, url, pages = [], TRY_ONS, 0
    while url:
        with django_assert_num_queries(4 if pages < 2 else 3 + 1):
            body = guest.get(url).json()
        assert set(body) == {"next", "previous", "results"}
        assert len(body["results"]) <= 20
        seen += [it["id"] for it in body["results"]]
        url, pages = body["next"], pages + 1
        assert url is None or url.startswith(TRY_ONS)

    assert pages == 3
    assert len(set(seen)) == len(seen) == 45
    assert seen[-1] == str(first.pk)


def test_shared_renders_in_the_list_take_one_query_for_all_images(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    source = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    common = {"shopper": source.shopper, "product": source.product, "engine": source.engine}
    followers = [
        TryOnRequest(state=State.COMPLETED, source=source, image_count=1, **common) for _ in range(5)
    ]
    TryOnRequest.objects.bulk_create(followers)
    with django_assert_num_queries(5):  # As above, and the images of the shared renders.
        results = guest.get(TRY_ONS).json()["results"]
    assert {it["images"][0]["id"] for it in results} == {str(source.images.get().pk)}


def test_the_list_can_be_filtered_by_product(
    guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    create_tryon(guest, shirt, phone_photo())
    wanted = create_tryon(guest, glasses, phone_photo())
    body = guest.get(TRY_ONS, {"product": product_ref(glasses)}).json()
    assert [it["id"] for it in body["results"]] == [str(wanted.pk)]
    assert Client().get(TRY_ONS).json()["results"] == []


# Cancelling and erasing -----------------------------------------------------------------------------


def test_canceling_before_the_submit_is_free(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    response = guest.post(f"{TRY_ONS}{row.pk}/cancel/")
    assert (response.status_code, response.json()["status"]) == (200, "canceled")
    assert response.json()["counted"] is False
    assert Attempt.objects.get().money == Money.FREE
    assert error_code(guest.post(f"{TRY_ONS}{row.pk}/cancel/")) == (409, "not_cancelable")


def test_erasing_deletes_rows_and_files_but_keeps_money_and_quota(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    image = row.images.get()
    photo = row.photo
    assert photo is not None
    names = [it.name for it in (image.file, image.thumbnail, photo.file, photo.thumbnail)]
    assert all(storages["vton"].exists(name) for name in names if name)

    with django_capture_on_commit_callbacks(execute=True):
        response = guest.delete(f"{TRY_ONS}{row.pk}/")

    assert (response.status_code, response.content) == (204, b"")
    assert not any(storages["vton"].exists(name) for name in names if name)
    assert not TryOnImage.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert Attempt.objects.get().money == Money.SPENT
    assert Quota.objects.filter(used=1).exists()
    assert error_code(guest.get(f"{TRY_ONS}{row.pk}/")) == (404, "not_found")
    assert error_code(guest.delete(f"{TRY_ONS}{row.pk}/")) == (404, "not_found")
