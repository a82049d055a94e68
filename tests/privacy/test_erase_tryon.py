"""Erase a try-on, and delete a shopper's data in every other way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton import lifecycle, privacy
from django_vton.intake import feedback
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    Consent,
    PersonPhoto,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
    VendorLink,
)
from django_vton.models.states import State
from django_vton.worker import result_images
from shop.models import Product

from ..intake_helpers import (
    StoredFiles,
    get_shopper,
    order_tryon,
    rolled_back,
    run_concurrently,
    user_visitor,
)
from ..tryons import claim_for_submit, complete_tryon

if TYPE_CHECKING:
    from ..conftest import PhotoMaker

Commits = DjangoCaptureOnCommitCallbacks
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def shared_pair(shirt: Product, house_model: PersonPhoto) -> tuple[TryOnRequest, TryOnRequest, TryOnRequest]:
    """Return three completed try-ons: a render of a house model, and two of shoppers who share it."""
    ada, bob = (
        order_tryon(shirt, user_visitor(name), photo_id=str(house_model.pk)).request
        for name in ("ada", "bob")
    )
    assert ada.source is not None
    source = complete_tryon(ada.source)
    ada.refresh_from_db()
    bob.refresh_from_db()
    return source, ada, bob


def test_an_erased_try_on_keeps_its_costs_and_no_personal_data(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    django_capture_on_commit_callbacks: Commits,
) -> None:
    accepted = order_tryon(shirt, user_visitor(), phone_photo(), idempotency_key="k", addresses=("ip:1",))
    row = complete_tryon(accepted.request)
    spent, quota = BudgetPeriod.objects.values_list("spent", "held"), Quota.objects.values_list("used")
    before = [list(spent), list(quota)]
    feedback.save(row, "dislike", "fit")
    assert row.idempotency_digest
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase_tryon(row)

    row.refresh_from_db()
    assert (row.state, row.shopper, row.photo) == (State.COMPLETED, None, None)
    assert row.idempotency_key_hash is None
    assert (row.cache_key, row.result_urls, row.idempotency_digest) == ("", [], "")
    assert (row.feedback, row.feedback_reason) == ("", "")
    assert row.erased_at is not None
    assert not TryOnImage.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert files.names("photos") == files.names("results") == set()
    assert row.attempts.get().money == "spent"
    assert [list(spent.all()), list(quota.all())] == before
    events = TryOnEvent.objects.count()
    privacy.erase_tryon(row)
    assert TryOnEvent.objects.count() == events


@pytest.mark.parametrize("state", ["queued", "submitting", "rendered"])
@pytest.mark.usefixtures("files")
def test_a_running_try_on_is_canceled_and_its_result_dropped(
    shirt: Product, phone_photo: PhotoMaker, state: str
) -> None:
    row = order_tryon(shirt, user_visitor(), phone_photo()).request
    if state != "queued":
        claim_for_submit(row)
        VendorLink.objects.create(
            token_hash="x", attempt=row.attempts.get(), photo=row.photo, expires_at=timezone.now() + HOUR
        )
    if state == "rendered":
        TryOnRequest.objects.filter(pk=row.pk).update(state=State.RENDERED)
    privacy.erase_tryon(row)
    row.refresh_from_db()
    assert row.state == State.CANCELED
    assert row.attempts.get().money == ("free" if state == "queued" else "spent")
    assert not VendorLink.objects.exists()
    # A worker that was downloading the result meanwhile cannot store it.
    images = result_images.store(row, [])
    assert not lifecycle.mark_completed([(row, images)])
    assert not PersonPhoto.objects.exists()


def test_a_photo_stays_while_a_try_on_uses_it_or_the_shopper_keeps_it(
    shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    ada = user_visitor()
    first, second = (order_tryon(product, ada, phone_photo()).request for product in (shirt, glasses))
    privacy.erase_tryon(first)
    assert PersonPhoto.objects.count() == 1
    privacy.erase_tryon(second)
    assert not PersonPhoto.objects.exists()
    kept = order_tryon(shirt, ada, phone_photo(), keep_photo=True).request
    privacy.erase_tryon(kept)
    assert PersonPhoto.objects.count() == 1


def test_shoppers_who_share_a_result_keep_it(
    shirt: Product,
    house_model: PersonPhoto,
    files: StoredFiles,
    django_capture_on_commit_callbacks: Commits,
) -> None:
    source, ada, bob = shared_pair(shirt, house_model)
    canceled = TryOnRequest.objects.create(
        source=source, shopper=Shopper.objects.create(), state=State.CANCELED, product=source.product
    )
    TryOnRequest.objects.filter(pk=canceled.pk).update(created_at=timezone.now() - DAY)
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase_tryon(source)
    ada.refresh_from_db()
    bob.refresh_from_db()
    assert (ada.source, bob.source) == (None, ada)
    assert ada.shown_images == bob.shown_images == list(TryOnImage.objects.all())
    assert len(files.names("results")) == 2
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase_tryon(ada)
    bob.refresh_from_db()
    assert (bob.source, len(bob.shown_images)) == (None, 1)
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase_tryon(bob)
    assert files.names("results") == set()
    assert PersonPhoto.objects.get() == house_model


def test_erasing_a_follower_changes_no_other_try_on(shirt: Product, house_model: PersonPhoto) -> None:
    source, ada, bob = shared_pair(shirt, house_model)
    privacy.erase_tryon(ada)
    bob.refresh_from_db()
    assert bob.shown_images == list(source.images.all()) != []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("house_model")
def test_deleting_a_user_erases_everything_of_theirs(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    before = files.names("photos")
    done = complete_tryon(
        order_tryon(shirt, user_visitor("ada"), phone_photo(shade=1), keep_photo=True).request
    )
    running = order_tryon(shirt, user_visitor("ada"), phone_photo(shade=2)).request
    other = order_tryon(shirt, user_visitor("bob"), phone_photo(shade=3)).request
    user = User.objects.get(username="ada")

    with rolled_back():
        user.delete()
    assert len(files.names("photos") - before) == 6  # The rollback deletes no file.
    assert Shopper.objects.count() == 2

    user = User.objects.get(username="ada")
    user.delete()
    done.refresh_from_db()
    running.refresh_from_db()
    assert (done.shopper, running.shopper, running.state) == (None, None, State.CANCELED)
    assert done.erased_at
    assert Shopper.objects.get() == other.shopper
    assert {photo.shopper for photo in PersonPhoto.objects.filter(kind="own")} == {other.shopper}
    assert len(files.names("photos") - before) == 2
    assert files.names("results") == set()
    assert Attempt.objects.count() == 3


class Member(User):
    class Meta:
        app_label = "catalogue"
        proxy = True


@pytest.mark.parametrize("how", ["proxy", "query", "shopper"])
def test_every_way_to_delete_a_shopper_erases_everything(
    shirt: Product, phone_photo: PhotoMaker, how: str
) -> None:
    row = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(), keep_photo=True).request)
    if how == "proxy":
        Member.objects.get().delete()
    elif how == "query":
        User.objects.all().delete()
    else:
        Shopper.objects.all().delete()
    row.refresh_from_db()
    assert row.erased_at
    assert not PersonPhoto.objects.exists()
    assert not TryOnImage.objects.exists()
    assert not Consent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_concurrent_erasure_and_order_leave_nothing_incomplete(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    ada = user_visitor()
    order_tryon(shirt, ada, phone_photo(shade=1))
    shopper = get_shopper(ada)
    outcomes = run_concurrently(
        lambda: privacy.erase_shopper(shopper),
        lambda: bool(order_tryon(shirt, user_visitor(), phone_photo(shade=2))),
    )
    assert outcomes == [None, True]
    for row in TryOnRequest.objects.all():
        assert (row.shopper is None) == (row.erased_at is not None)
    assert all(photo.shopper is not None for photo in PersonPhoto.objects.all())
