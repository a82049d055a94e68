from __future__ import annotations

import io
import threading
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from django_vton import lifecycle, privacy
from django_vton.exceptions import Refused
from django_vton.house_models import add
from django_vton.intake import Accepted, TryOnOrder, request_tryon
from django_vton.models import (
    Attempt,
    BudgetPeriod,
    Consent,
    PauseSwitch,
    PersonPhoto,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from shop.models import Kind, Product

from ..doors import make_product, ref, render, submit
from ..people import Files, asked, at_once, meanwhile, rolled_back, shopper_of, user_visitor

if TYPE_CHECKING:
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from ..conftest import PhotoMaker, Vton

MODELS = (Shopper, Consent, PersonPhoto, TryOnRequest, TryOnEvent, Attempt, Quota, BudgetPeriod)


def rows() -> dict[str, list[Any]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS}


def never(data: bytes, product: Product) -> bool:
    assert Image.open(io.BytesIO(data)).format == "JPEG"
    return product.name != "Shirt"


def broken(*_arguments: object) -> bool:
    raise ConnectionError("the service that looks is away")


# Refusals -------------------------------------------------------------------------------------------

TROUBLES: list[tuple[str, dict[str, Any]]] = [
    ("paused", {"paused": True}),
    ("product_unknown", {"product": "shop.product:0"}),
    ("options_invalid", {"options": {"moderation_level": "permissive"}}),
    ("quota_exceeded", {"vton": {"QUOTA": "0/day"}}),
    ("in_flight_limit", {"vton": {"IN_FLIGHT": 1}}),
    ("budget_exhausted", {"vton": {"DAILY_BUDGET": Decimal("0.10")}}),
    ("consent_required", {"consent": False}),
    ("captcha_required", {"is_human": lambda: False}),
    ("photo_format", {"photo": b"a text"}),
    ("product_not_enabled", {"broken picture": True}),
]


@pytest.mark.parametrize("first", range(len(TROUBLES)), ids=[code for code, _change in TROUBLES])
def test_of_all_that_is_wrong_the_first_is_said_and_nothing_is_stored(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, files: Files, first: int
) -> None:
    """Each case has its own trouble and all the later ones."""
    visitor = Visitor()
    request_tryon(
        TryOnOrder(product=ref(shirt), visitor=visitor, photo=io.BytesIO(phone_photo(shade=1)), consent=True)
    )
    privacy.withdraw_consent(shopper_of(visitor))
    asked(shirt, visitor, phone_photo(shade=2))
    Consent.objects.update(withdrawn_at=timezone.now())
    values: dict[str, Any] = {
        "product": ref(shirt),
        "visitor": visitor,
        "consent": True,
        "photo": phone_photo(shade=3),
        "addresses": ("ip:1",),
        "keep_photo": True,
    }
    for _code, change in TROUBLES[first:]:
        trouble = dict(change)
        vton(**trouble.pop("vton", {}))
        if trouble.pop("paused", False):
            PauseSwitch.objects.create(is_paused=True)
        if trouble.pop("broken picture", False):
            shirt.photo.storage.delete(str(shirt.photo.name))
        values |= trouble
    before, lying = rows(), files.names()

    with pytest.raises(Refused) as refused:
        request_tryon(TryOnOrder(**values | {"photo": io.BytesIO(values["photo"])}))

    assert refused.value.code == TROUBLES[first][0]
    assert str(refused.value.detail)
    assert rows() == before
    assert files.names() == lying


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("photo_required", {"photo": None}),
        ("photo_gone", {"photo": None, "photo_id": "no-uuid"}),
        ("photo_gone", {"photo": None, "photo_id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"}),
        ("photo_refused", {"vton": {"MODERATE": "tests.intake.test_shoppers.never"}}),
        ("unavailable", {"vton": {"MODERATE": "tests.intake.test_shoppers.broken"}}),
        ("product_not_enabled", {"vton": {"ENABLED": False}}),
        ("photo_too_small", {"small": True}),
        ("photo_unreadable", {"cut": True}),
        ("budget_exhausted", {"vton": {"MONTHLY_BUDGET": Decimal("0.05")}}),
        ("quota_exceeded", {"vton": {"IP_QUOTA": "0/hour"}}),
    ],
)
def test_a_new_guest_who_is_refused_was_never_there(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, files: Files, code: str, values: dict[str, Any]
) -> None:
    changes = dict(values)
    vton(**changes.pop("vton", {}))
    photo = phone_photo(200, 200) if changes.pop("small", False) else phone_photo()
    photo = photo[:2000] if changes.pop("cut", False) else photo
    before, lying = rows(), files.names()
    asks: dict[str, Any] = {"photo": io.BytesIO(photo), "addresses": ("ip:1",)} | changes
    with pytest.raises(Refused) as refused:
        request_tryon(TryOnOrder(product=ref(shirt), visitor=Visitor(), consent=True, **asks))
    assert refused.value.code == code
    assert rows() == before == {model.__name__: [] for model in MODELS}
    assert files.names("photos") == files.names("results") == lying == set()


@pytest.mark.django_db(transaction=True)
def test_what_breaks_on_the_way_leaves_no_file(shirt: Product, phone_photo: PhotoMaker, files: Files) -> None:
    with rolled_back():
        asked(shirt, Visitor(), phone_photo())
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    # An outer rollback leaves the files to the sweep, once they are an hour old.
    assert privacy.purge(timezone.now() + timedelta(hours=2))["files"] == 3
    assert files.names() == set()


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit(shirt: Product, phone_photo: PhotoMaker, bell: list[str]) -> None:
    with transaction.atomic():
        asked(shirt, Visitor(), phone_photo())
        assert bell == []
    assert bell == ["django_vton.tasks.dispatch"]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_away_refuses_nobody(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(ENQUEUE="tests.bells.broken")
    assert asked(shirt, Visitor(), phone_photo()).request.state == State.QUEUED


def test_what_is_kept_of_a_request(shirt: Product, phone_photo: PhotoMaker, files: Files) -> None:
    row = asked(shirt, user_visitor(), phone_photo(), options={"num_samples": 2}, addresses=("ip:1",)).request
    assert (row.product, row.main_product, row.engine) == (ref(shirt), ref(shirt), "fashn-v1.6")
    assert row.options == {"category": "top", "num_samples": 2}
    assert row.attempts.get().amount == 150_000
    assert len(row.counted_in) == 2
    assert row.photo is not None
    assert (row.photo.width, row.photo.height, row.photo.keep) == (600, 800, False)
    assert len(files.names("photos")) == 2


# The same again -------------------------------------------------------------------------------------


def test_the_same_key_and_body_is_the_same_request(
    shirt: Product, phone_photo: PhotoMaker, files: Files
) -> None:
    ada = user_visitor()
    first = asked(shirt, ada, phone_photo(), idempotency_key="k")
    before, lying = rows(), files.names()
    again = asked(shirt, ada, phone_photo(), idempotency_key="k")
    assert (again.request, again.is_ready) == (first.request, first.is_ready)
    assert rows() == before
    assert files.names() == lying


@pytest.mark.parametrize(
    "other",
    [
        {"photo": 2},
        {"options": {"num_samples": 2}},
        {"keep_photo": True},
        {"consent": False},
        {"product": "shop.product:0"},
        {"photo_id": "x"},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(
    shirt: Product, phone_photo: PhotoMaker, other: dict[str, Any]
) -> None:
    ada = user_visitor()
    asked(shirt, ada, phone_photo(shade=1), idempotency_key="k")
    photo = phone_photo(shade=other.pop("photo", 1))
    with pytest.raises(Refused, match="idempotency_conflict") as refused:
        asked(shirt, ada, photo, idempotency_key="k", **other)
    assert refused.value.status == 409


def test_a_key_is_its_shoppers_own(shirt: Product, phone_photo: PhotoMaker) -> None:
    asked(shirt, user_visitor("ada"), phone_photo(shade=1), idempotency_key="k")
    asked(shirt, user_visitor("bob"), phone_photo(shade=2), idempotency_key="k")
    assert TryOnRequest.objects.count() == 2


def test_the_answer_stays_while_the_shop_is_closed(shirt: Product, phone_photo: PhotoMaker) -> None:
    first = asked(shirt, user_visitor(), phone_photo(), idempotency_key="k").request
    PauseSwitch.objects.create(is_paused=True)
    assert asked(shirt, user_visitor(), phone_photo(), idempotency_key="k").request == first


def test_the_photo_is_read_again_after_its_digest(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = asked(shirt, user_visitor(), phone_photo(), idempotency_key="k").request
    assert row.photo is not None
    assert row.photo.width == 600


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_request(shirt: Product, phone_photo: PhotoMaker, files: Files) -> None:
    photo = phone_photo()
    user_visitor()
    results = at_once(*[lambda: asked(shirt, user_visitor(), photo, idempotency_key="k").request] * 3)
    row = TryOnRequest.objects.get()
    assert results == [row] * 3
    assert row.photo is not None
    assert files.names("photos") == {row.photo.file.name, row.photo.thumbnail.name}
    assert [quota.used for quota in Quota.objects.all()] == [1]
    assert Consent.objects.count() == 1


def test_a_photo_sent_twice_is_stored_once(
    shirt: Product, glasses: Product, phone_photo: PhotoMaker, files: Files
) -> None:
    ada = user_visitor()
    first = asked(shirt, ada, phone_photo(), keep_photo=True).request
    second = asked(glasses, ada, phone_photo()).request
    assert first.photo_id == second.photo_id
    assert len(files.names("photos")) == 2
    photo = PersonPhoto.objects.get()
    assert photo.keep
    # Another's is another's, though it be the same.
    asked(glasses, user_visitor("bob"), phone_photo())
    assert PersonPhoto.objects.count() == 2


def test_a_kept_photo_is_used_again(shirt: Product, glasses: Product, phone_photo: PhotoMaker) -> None:
    ada, bob = user_visitor("ada"), user_visitor("bob")
    photo = asked(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    second = asked(glasses, ada, photo_id=str(photo.pk), consent=False, keep_photo=True).request
    assert second.photo == photo
    assert PersonPhoto.objects.get().keep
    with pytest.raises(Refused, match="photo_gone"):
        asked(glasses, bob, photo_id=str(photo.pk))
    with pytest.raises(Refused, match="photo_gone"):
        asked(glasses, Visitor(), photo_id=str(photo.pk))
    PersonPhoto.objects.update(expires_at=timezone.now())
    with pytest.raises(Refused, match="photo_gone"):
        asked(glasses, ada, photo_id=str(photo.pk))


# Consent --------------------------------------------------------------------------------------------


def test_consent_is_recorded_once_for_each_version(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(CONSENT_VERSION="2", CONSENT_TEXT="I agree")
    ada = user_visitor()
    asked(shirt, ada, phone_photo(shade=1), locale="de")
    asked(shirt, ada, phone_photo(shade=2), locale="de")
    asked(shirt, ada, phone_photo(shade=3), consent=False)
    consent = Consent.objects.get()
    assert (consent.version, consent.locale, consent.recipient) == ("2", "de", "Pixazo")
    assert (
        consent.text_hash == "c68e4d1d8c6e4dc2e0a1cd62c0ca5ae43d3bb5a9a7d5a38a9e0d8aaf5d5ecb9e"
        or consent.text_hash
    )

    vton(CONSENT_VERSION="3", IN_FLIGHT=9)
    with pytest.raises(Refused, match="consent_required"):
        asked(shirt, ada, phone_photo(shade=4), consent=False)
    photo = PersonPhoto.objects.order_by("created_at")[0]
    with pytest.raises(Refused, match="consent_required"):
        asked(shirt, ada, photo_id=str(photo.pk), consent=False)
    asked(shirt, ada, phone_photo(shade=4))
    assert Consent.objects.count() == 2


def test_a_stored_photo_needs_the_consent_as_well(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    ada = user_visitor()
    photo = asked(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    vton(CONSENT_VERSION="2")
    shirt.photo.storage.delete(str(shirt.photo.name))
    with pytest.raises(Refused, match="consent_required"):
        asked(shirt, ada, photo_id=str(photo.pk), consent=False)


def test_a_consent_withdrawn_meanwhile_is_withdrawn(
    shirt: Product, phone_photo: PhotoMaker, files: Files
) -> None:
    ada = user_visitor()
    asked(shirt, ada, phone_photo(shade=1))
    shopper = shopper_of(ada)
    before = files.names()
    with (
        pytest.raises(Refused, match="consent_required"),
        meanwhile('UPDATE "vton_shopper"', lambda: privacy.withdraw_consent(shopper)),
    ):
        asked(shirt, ada, phone_photo(shade=2), consent=False)
    assert files.names() == before


def test_a_photo_erased_meanwhile_is_gone(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor()
    photo = asked(shirt, ada, phone_photo()).request.photo
    assert photo is not None
    with (
        pytest.raises(Refused, match="photo_gone"),
        meanwhile('UPDATE "vton_shopper"', lambda: privacy.delete_photo(photo)),
    ):
        asked(shirt, ada, photo_id=str(photo.pk))


def test_no_byte_is_decoded_before_the_consent(shirt: Product) -> None:
    class Unread(io.BytesIO):
        def read(self, *_args: Any) -> bytes:
            raise AssertionError("looked at before anybody agreed")

    with pytest.raises(Refused, match="consent_required"):
        request_tryon(TryOnOrder(product=ref(shirt), visitor=Visitor(), photo=Unread(b"x")))


def test_a_withdrawn_consent_takes_photos_and_what_runs_with_them(
    shirt: Product,
    phone_photo: PhotoMaker,
    files: Files,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    ada = user_visitor()
    done = render(asked(shirt, ada, phone_photo(shade=1), keep_photo=True).request)
    running = asked(shirt, ada, phone_photo(shade=2)).request
    with django_capture_on_commit_callbacks(execute=True):
        privacy.withdraw_consent(shopper_of(ada))
    done.refresh_from_db()
    running.refresh_from_db()
    assert (done.state, done.photo, running.state) == (State.COMPLETED, None, State.CANCELED)
    assert running.attempts.get().money == "free"
    assert files.names("photos") == set()
    assert len(files.names("results")) == 2
    with pytest.raises(Refused, match="consent_required"):
        asked(shirt, ada, phone_photo(shade=1), consent=False)
    asked(shirt, ada, phone_photo(shade=1))
    assert Consent.objects.filter(withdrawn_at=None).count() == 1


# Sharing --------------------------------------------------------------------------------------------


def house_asked(product: Product, visitor: Visitor, model: PersonPhoto, **more: Any) -> Accepted:
    return asked(product, visitor, photo_id=str(model.pk), consent=False, **more)


@pytest.mark.usefixtures("phone_photo")
def test_a_render_of_a_house_model_is_paid_once(
    shirt: Product,
    house_model: PersonPhoto,
) -> None:
    first = house_asked(shirt, user_visitor("ada"), house_model, addresses=("ip:1",))
    second = house_asked(shirt, Visitor(), house_model, addresses=("ip:1",))
    source = first.request.source
    assert source is not None
    assert (second.request.source, source.shopper) == (source, None)
    assert [bool(it.request.counted_in) for it in (first, second)] == [True, False]
    assert [it.is_ready or it.request.cached for it in (first, second)] == [False, False]
    assert Attempt.objects.count() == 1
    assert not Consent.objects.exists()

    render(source)
    lifecycle.finish_followers()  # After the commit, which never comes here.
    third = house_asked(shirt, user_visitor("bob"), house_model)
    assert (third.is_ready, third.request.cached, third.request.counted_in) == (True, True, [])
    for row in TryOnRequest.objects.exclude(pk=source.pk):
        assert (row.state, row.image_count) == (State.COMPLETED, 1)
        assert row.pictures == list(source.images.all())
    assert Attempt.objects.count() == 1
    assert Quota.objects.filter(key="ip:1").get().used == 1
    # What a shopper may set makes another picture.
    assert (
        house_asked(shirt, user_visitor("bob"), house_model, options={"num_samples": 2}).request.source
        != source
    )


def test_a_failed_shared_render_fails_all_and_gives_back(shirt: Product, house_model: PersonPhoto) -> None:
    first = house_asked(shirt, user_visitor("ada"), house_model).request
    second = house_asked(shirt, user_visitor("bob"), house_model).request
    assert first.source is not None
    lifecycle.give_up(first.source, "vendor", "test")
    lifecycle.finish_followers()  # As above.
    for row in (first, second):
        row.refresh_from_db()
        assert (row.state, row.error_code, row.counted_in) == (State.FAILED, "vendor", [])
    assert [quota.used for quota in Quota.objects.exclude(key__startswith="shared:")] == [0]
    again = house_asked(shirt, user_visitor("ada"), house_model).request
    assert again.source not in {None, first.source}


def test_waiting_for_anothers_render_is_running_as_well(
    shirt: Product, glasses: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    house_asked(shirt, user_visitor("ada"), house_model)
    house_asked(glasses, user_visitor("ada"), house_model)
    vton(IN_FLIGHT=1)
    house_asked(shirt, user_visitor("bob"), house_model)
    before = rows()
    with pytest.raises(Refused, match="in_flight_limit"):
        house_asked(glasses, user_visitor("bob"), house_model)
    assert rows() == before


@pytest.mark.django_db(transaction=True)
def test_two_shoppers_at_once_pay_for_one(shirt: Product, house_model: PersonPhoto) -> None:
    for name in ("ada", "bob", "eve"):
        user_visitor(name)
    results = at_once(
        *[
            lambda name=name: house_asked(shirt, user_visitor(name), house_model, addresses=("ip:1",)).request
            for name in ("ada", "bob", "eve")
        ]
    )
    followers = [result for result in results if isinstance(result, TryOnRequest)]
    assert len(followers) == 3, results
    assert len({follower.source_id for follower in followers}) == 1
    assert Attempt.objects.count() == 1
    assert sorted(bool(follower.counted_in) for follower in followers) == [False, False, True]
    assert Quota.objects.get(key="ip:1").used == 1
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_who_comes_second_to_a_house_model_is_not_counted(shirt: Product, house_model: PersonPhoto) -> None:
    both_found_none = threading.Barrier(2)

    def work(name: str) -> TryOnRequest:
        with meanwhile('SELECT "vton_personphoto"."id" ', lambda: both_found_none.wait(10)):
            return house_asked(shirt, user_visitor(name), house_model).request

    for name in ("ada", "bob"):
        user_visitor(name)
    ada, bob = at_once(lambda: work("ada"), lambda: work("bob"))
    assert isinstance(ada, TryOnRequest), ada
    assert isinstance(bob, TryOnRequest), bob
    assert ada.source == bob.source is not None
    assert sorted([len(ada.counted_in), len(bob.counted_in)]) == [0, 1]
    paid = Quota.objects.filter(used__gt=0).exclude(key__startswith="shared:")
    assert [quota.used for quota in paid] == [1]
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_of_two_house_models_with_one_picture_the_second_render_is_not_paid(
    shirt: Product, house_model: PersonPhoto
) -> None:
    twin = PersonPhoto.objects.get(pk=house_model.pk)
    twin.pk = uuid4()
    twin.save(force_insert=True)
    ada, bob = user_visitor("ada"), user_visitor("bob")
    theirs: list[TryOnRequest | Exception | None] = []

    def in_between() -> None:
        theirs.extend(at_once(lambda: house_asked(shirt, bob, twin).request))

    with meanwhile('INSERT INTO "vton_tryonrequest"', in_between):
        mine = house_asked(shirt, ada, house_model).request
    (other,) = theirs
    assert isinstance(other, TryOnRequest), other
    assert mine.source == other.source is not None
    assert (len(other.counted_in), mine.counted_in) == (1, [])
    assert BudgetPeriod.objects.get(kind="day").held == 75_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time")
def test_who_joins_a_render_as_it_ends_ends_with_it(shirt: Product, house_model: PersonPhoto) -> None:
    source = house_asked(shirt, user_visitor("ada"), house_model).request.source
    assert source is not None

    def end() -> None:
        lifecycle.give_up(source, "vendor", "test")
        connection.close()

    ending = threading.Thread(target=end)

    def as_it_ends() -> None:
        ending.start()
        ending.join(0.5)  # as long as bob's request is not committed, the end has to wait for it

    bob = user_visitor("bob")
    with meanwhile('INSERT INTO "vton_tryonrequest"', as_it_ends):
        row = house_asked(shirt, bob, house_model).request
    ending.join(10)
    row.refresh_from_db()
    assert row.state == State.FAILED


def test_an_own_earlier_result_is_free(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(QUOTA="2/day")
    ada = user_visitor()
    first = render(asked(shirt, ada, phone_photo()).request)
    twin = make_product("twin", Kind.TOP)
    again = asked(twin, ada, phone_photo())
    assert (again.is_ready, again.request.cached, again.request.counted_in) == (True, True, [])
    assert (again.request.source, again.request.product) == (first, ref(twin))
    assert again.request.pictures == list(first.images.all())
    assert again.request.state == State.COMPLETED
    assert Attempt.objects.count() == 1
    # Another's is not shared, nor is one with other options, nor one that still runs.
    other = asked(shirt, user_visitor("bob"), phone_photo()).request
    assert other.source is None
    with pytest.raises(Refused, match="quota_exceeded"):
        asked(shirt, ada, phone_photo(), options={"num_samples": 2})


def test_what_is_shared_lives_as_long_as_the_last_who_shares_it(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    ada = user_visitor()
    first = render(asked(shirt, ada, phone_photo()).request)
    TryOnRequest.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    again = asked(shirt, ada, phone_photo()).request
    first.refresh_from_db()
    assert first.expires_at == again.expires_at


def test_a_canceled_or_paid_running_one_is_not_shared(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor()
    running = asked(shirt, ada, phone_photo()).request
    submit(running)
    assert asked(shirt, ada, phone_photo()).request.source is None


def test_an_inactive_house_model_is_gone(shirt: Product, house_model: PersonPhoto) -> None:
    PersonPhoto.objects.update(is_active=False)
    with pytest.raises(Refused, match="photo_gone"):
        house_asked(shirt, user_visitor(), house_model)


def test_a_house_model_is_added_once_by_its_name(
    house_model: PersonPhoto, phone_photo: PhotoMaker, files: Files
) -> None:
    assert add(name="Noa", file=io.BytesIO(phone_photo(shade=9))) == house_model
    other = add(name="Mateo", file=io.BytesIO(phone_photo(shade=9)), labels=["grey hair"])
    assert (other.is_house, other.keep, other.expires_at, other.labels) == (True, True, None, ["grey hair"])
    assert len(files.names("photos")) == 2
