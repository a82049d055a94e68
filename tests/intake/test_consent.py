"""No photo is used without the shopper's consent."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import translation

from django_vton import privacy
from django_vton.conf import DEFAULT_CONSENT_TEXT, config
from django_vton.exceptions import Refused
from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import (
    Consent,
    PersonPhoto,
)
from django_vton.models.states import State
from django_vton.shoppers import Visitor

from ..intake_helpers import (
    StoredFiles,
    get_shopper,
    order_tryon,
    run_before_statement,
    user_visitor,
)
from ..tryons import complete_tryon, product_ref

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


def test_a_consent_is_valid_in_every_language(shirt: Product, phone_photo: PhotoMaker) -> None:
    """The hash is of the text that the shopper saw. A new translation does not ask anyone again."""
    ada = user_visitor()
    with translation.override("fr"):
        order_tryon(shirt, ada, phone_photo(shade=1), locale="fr")
        seen = str(DEFAULT_CONSENT_TEXT)
    assert seen.startswith("Je suis une personne majeure")
    with translation.override("pl"):
        order_tryon(shirt, ada, phone_photo(shade=2), locale="pl", consent=False)
    consent = Consent.objects.get()
    assert consent.text_hash == hashlib.sha256(seen.encode()).hexdigest()
    assert (consent.version, consent.locale) == (config.CONSENT_VERSION, "fr")


def test_consent_is_recorded_once_for_each_version(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(CONSENT_VERSION="2", CONSENT_TEXT="I agree")
    ada = user_visitor()
    order_tryon(shirt, ada, phone_photo(shade=1), locale="de")
    order_tryon(shirt, ada, phone_photo(shade=2), locale="de")
    order_tryon(shirt, ada, phone_photo(shade=3), consent=False)
    consent = Consent.objects.get()
    assert (consent.version, consent.locale, consent.recipient) == ("2", "de", "Pixazo")
    assert consent.text_hash == hashlib.sha256(b"I agree").hexdigest()

    vton(CONSENT_VERSION="3", IN_FLIGHT=9)
    with pytest.raises(Refused, match="consent_required"):
        order_tryon(shirt, ada, phone_photo(shade=4), consent=False)
    photo = PersonPhoto.objects.order_by("created_at")[0]
    with pytest.raises(Refused, match="consent_required"):
        order_tryon(shirt, ada, photo_id=str(photo.pk), consent=False)
    order_tryon(shirt, ada, phone_photo(shade=4))
    assert Consent.objects.count() == 2


def test_a_stored_photo_requires_consent_to_the_current_version(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    ada = user_visitor()
    photo = order_tryon(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    vton(CONSENT_VERSION="2")
    shirt.photo.storage.delete(str(shirt.photo.name))
    with pytest.raises(Refused, match="consent_required"):
        order_tryon(shirt, ada, photo_id=str(photo.pk), consent=False)


def test_a_consent_withdrawn_during_the_request_counts(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    ada = user_visitor()
    order_tryon(shirt, ada, phone_photo(shade=1))
    shopper = get_shopper(ada)
    before = files.names()
    with (
        pytest.raises(Refused, match="consent_required"),
        run_before_statement('UPDATE "vton_shopper"', lambda: privacy.withdraw_consent(shopper)),
    ):
        order_tryon(shirt, ada, phone_photo(shade=2), consent=False)
    assert files.names() == before


def test_a_photo_erased_during_the_request_is_gone(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor()
    photo = order_tryon(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    with (
        pytest.raises(Refused, match="photo_gone"),
        run_before_statement('UPDATE "vton_shopper"', lambda: privacy.delete_photo(photo)),
    ):
        order_tryon(shirt, ada, photo_id=str(photo.pk))


def test_the_photo_is_not_read_without_consent(shirt: Product) -> None:
    class Unread(io.BytesIO):
        def read(self, *_args: Any) -> bytes:
            raise AssertionError("read without consent")

    with pytest.raises(Refused, match="consent_required"):
        request_tryon(TryOnOrder(product=product_ref(shirt), visitor=Visitor(), photo=Unread(b"x")))


def test_withdrawing_consent_deletes_photos_and_cancels_running_try_ons(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    ada = user_visitor()
    done = complete_tryon(order_tryon(shirt, ada, phone_photo(shade=1), keep_photo=True).request)
    running = order_tryon(shirt, ada, phone_photo(shade=2)).request
    with django_capture_on_commit_callbacks(execute=True):
        privacy.withdraw_consent(get_shopper(ada))
    done.refresh_from_db()
    running.refresh_from_db()
    assert (done.state, done.photo, running.state) == (State.COMPLETED, None, State.CANCELED)
    assert running.attempts.get().money == "free"
    assert files.names("photos") == set()
    assert len(files.names("results")) == 2
    with pytest.raises(Refused, match="consent_required"):
        order_tryon(shirt, ada, phone_photo(shade=1), consent=False)
    order_tryon(shirt, ada, phone_photo(shade=1))
    assert Consent.objects.filter(withdrawn_at=None).count() == 1
