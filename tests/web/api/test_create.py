from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from django_vton.models import Attempt, Consent, PersonPhoto, Shopper, TryOnRequest
from tests.tryons import (
    PHOTO_KEYS,
    TRY_ONS,
    TRYON_KEYS,
    claim_for_submit,
    complete_tryon,
    create_tryon,
    error_code,
    get_start,
    post_tryon,
    product_ref,
)

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


def test_a_photo_creates_a_queued_try_on(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    enqueued: list[str],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = post_tryon(guest, shirt, phone_photo(), options='{"num_samples": 2}')
    body = response.json()

    assert response.status_code == 202
    assert response["Location"] == reverse("vton:tryon", args=[body["id"]]) == f"{TRY_ONS}{body['id']}/"
    assert response["Retry-After"] == "2"
    assert set(body) == TRYON_KEYS
    assert set(body["photo"]) == PHOTO_KEYS
    assert (body["status"], body["progress"], body["images"], body["error"]) == ("queued", 0.1, [], None)
    assert body["options"] == {"category": "top", "moderation_level": "moderate", "num_samples": 2}
    assert (body["photo"]["kind"], body["photo"]["width"], body["photo"]["height"]) == ("own", 600, 800)
    assert (body["counted"], body["cached"]) == (True, False)
    assert enqueued == ["django_vton.tasks.dispatch"]
    assert Consent.objects.get().locale == "en"
    # Whatever the shop's `DATETIME_FORMAT` is.
    assert body["created_at"] == TryOnRequest.objects.get().created_at.isoformat()


def test_json_can_name_a_stored_photo(
    guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    first = create_tryon(guest, shirt, phone_photo(), keep_photo="1")
    body = {"product": product_ref(glasses), "photo_id": str(first.photo_id), "consent": True, "options": {}}
    response = guest.post(TRY_ONS, body, content_type="application/json")
    assert response.status_code == 202
    assert response.json()["photo"]["id"] == str(first.photo_id)


def test_repeating_a_completed_try_on_returns_its_images_with_200(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    complete_tryon(create_tryon(guest, shirt, phone_photo()))
    response = post_tryon(guest, shirt, phone_photo())
    body = response.json()
    assert (response.status_code, body["status"], body["cached"], body["counted"]) == (
        200,
        "completed",
        True,
        False,
    )
    assert len(body["images"]) == 1
    assert "Retry-After" not in response


def test_shoppers_share_the_render_of_a_house_model(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    mine, theirs = (post_tryon(it, shirt, photo_id=str(house_model.pk)).json() for it in (guest, stranger))
    source = TryOnRequest.objects.get(shopper=None)
    claim_for_submit(source)

    # A try-on that waits for a shared render shows the progress of that render.
    body = guest.get(f"{TRY_ONS}{mine['id']}/").json()
    assert (body["status"], body["progress"]) == ("processing", 0.2)
    assert body["started_at"]

    source.refresh_from_db()
    assert Attempt.objects.count() == 1
    assert error_code(guest.get(f"{TRY_ONS}{source.pk}/")) == (404, "not_found")
    assert error_code(guest.get(f"{TRY_ONS}{theirs['id']}/")) == (404, "not_found")


def test_a_user_sees_their_try_ons_on_every_device(shirt: Product, phone_photo: PhotoMaker) -> None:
    user = get_user_model().objects.create_user("ada")
    phone, laptop = Client(), Client()
    phone.force_login(user)
    laptop.force_login(user)
    row = create_tryon(phone, shirt, phone_photo())
    assert laptop.get(f"{TRY_ONS}{row.pk}/").status_code == 200


def test_a_guest_keeps_their_try_ons_after_login(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo())
    user = get_user_model().objects.create_user("ada", password="secret")
    guest.login(username="ada", password="secret")
    assert guest.get(f"{TRY_ONS}{row.pk}/").status_code == 200
    assert Shopper.objects.get().user == user


def test_the_same_idempotency_key_and_body_return_the_same_try_on(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    create_tryon(guest, shirt, phone_photo(shade=9))
    key = {"Idempotency-Key": "order-1"}
    first, again = (post_tryon(guest, shirt, phone_photo(), headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    assert Attempt.objects.count() == 2
    assert error_code(post_tryon(guest, shirt, phone_photo(shade=1), headers=key)) == (
        409,
        "idempotency_conflict",
    )


def test_idempotency_keys_have_any_length_and_their_case_matters(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=4)
    keys = ["a b" * 500, "A B" * 500, "a b" * 499, "ä"]
    rows = {create_tryon(guest, shirt, phone_photo(), headers={"Idempotency-Key": key}) for key in keys * 2}
    assert len(rows) == len(keys)


def test_a_failed_captcha_is_refused(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(CAPTCHA=f"{__name__}.is_human")
    assert error_code(post_tryon(guest, shirt, phone_photo())) == (400, "captcha_required")
    assert post_tryon(guest, shirt, phone_photo(), captcha="I am").status_code == 202
    assert guest.get(reverse("vton:start"), {"product": product_ref(shirt)}).json()["captcha"] == {
        "required": True
    }


def is_human(request: Any) -> bool:
    return bool(request.POST.get("captcha") == "I am")


def test_the_in_flight_limit_and_the_quota_answer_429_with_retry_after(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(QUOTA="2/day", IN_FLIGHT=1)
    row = create_tryon(guest, shirt, phone_photo())
    response = post_tryon(guest, shirt, phone_photo(shade=1))
    assert error_code(response) == (429, "in_flight_limit")
    assert response["Retry-After"] == "10"

    complete_tryon(row)
    complete_tryon(create_tryon(guest, shirt, phone_photo(shade=1)))
    response = post_tryon(guest, shirt, phone_photo(shade=2))
    assert error_code(response) == (429, "quota_exceeded")
    assert 0 < int(response["Retry-After"]) <= 90_000


def test_a_try_on_is_accepted_while_the_task_queue_is_unreachable(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    vton(ENQUEUE="tests.fake_queues.unreachable")
    with django_capture_on_commit_callbacks(execute=True):
        assert post_tryon(guest, shirt, phone_photo()).status_code == 202


def test_a_new_guest_who_repeats_a_lost_request_pays_once(shirt: Product, phone_photo: PhotoMaker) -> None:
    browser = Client()
    get_start(browser, shirt)
    headers = {"Idempotency-Key": "order-1"}
    lost = post_tryon(browser, shirt, phone_photo(), headers=headers)
    del browser.cookies["sessionid"]

    again = post_tryon(browser, shirt, phone_photo(), headers=headers)

    assert again.json()["id"] == lost.json()["id"]
    assert Attempt.objects.count() == 1
    assert browser.get(again["Location"]).status_code == 200


def test_two_browsers_with_the_same_idempotency_key_get_two_try_ons(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    headers = {"Idempotency-Key": "order-1"}
    answers = []
    for browser in (Client(), Client()):
        get_start(browser, shirt)
        answers.append(post_tryon(browser, shirt, phone_photo(), headers=headers).json()["id"])
    assert len(set(answers)) == 2
