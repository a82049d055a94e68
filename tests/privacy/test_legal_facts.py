"""Facts that the drafts of `vton_legal` state, and that no other test proves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone, translation

from django_vton import privacy
from django_vton.conf import DEFAULT_CONSENT_TEXT, config
from django_vton.models import PersonPhoto, Shopper
from django_vton.privacy.legal import render_documents
from django_vton.shoppers import Visitor, address_keys

from ..intake_helpers import StoredFiles, order_tryon
from ..tryons import complete_tryon, get_start

if TYPE_CHECKING:
    from django.test import Client, RequestFactory
    from pytest_django import Settings

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("photo", "unkept", "result", "words"),
    [
        (DAY, HOUR, 30 * DAY, ("1 hour", "24 hours", "30 days")),
        (6 * HOUR, HOUR, 3 * DAY, ("1 hour", "6 hours", "3 days")),
        (30 * MINUTE, 30 * MINUTE, 36 * HOUR, ("30 minutes", "30 minutes", "36 hours")),
    ],
)
def test_photos_and_previews_are_deleted_after_the_times_in_the_drafts(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    vton: Vton,
    photo: timedelta,
    unkept: timedelta,
    result: timedelta,
    words: tuple[str, str, str],
) -> None:
    vton(PHOTO_RETENTION=photo, RESULT_RETENTION=result)
    schedule = render_documents()["record-of-processing.md"]
    assert f"did not ask to keep is deleted {words[0]} after its upload." in schedule
    assert f"asked to keep is deleted {words[1]} after its upload." in schedule
    assert f"A preview is deleted {words[2]} after the order." in schedule
    assert f"with the consents {words[2]} after the last visit." in schedule

    now, guest = timezone.now(), Visitor()
    complete_tryon(order_tryon(shirt, guest, phone_photo(shade=1)).request)
    kept = complete_tryon(order_tryon(shirt, guest, phone_photo(shade=2), keep_photo=True).request).photo
    assert privacy.purge(now + unkept - MINUTE)["photos"] == 0
    privacy.purge(now + unkept + MINUTE)
    assert list(PersonPhoto.objects.all()) == ([kept] if photo > unkept else [])
    privacy.purge(now + photo - MINUTE)
    assert PersonPhoto.objects.exists() == (photo > unkept)
    privacy.purge(now + photo + MINUTE)
    assert files.names("photos") == set()
    assert privacy.purge(now + result - MINUTE)["try_ons"] == 0
    assert len(files.names("results")) == 4
    privacy.purge(now + result + MINUTE)
    assert files.names("results") == set()
    assert not Shopper.objects.exists()


def test_the_consent_in_the_drafts_is_the_one_that_shoppers_agree_to(
    guest: Client, shirt: Product, vton: Vton
) -> None:
    vton(CONSENT_TEXT="I am 18.\nI agree.", CONSENT_VERSION="v7")
    shown = get_start(guest, shirt).json()["consent"]
    text = " ".join(shown["text"].split())
    assert f'version {shown["version"]}: "{text}"' in render_documents()["impact-assessment.md"]


@pytest.mark.parametrize(("language", "word"), [("en", "adult"), ("de", "volljährig")])
def test_the_default_consent_says_that_everyone_is_an_adult(language: str, word: str) -> None:
    with translation.override(language):
        assert str(DEFAULT_CONSENT_TEXT).count(word) == 2


def test_no_measurements_of_a_person_are_stored() -> None:
    assert {field.name for field in PersonPhoto._meta.concrete_fields} == {
        *("id", "kind", "shopper", "file", "thumbnail", "digest", "width", "height", "is_reusable"),
        *("created_at", "expires_at"),
        # For house models only.
        *("name", "position", "suits", "labels", "is_active", "rights_note", "release_ends"),
    }


def test_an_address_is_stored_as_a_keyed_hash(rf: RequestFactory, settings: Settings) -> None:
    request = rf.get("/", REMOTE_ADDR="203.0.113.7")
    keys = address_keys(request)
    assert keys
    assert not any("203" in key for key in keys)
    settings.SECRET_KEY = "another"
    assert not set(address_keys(request)) & set(keys)


@pytest.mark.django_db
def test_without_moderate_any_photo_of_a_valid_format_is_accepted(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(MODERATE=None)
    assert config.MODERATE is None
    assert order_tryon(shirt, Visitor(), phone_photo(shade=3)).request.photo is not None
