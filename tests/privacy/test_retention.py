from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from django_vton import lifecycle, privacy
from django_vton.intake import feedback
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    Consent,
    PersonPhoto,
    ProductImage,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
    VendorLink,
)
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from django_vton.storage import private_storage
from django_vton.worker import result_images
from shop.models import Kind, Product

from ..intake_helpers import (
    StoredFiles,
    get_shopper,
    order_tryon,
    rolled_back,
    run_concurrently,
    user_visitor,
)
from ..tryons import claim_for_submit, complete_tryon, make_product

if TYPE_CHECKING:
    from pytest_django import Settings

    from ..conftest import PhotoMaker

Commits = DjangoCaptureOnCommitCallbacks
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Unlistable(FileSystemStorage):
    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError


class Ageless(FileSystemStorage):
    def get_modified_time(self, name: str) -> datetime:
        raise NotImplementedError


class Bucket(FileSystemStorage):
    """As object stores are: no folders, so none "exists", and listing what is not there lists nothing."""

    def exists(self, name: str) -> bool:
        return super().exists(name) and not Path(self.path(name)).is_dir()

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        try:
            folders, names = super().listdir(path)
        except FileNotFoundError:
            return [], []
        return folders, ["", *names]


class Flaky(FileSystemStorage):
    def delete(self, name: str) -> None:
        raise ConnectionError(name)


def use(settings: Settings, backend: type[FileSystemStorage], files: StoredFiles) -> None:
    entry = {
        "BACKEND": f"tests.privacy.test_retention.{backend.__name__}",
        "OPTIONS": {"location": files.root},
    }
    settings.STORAGES = {**settings.STORAGES, "vton": entry}


def shared_pair(shirt: Product, house_model: PersonPhoto) -> tuple[TryOnRequest, TryOnRequest, TryOnRequest]:
    """A house render and two shoppers who share it, all completed."""
    ada, bob = (
        order_tryon(shirt, user_visitor(name), photo_id=str(house_model.pk)).request
        for name in ("ada", "bob")
    )
    assert ada.source is not None
    source = complete_tryon(ada.source)
    ada.refresh_from_db()
    bob.refresh_from_db()
    return source, ada, bob


# Erasing --------------------------------------------------------------------------------------------


def test_an_erased_try_on_is_a_tombstone(
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
    with django_capture_on_commit_callbacks(execute=True):
        privacy.erase_tryon(row)

    row.refresh_from_db()
    assert (row.state, row.shopper, row.photo, row.idempotency_key) == (State.COMPLETED, None, None, None)
    assert (row.cache_key, row.result_urls, row.feedback, row.feedback_reason) == ("", [], "", "")
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
def test_a_running_one_is_canceled_first_and_its_result_dropped(
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
    # A pump that was fetching meanwhile comes too late.
    images = result_images.store(row, [])
    assert not lifecycle.completed(row, images)
    assert not PersonPhoto.objects.exists()


def test_a_photo_stays_while_something_uses_it(
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


def test_who_shares_a_result_keeps_it(
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


def test_erasing_a_follower_touches_only_itself(shirt: Product, house_model: PersonPhoto) -> None:
    source, ada, bob = shared_pair(shirt, house_model)
    privacy.erase_tryon(ada)
    bob.refresh_from_db()
    assert bob.shown_images == list(source.images.all()) != []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("house_model")
def test_a_deleted_user_takes_everything_along(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    lying = files.names("photos")
    done = complete_tryon(
        order_tryon(shirt, user_visitor("ada"), phone_photo(shade=1), keep_photo=True).request
    )
    running = order_tryon(shirt, user_visitor("ada"), phone_photo(shade=2)).request
    other = order_tryon(shirt, user_visitor("bob"), phone_photo(shade=3)).request
    user = User.objects.get(username="ada")

    with rolled_back():
        user.delete()
    assert len(files.names("photos") - lying) == 6  # what is rolled back loses no file
    assert Shopper.objects.count() == 2

    user = User.objects.get(username="ada")
    user.delete()
    done.refresh_from_db()
    running.refresh_from_db()
    assert (done.shopper, running.shopper, running.state) == (None, None, State.CANCELED)
    assert done.erased_at
    assert Shopper.objects.get() == other.shopper
    assert {photo.shopper for photo in PersonPhoto.objects.filter(kind="own")} == {other.shopper}
    assert len(files.names("photos") - lying) == 2
    assert files.names("results") == set()
    assert Attempt.objects.count() == 3


class Member(User):
    class Meta:
        app_label = "catalogue"
        proxy = True


@pytest.mark.parametrize("how", ["proxy", "query", "shopper"])
def test_however_a_shopper_goes_nothing_stays(shirt: Product, phone_photo: PhotoMaker, how: str) -> None:
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
def test_an_erasure_and_a_request_at_once_leave_nothing_half(shirt: Product, phone_photo: PhotoMaker) -> None:
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


# Export ---------------------------------------------------------------------------------------------


def test_the_export_tells_all_and_of_nobody_else(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor("ada")
    first = complete_tryon(
        order_tryon(shirt, ada, phone_photo(shade=1), keep_photo=True, locale="de").request
    )
    again = order_tryon(shirt, ada, phone_photo(shade=1)).request
    other = order_tryon(shirt, user_visitor("bob"), phone_photo(shade=2)).request
    feedback.save(first, "dislike", "not_like_me")
    told = privacy.export_shopper(get_shopper(ada))

    text = json.dumps(told)
    assert str(other.pk) not in text
    assert str(other.photo_id) not in text
    assert {it["id"] for it in told["try_ons"]} == {str(first.pk), str(again.pk)}
    image = str(first.images.get().pk)
    assert [it["images"] for it in told["try_ons"]] == [[image], [image]]
    opinions = [(it["feedback"], it["feedback_reason"]) for it in told["try_ons"]]
    assert opinions == [("dislike", "not_like_me"), ("", "")]
    assert [(it["id"], it["kept"]) for it in told["photos"]] == [(str(first.photo_id), True)]
    assert told["consents"][0] | {"locale": "de", "recipient": "Pixazo"} == told["consents"][0]
    assert [it["used"] for it in told["quotas"]] == [1]
    assert told["shopper"]["created_at"]
    assert not any(privacy.export_shopper(None).values())
    assert privacy.export_shopper(None).keys() == told.keys()


# Retention ------------------------------------------------------------------------------------------


def gone(**expected: int) -> dict[str, int]:
    kinds = ("photos", "try_ons", "product_images", "quotas", "phone_links", "guests", "photo_accesses", "drafts")
    return dict.fromkeys((*kinds, "files"), 0) | expected


@pytest.mark.django_db(transaction=True)
def test_each_kind_goes_in_its_time_and_once(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    now = timezone.now()
    guest = Visitor()
    once = complete_tryon(order_tryon(shirt, guest, phone_photo(shade=1)).request)
    kept = complete_tryon(order_tryon(shirt, guest, phone_photo(shade=2), keep_photo=True).request)
    assert privacy.purge(now) == gone()
    assert privacy.purge(now + HOUR + DAY / 24) == gone(photos=1)
    assert privacy.purge(now + HOUR + DAY / 24) == gone()
    assert PersonPhoto.objects.get() == kept.photo
    assert privacy.purge(now + DAY + HOUR) == gone(photos=1)
    assert files.names("photos") == set()
    assert privacy.purge(now + 8 * DAY) == gone(product_images=1)
    assert files.names("products") == set()
    assert len(files.names("results")) == 4
    assert privacy.purge(now + 31 * DAY) == gone(try_ons=2, guests=1)
    assert files.names() == set()
    for row in (once, kept):
        row.refresh_from_db()
        assert row.erased_at
        assert row.attempts.get().money == "spent"
    assert privacy.purge(now + 42 * DAY) == gone()
    assert privacy.purge(now + 400 * DAY) == gone()


def test_what_a_running_try_on_needs_stays(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    row = order_tryon(shirt, Visitor(), phone_photo()).request
    claim_for_submit(row)
    assert privacy.purge(timezone.now() + 400 * DAY) == gone(quotas=1)
    row.refresh_from_db()
    assert row.shopper is not None
    assert row.photo is not None
    assert row.product_image is not None
    assert len(files.names()) == 3


def test_a_published_render_stays_and_blocks_no_other(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy.retention, "MAX_ROWS", 1)
    published = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=1)).request)
    published.images.update(published_at=timezone.now())
    plain = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=2)).request)
    later = timezone.now() + 31 * DAY
    assert privacy.purge(later)["try_ons"] == 1
    published.refresh_from_db()
    plain.refresh_from_db()
    assert (published.erased_at is None, plain.erased_at is None) == (True, False)


def test_house_models_never_expire(house_model: PersonPhoto) -> None:
    privacy.purge(timezone.now() + 4000 * DAY)
    assert PersonPhoto.objects.get() == house_model


def test_a_purge_ends_in_time_and_goes_on_later(shirt: Product, phone_photo: PhotoMaker) -> None:
    for shade in range(3):
        complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=shade)).request)
    later = timezone.now() + 2 * HOUR
    assert [privacy.purge(later, seconds=0)["photos"] for _ in range(4)] == [1, 1, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_two_purges_at_once_delete_each_row_once(
    shirt: Product, phone_photo: PhotoMaker, files: StoredFiles
) -> None:
    for shade in range(3):
        complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=shade)).request)
    later = timezone.now() + 31 * DAY
    counts = run_concurrently(*[lambda: privacy.purge(later)] * 2)
    dicts: list[dict[str, Any]] = [count for count in counts if isinstance(count, dict)]
    assert len(dicts) == 2, counts
    assert sum(count["photos"] for count in dicts) == 3
    assert files.names() == set()
    assert TryOnRequest.objects.exclude(erased_at=None).count() == 3


def test_a_reused_product_picture_is_young_again(shirt: Product, phone_photo: PhotoMaker) -> None:
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=1)).request)
    ProductImage.objects.update(used_at=timezone.now() - 8 * DAY)
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(shade=2)).request)
    assert privacy.purge()["product_images"] == 0


# The sweep ------------------------------------------------------------------------------------------


def orphans(files: StoredFiles) -> tuple[str, str]:
    """One left over two hours ago, and one that is being stored just now."""
    storage = private_storage()
    names = [
        storage.save(f"vton/{folder}/ab/left.jpg", ContentFile(b"x")) for folder in ("photos", "results")
    ]
    ago = timezone.now().timestamp() - 7200
    os.utime(files.root / names[0], (ago, ago))
    return names[0], names[1]


@pytest.mark.parametrize("backend", [None, Bucket])
def test_left_over_files_go_and_fresh_ones_stay(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    settings: Settings,
    backend: type[FileSystemStorage] | None,
) -> None:
    if backend:
        use(settings, backend, files)
    complete_tryon(order_tryon(shirt, user_visitor(), phone_photo(), keep_photo=True).request)
    for path in files.root.rglob("*.jpg"):
        os.utime(path, (0, 0))
    known = files.names()
    _old, fresh = orphans(files)
    foreign = files.root / "vton" / "other" / "ab" / "shop.jpg"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x")
    os.utime(foreign, (0, 0))
    assert privacy.purge()["files"] == 1
    assert files.names() == known | {fresh, "vton/other/ab/shop.jpg"}
    assert privacy.purge()["files"] == 0


@pytest.mark.parametrize("backend", [Unlistable, Ageless])
@pytest.mark.django_db
def test_a_storage_that_cannot_tell_is_left_alone(
    files: StoredFiles, settings: Settings, backend: type[FileSystemStorage]
) -> None:
    use(settings, backend, files)
    before = set(orphans(files))
    assert privacy.purge() == gone()
    assert files.names() == before


@pytest.mark.django_db
def test_missing_folders_are_no_matter(files: StoredFiles) -> None:
    assert privacy.purge() == gone()
    files.root.mkdir()
    (files.root / "vton").write_bytes(b"no folder")
    assert privacy.purge() == gone()


@pytest.mark.django_db(transaction=True)
def test_a_storage_that_fails_to_delete_breaks_nothing(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: StoredFiles,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = complete_tryon(order_tryon(shirt, user_visitor(), phone_photo()).request)
    use(settings, Flaky, files)
    privacy.erase_tryon(row)
    row.refresh_from_db()
    assert row.erased_at
    assert not TryOnImage.objects.exists()
    assert "ConnectionError" in caplog.text
    assert files.names("photos")


@pytest.mark.django_db(transaction=True)
def test_files_go_with_the_commit_and_not_before(phone_photo: PhotoMaker, files: StoredFiles) -> None:
    product = make_product("shirt", Kind.TOP)
    row = complete_tryon(order_tryon(product, user_visitor(), phone_photo()).request)
    before = files.names()
    with rolled_back():
        privacy.erase_tryon(row)
    assert files.names() == before
    row.refresh_from_db()
    assert row.erased_at is None
    with transaction.atomic():
        privacy.erase_tryon(row)
        assert files.names() == before
    assert files.names("photos") == files.names("results") == set()
