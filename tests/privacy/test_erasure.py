"""A shopper who used every feature is erased, and nothing of theirs is left in any table, session or file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.apps import apps
from django.conf import settings as active
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from django_vton import conversions, lifecycle, privacy, queue
from django_vton.models import (
    Attempt,
    Consent,
    Conversion,
    Incident,
    PersonPhoto,
    PhoneLink,
    PhotoAccess,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
)
from django_vton.models.states import State
from django_vton.monitoring import incidents
from django_vton.shoppers import SESSION_KEY, address_keys
from django_vton.utils.tokens import hash_token
from shop.models import Kind

from ..tryons import (
    TRY_ONS,
    claim_for_submit,
    complete_tryon,
    create_tryon,
    error_code,
    make_product,
    post_tryon,
    product_ref,
    read_stream,
)
from ..web.phone.steps import HOST, connect
from ..web.test_files import staff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton
    from ..intake_helpers import StoredFiles

ADDRESS = "203.0.113.77"
NAME = "ada.lovelace@example.org"

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Life:
    """What one shopper did, and by what they could be known."""

    browser: Client
    user: User
    shirt: Product
    coat: Product
    house_model: PersonPhoto
    photo: PhotoMaker
    files: StoredFiles
    try_ons: list[UUID] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    """What a search looks for, each with what it is."""

    def know(self, what: str, *values: Any) -> None:
        """Look for these as well; an id also without its dashes, as some databases write it."""
        for value in filter(None, values):
            self.words[str(value)] = what
            if isinstance(value, UUID):
                self.words[value.hex] = what

    def new(
        self, product: Product | None = None, client: Client | None = None, **fields: Any
    ) -> TryOnRequest:
        """One more try-on; of another photo each time, unless one is named."""
        number = len(self.try_ons) + 1
        key = f"key-{number}-of-ada"
        self.know("an idempotency key", key)
        photo = None if "photo_id" in fields else self.photo(shade=number)
        headers = {"Idempotency-Key": key}
        made = post_tryon(client or self.browser, product or self.shirt, photo, headers=headers, **fields)
        assert made.status_code in {200, 202}, made.content
        row = TryOnRequest.objects.get(pk=made.json()["id"])
        self.try_ons.append(row.pk)
        return row

    def say(self, row: TryOnRequest, **feedback: str) -> None:
        url = f"{TRY_ONS}{row.pk}/feedback/"
        assert self.browser.put(url, feedback, "application/json").status_code == 200


def as_guest(life: Life) -> None:
    """Takes the consent back and gives it again, has a photo kept, and logs in."""
    complete_tryon(life.new())
    session = life.browser.session
    life.know("a guest's token", session[SESSION_KEY], hash_token(session[SESSION_KEY]))
    life.know("a guest's session", session.session_key)
    assert life.browser.delete("/try-on/api/consent/").status_code == 204
    life.say(complete_tryon(life.new(keep_photo="true"), pictures=2), value="like")
    connect(life.browser, Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS), life.shirt)
    know_rows(life, Shopper.objects.get())
    life.browser.force_login(life.user)


def each_end(life: Life) -> None:
    """Completed, the same once more, failed, in doubt, canceled, running, and of a house model."""
    kept = complete_tryon(life.new(keep_photo="true"))
    disliked = complete_tryon(life.new(life.coat, photo_id=str(kept.photo_id)))
    life.say(disliked, value="dislike", reason="not_like_me")
    again = life.new(life.coat, photo_id=str(kept.photo_id))
    assert (again.source, again.state) == (disliked, State.COMPLETED)
    failed = life.new()
    lifecycle.deadline_over(failed, submit_and_hear(failed))
    doubtful = life.new()
    lifecycle.submit_unknown(
        claim_for_submit(doubtful, token="of the doubtful one"), grace=timedelta(seconds=-60)
    )
    lifecycle.outcome_timed_out(TryOnRequest.objects.get(pk=doubtful.pk))
    canceled = life.new()
    assert life.browser.post(f"{TRY_ONS}{canceled.pk}/cancel/").status_code == 200
    claim_for_submit(life.new(), token="of the running one")
    life.new()
    house = str(life.house_model.pk)
    source = life.new(photo_id=house).source
    assert source is not None
    complete_tryon(source)
    assert life.new(photo_id=house).state == State.COMPLETED
    assert life.new(life.coat, photo_id=house).state == State.QUEUED
    assert {State.COMPLETED, State.FAILED, State.CANCELED, State.QUEUED, State.SUBMITTING} == set(
        TryOnRequest.objects.filter(pk__in=life.try_ons).values_list("state", flat=True)
    )


def submit_and_hear(row: TryOnRequest) -> Attempt:
    attempt = claim_for_submit(row, token="of the failed one")
    lifecycle.callback(attempt, "its id at the vendor")
    row.refresh_from_db()
    return attempt


def around(life: Life) -> None:
    """By a phone, into the basket; and what staff, the queue and the pages did meanwhile."""
    mobile = Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS)
    connect(life.browser, mobile, life.shirt)
    phoned = life.new(client=mobile)
    assert PhoneLink.objects.filter(try_ons=phoned).exists()
    request = RequestFactory().post("/cart/")
    request.user, request.session = life.user, life.browser.session
    conversions.added(request, life.coat, "basket-line-4711")
    conversions.purchased(None, "basket-line-4711", "order-0815")
    life.know("an order", "basket-line-4711", "order-0815")
    assert Conversion.objects.filter(order="order-0815").exists()
    eve = staff("view_shopper_photos")
    photo = PersonPhoto.objects.get(is_reusable=True, kind=PersonPhoto.Kind.OWN)
    image = TryOnImage.objects.filter(request__photo=photo)[0]
    for name, pk in (("photo-file", photo.pk), ("image", image.pk)):
        assert read_stream(eve.get(reverse(f"vton:{name}", args=[pk])))
    incidents.check()
    assert Incident.objects.exists()
    queue.wake()
    assert OrmQ.objects.exists()
    for name in ("start", "me", "tryons"):
        product = {"product": product_ref(life.shirt)} if name == "start" else {}
        assert life.browser.get(reverse(f"vton:{name}"), product).status_code == 200


@pytest.fixture
def life(
    shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker, files: StoredFiles, vton: Vton
) -> Life:
    """A guest's try-ons, then the same shopper's with an account."""
    vton(IN_FLIGHT=90, QUOTA="90/day", ENQUEUE=None)
    browser = Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS)
    user, coat = User.objects.create_user(NAME, password="x"), make_product("coat", Kind.TOP)
    coat.photo.save("coat.jpg", ContentFile(phone_photo(shade=90)))
    life = Life(browser, user, shirt, coat, house_model, phone_photo, files)
    as_guest(life)
    each_end(life)
    around(life)
    know_rows(life, Shopper.objects.get(user=user))
    life.know("a name", NAME)
    return life


def know_rows(life: Life, shopper: Shopper) -> None:
    """All by which what is stored of this shopper could be known."""
    for photo in PersonPhoto.objects.filter(shopper=shopper):
        life.know("a photo", photo.pk, photo.digest)
    for row in shopper.try_ons.all():
        life.know("the digest of a request", row.idempotency_digest)
        if row.photo is not None and not row.photo.is_house:
            life.know("the key of an own picture", row.cache_key)
    own = list(TryOnImage.objects.filter(request__shopper=shopper))
    for image in own:
        life.know("a result", image.pk)
    for stored in (*own, *PersonPhoto.objects.filter(shopper=shopper)):
        for name in (stored.file, stored.thumbnail):
            life.know("a file", str(name), str(name).rpartition("/")[2])
    for link in PhoneLink.objects.all():
        life.know("the id of a link", link.pk)
        life.know("a link to a phone", link.token_hash)
    request = RequestFactory().get("/", REMOTE_ADDR=ADDRESS)
    life.know("an address", ADDRESS, *address_keys(request))
    life.know("a quota of theirs", f"shopper:{shopper.pk}", f"phone:{shopper.pk}")


# The search -----------------------------------------------------------------------------------------


MAY_STAY: dict[tuple[str, str], set[str]] = {
    # Who of the staff looked at which picture is kept for a year; the id leads to nothing any more.
    ("vton.look", "object_id"): {"a photo", "a result"},
    # Neither is reset by an erasure; no try-on names one of these counters.
    ("vton.quota", "key"): {"an address"},
    # The phone that used a link: its session holds the link's id until it ends, and the link is gone.
    ("a session", "data"): {"the id of a link"},
    # The account is the shop's.
    ("auth.user", "username"): {"a name"},
}


def values_of(row: Model) -> Iterator[tuple[str, str]]:
    """Each column as text, what is packed unpacked."""
    for column in row._meta.concrete_fields:
        value = getattr(row, column.attname)
        if isinstance(row, OrmQ) and column.attname == "payload":
            value = SignedPackage.loads(value)
        yield column.attname, str(value)


def everything() -> Iterator[tuple[str, str, str]]:
    """Where, in which column, and the text: of all tables, sessions and the cache."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        for row in model._base_manager.all():
            for name, text in values_of(row):
                yield row._meta.label_lower, name, text
    store = import_module(active.SESSION_ENGINE).SessionStore
    for session in apps.get_model("sessions", "Session")._base_manager.all():
        yield "a session", "data", str(store(session_key=session.pk).load())
    for key, value in cache._cache.items():  # type: ignore[attr-defined] # of the tests' memory
        yield "the cache", key, str(value)


def found(life: Life) -> set[tuple[str, str, str]]:
    """What is known of them, and where it still stands."""
    words = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in life.words))
    seen = set()
    for table, name, text in everything():
        for match in words.findall(text):
            what = life.words[match]
            if what not in MAY_STAY.get((table, name), set()):
                seen.add((table, name, what))
    return seen


def pointing(user_pk: Any, shoppers: set[int]) -> set[tuple[str, str]]:
    """The rows that still point at the user or the shopper; the shop's own account aside."""
    seen = set()
    for model in apps.get_app_config("vton").get_models(include_auto_created=True):
        for column in () if model._meta.proxy else model._meta.concrete_fields:
            targets = {User: {user_pk}, Shopper: shoppers}.get(column.related_model or model, set())
            if column.is_relation and model._base_manager.filter(**{f"{column.name}__in": targets}).exists():
                seen.add((model._meta.label_lower, column.name))
    return seen


# Each way -------------------------------------------------------------------------------------------


def by_themselves(life: Life) -> None:
    assert life.browser.delete("/try-on/api/me/").status_code == 204


def by_letter(_life: Life) -> None:
    call_command("vton_erase", NAME)


def by_deleting_the_user(life: Life) -> None:
    life.user.delete()


def one_by_one(life: Life) -> None:
    """Each try-on by its owner; what is not of a try-on they delete as well."""
    for pk in life.try_ons:
        assert life.browser.delete(f"{TRY_ONS}{pk}/").status_code == 204
    assert life.browser.delete("/try-on/api/me/").status_code == 204


def in_the_other_order(life: Life) -> None:
    life.try_ons.reverse()
    one_by_one(life)


WAYS = [by_themselves, by_letter, by_deleting_the_user, one_by_one, in_the_other_order]


def test_the_search_finds_all_that_is_to_be_erased(life: Life) -> None:
    """Else the tests below would be green whatever they looked for."""
    expected = set(life.words.values()) - {"a name"}
    gone_since_the_login = {"a guest's token", "a guest's session"}
    assert {what for _table, _name, what in found(life)} == expected - gone_since_the_login
    shoppers = set(Shopper.objects.values_list("pk", flat=True))
    assert {
        ("vton.tryonevent", "actor"),
        ("vton.tryonrequest", "shopper"),
        ("vton.personphoto", "shopper"),
        ("vton.consent", "shopper"),
        ("vton.phonelink", "shopper"),
        ("vton.shopper", "user"),
    } == pointing(life.user.pk, shoppers)


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_nothing_of_an_erased_shopper_is_left_anywhere(
    life: Life, files: StoredFiles, way: Callable[[Life], None]
) -> None:
    shoppers = set(Shopper.objects.values_list("pk", flat=True))
    user_pk = life.user.pk
    money = books()
    way(life)
    lifecycle.finish_followers()

    assert found(life) == set()
    assert pointing(user_pk, shoppers) == set()
    assert not any(word in name for name in files.names() for word in life.words)
    assert not Consent.objects.exists()
    # The books stay, and who of the staff did what.
    assert books() == money
    assert PhotoAccess.objects.values_list("actor_name", flat=True).first() == "eve"


def books() -> list[Any]:
    rows = Attempt.objects.order_by("pk")
    return list(rows.values_list("request", "engine", "amount", "budget_day", "vendor_id"))


SAYS = {
    *("id", "product", "main_product", "product_title", "product_url", "engine", "options"),
    *("product_image_id", "batch_id", "cached", "state", "error_code", "image_count"),
    *("created_at", "started_at", "rendered_at", "finished_at", "expires_at", "erased_at", "called_back_at"),
    *("last_attempt_number", "download_failures"),
}
"""What a try-on without an owner may say: what was made, when, and how it ended."""


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_what_is_left_of_a_try_on_leads_neither_to_its_owner_nor_to_another_of_theirs(
    life: Life, way: Callable[[Life], None]
) -> None:
    user_pk = life.user.pk
    way(life)
    lifecycle.finish_followers()

    rows = TryOnRequest.objects.filter(pk__in=life.try_ons)
    assert rows.count() == len(life.try_ons)
    for row in rows:
        empty = TryOnRequest()
        kept = {
            column.attname: getattr(row, column.attname)
            for column in row._meta.concrete_fields
            if column.attname not in SAYS
        }
        assert kept == {name: getattr(empty, name) for name in kept}
        for event in row.events.all():
            assert (event.detail, event.actor_id == user_pk) == ({}, False), event.name
            for other in life.try_ons:
                assert str(other) not in str(event.detail)
    assert not PhoneLink.try_ons.through._default_manager.exists()
    assert set(Conversion.objects.values_list("reference", "order")) <= {(None, "")}


def test_a_try_on_that_is_erased_alone_is_not_named_by_the_owners_others(life: Life) -> None:
    again = TryOnRequest.objects.get(source__shopper__user=life.user)
    source = again.source
    assert source is not None
    assert life.browser.delete(f"{TRY_ONS}{source.pk}/").status_code == 204
    again.refresh_from_db()
    assert (again.state, len(again.shown_images)) == (State.COMPLETED, 1)
    assert str(source.pk) not in str(privacy.export_shopper(again.shopper))
    own = TryOnEvent.objects.exclude(request=source)
    assert not [event for event in own if str(source.pk) in str(event.detail)]


def test_a_try_on_that_is_erased_alone_forgets_who_stopped_it_and_on_which_phone(life: Life) -> None:
    [phoned] = TryOnRequest.objects.filter(phone_links__shopper__user=life.user)
    assert life.browser.post(f"{TRY_ONS}{phoned.pk}/cancel/").status_code == 200
    assert phoned.events.filter(actor=life.user).exists()
    assert life.browser.delete(f"{TRY_ONS}{phoned.pk}/").status_code == 204
    assert not phoned.events.filter(actor=life.user).exists()
    assert not phoned.phone_links.exists()


def test_a_member_of_staff_is_still_named_for_what_they_did(life: Life) -> None:
    eve = User.objects.get(username="eve")
    row = TryOnRequest.objects.filter(pk__in=life.try_ons, state=State.QUEUED, source=None).first()
    assert row is not None
    assert lifecycle.cancel(row, actor_id=eve.pk)
    by_themselves(life)
    assert TryOnEvent.objects.filter(request=row, name="canceled", actor=eve).exists()


def test_who_stopped_a_try_on_for_somebody_else_on_their_own_phone_is_forgotten_too(
    shirt: Product, phone_photo: PhotoMaker
) -> None:
    desktop, mobile = Client(SERVER_NAME=HOST), Client(SERVER_NAME=HOST)
    bob = User.objects.create_user("bob")
    mobile.force_login(bob)
    own = create_tryon(mobile, make_product("coat", Kind.TOP), phone_photo(shade=1))
    connect(desktop, mobile, shirt)
    row = create_tryon(mobile, shirt, phone_photo(shade=2))
    assert row.shopper != own.shopper
    assert mobile.post(f"{TRY_ONS}{row.pk}/cancel/").status_code == 200
    assert TryOnEvent.objects.filter(actor=bob).exists()
    assert mobile.delete("/try-on/api/me/").status_code == 204
    assert not TryOnEvent.objects.filter(actor=bob).exists()


def test_a_guest_who_is_erased_leaves_no_counts_but_those_of_the_address(
    shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto, guest: Client
) -> None:
    create_tryon(guest, shirt, phone_photo())
    token = guest.session[SESSION_KEY]
    for _ in range(2):
        assert post_tryon(guest, shirt, photo_id=str(house_model.pk)).status_code == 202
    assert guest.delete("/try-on/api/me/").status_code == 204
    keys = Quota.objects.values_list("key", flat=True)
    assert keys
    assert all(key.removeprefix("shared:").startswith("ip:") for key in keys), list(keys)
    assert not [place for *place, text in everything() if token in text or hash_token(token) in text]


def test_a_user_who_erases_everything_does_not_begin_anew(
    shirt: Product, phone_photo: PhotoMaker, guest: Client, vton: Vton
) -> None:
    vton(QUOTA="1/day")
    user = User.objects.create_user("ada")
    guest.force_login(user)
    complete_tryon(create_tryon(guest, shirt, phone_photo(shade=1)))
    [shopper] = Shopper.objects.all()
    assert privacy.export_shopper(shopper)["quotas"][0]["used"] == 1
    assert guest.delete("/try-on/api/me/").status_code == 204
    assert error_code(post_tryon(guest, shirt, phone_photo(shade=2))) == (429, "quota_exceeded")
    assert not Quota.objects.filter(key__endswith=f":{shopper.pk}").exists()
    assert not Quota.objects.filter(key__endswith=f":{user.pk}").exists()


def test_a_login_leaves_nothing_of_the_guest(shirt: Product, phone_photo: PhotoMaker, guest: Client) -> None:
    create_tryon(guest, shirt, phone_photo())
    [shopper] = Shopper.objects.all()
    connect(Client(SERVER_NAME=HOST), guest, shirt)
    guest.force_login(User.objects.create_user("ada"))
    assert not Quota.objects.filter(key__endswith=f":{shopper.pk}").exists()
    assert not PersonPhoto.objects.filter(shopper=shopper.pk).exists()
