"""Create data of a shopper who used every feature, and find it in all tables, sessions and the cache."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.conf import settings as active
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory
from django.urls import reverse
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from django_vton import conversions, lifecycle, queue
from django_vton.models import (
    Attempt,
    Conversion,
    Incident,
    PersonPhoto,
    PhoneLink,
    Shopper,
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
    make_product,
    post_tryon,
    product_ref,
    read_stream,
)
from ..web.files import staff_client
from ..web.phone.actions import HOST, connect_phone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton
    from ..intake_helpers import StoredFiles

ADDRESS = "203.0.113.77"
NAME = "ada.lovelace@example.org"


@dataclass
class ShopperData:
    """The stored data of one shopper, and the values that identify it."""

    browser: Client
    user: User
    shirt: Product
    coat: Product
    house_model: PersonPhoto
    photo: PhotoMaker
    files: StoredFiles
    try_ons: list[UUID] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    """The values that identify the shopper. Each maps to its meaning."""

    def add_values(self, what: str, *values: Any) -> None:
        """Add values to search for. An id is added without dashes too, since some databases store it so."""
        for value in filter(None, values):
            self.values[str(value)] = what
            if isinstance(value, UUID):
                self.values[value.hex] = what

    def order(
        self, product: Product | None = None, client: Client | None = None, **fields: Any
    ) -> TryOnRequest:
        """Order another try-on, with a new photo unless one is given."""
        number = len(self.try_ons) + 1
        key = f"key-{number}-of-ada"
        photo = None if "photo_id" in fields else self.photo(shade=number)
        headers = {"Idempotency-Key": key}
        response = post_tryon(client or self.browser, product or self.shirt, photo, headers=headers, **fields)
        assert response.status_code in {200, 202}, response.content
        row = TryOnRequest.objects.get(pk=response.json()["id"])
        self.add_values("an idempotency key", key, row.idempotency_key_hash)
        self.try_ons.append(row.pk)
        return row

    def give_feedback(self, row: TryOnRequest, **feedback: str) -> None:
        url = f"{TRY_ONS}{row.pk}/feedback/"
        assert self.browser.put(url, feedback, "application/json").status_code == 200


def _use_as_guest(data: ShopperData) -> None:
    """Withdraw the consent and give it again, keep a photo, use a phone, then log in."""
    complete_tryon(data.order())
    session = data.browser.session
    data.add_values("a guest's token", session[SESSION_KEY], hash_token(session[SESSION_KEY]))
    data.add_values("a guest's session", session.session_key)
    assert data.browser.delete("/try-on/api/consent/").status_code == 204
    data.give_feedback(complete_tryon(data.order(keep_photo="true"), images=2), value="like")
    connect_phone(data.browser, Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS), data.shirt)
    _add_row_values(data, Shopper.objects.get())
    data.browser.force_login(data.user)


def _reach_every_state(data: ShopperData) -> None:
    """Order try-ons in all states, and renders of a house model that others share."""
    kept = complete_tryon(data.order(keep_photo="true"))
    disliked = complete_tryon(data.order(data.coat, photo_id=str(kept.photo_id)))
    data.give_feedback(disliked, value="dislike", reason="not_like_me")
    again = data.order(data.coat, photo_id=str(kept.photo_id))
    assert (again.source, again.state) == (disliked, State.COMPLETED)
    failed = data.order()
    lifecycle.fail_at_deadline(_submit(failed))
    unresolved = data.order()
    lifecycle.mark_unknown(
        claim_for_submit(unresolved, token="of the unresolved one"), timeout=timedelta(seconds=-60)
    )
    lifecycle.end_unknown_outcome(TryOnRequest.objects.get(pk=unresolved.pk))
    canceled = data.order()
    assert data.browser.post(f"{TRY_ONS}{canceled.pk}/cancel/").status_code == 200
    claim_for_submit(data.order(), token="of the running one")
    data.order()
    house = str(data.house_model.pk)
    source = data.order(photo_id=house).source
    assert source is not None
    complete_tryon(source)
    assert data.order(photo_id=house).state == State.COMPLETED
    assert data.order(data.coat, photo_id=house).state == State.QUEUED
    assert {State.COMPLETED, State.FAILED, State.CANCELED, State.QUEUED, State.SUBMITTING} == set(
        TryOnRequest.objects.filter(pk__in=data.try_ons).values_list("state", flat=True)
    )


def _submit(row: TryOnRequest) -> Attempt:
    attempt = claim_for_submit(row, token="of the failed one")
    lifecycle.receive_callback(attempt, "its id at the vendor")
    row.refresh_from_db()
    return attempt


def _use_other_features(data: ShopperData) -> None:
    """Order by phone, buy a product; staff open images, and incidents, the queue and pages are used."""
    mobile = Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS)
    connect_phone(data.browser, mobile, data.shirt)
    phoned = data.order(client=mobile)
    assert PhoneLink.objects.filter(try_ons=phoned).exists()
    request = RequestFactory().post("/cart/")
    request.user, request.session = data.user, data.browser.session
    conversions.added(request, data.coat, "basket-line-4711")
    conversions.purchased(None, "basket-line-4711", "order-0815")
    data.add_values("an order", "basket-line-4711", "order-0815")
    assert Conversion.objects.filter(order="order-0815").exists()
    eve = staff_client("view_shopper_photos")
    photo = PersonPhoto.objects.get(is_reusable=True, kind=PersonPhoto.Kind.OWN)
    image = TryOnImage.objects.filter(request__photo=photo)[0]
    for name, pk in (("photo-file", photo.pk), ("image", image.pk)):
        assert read_stream(eve.get(reverse(f"vton:{name}", args=[pk])))
    incidents.check()
    assert Incident.objects.exists()
    queue.wake()
    assert OrmQ.objects.exists()
    for name in ("start", "me", "tryons"):
        product = {"product": product_ref(data.shirt)} if name == "start" else {}
        assert data.browser.get(reverse(f"vton:{name}"), product).status_code == 200


def _add_row_values(data: ShopperData, shopper: Shopper) -> None:
    """Add the values that identify the shopper's rows and files."""
    for photo in PersonPhoto.objects.filter(shopper=shopper):
        data.add_values("a photo", photo.pk, photo.digest)
    for row in shopper.try_ons.all():
        data.add_values("the digest of a request", row.idempotency_digest)
        if row.photo is not None and not row.photo.is_house:
            data.add_values("the key of an own picture", row.cache_key)
    own = list(TryOnImage.objects.filter(request__shopper=shopper))
    for image in own:
        data.add_values("a result", image.pk)
    for stored in (*own, *PersonPhoto.objects.filter(shopper=shopper)):
        for name in (stored.file, stored.thumbnail):
            data.add_values("a file", str(name), str(name).rpartition("/")[2])
    for link in PhoneLink.objects.all():
        data.add_values("the id of a link", link.pk)
        data.add_values("a link to a phone", link.token_hash)
    request = RequestFactory().get("/", REMOTE_ADDR=ADDRESS)
    data.add_values("an address", ADDRESS, *address_keys(request))
    data.add_values("a quota of theirs", f"shopper:{shopper.pk}", f"phone:{shopper.pk}")


# Search ----------------------------------------------------------------------------------------------


MAY_STAY: dict[tuple[str, str], set[str]] = {
    # The log of staff who opened images is kept for a year. Its ids refer to deleted rows.
    ("vton.photoaccess", "object_id"): {"a photo", "a result"},
    # An erasure does not reset the quotas of IP addresses. No try-on refers to them.
    ("vton.quota", "key"): {"an address"},
    # The session of the phone keeps the id of its deleted link until it ends.
    ("a session", "data"): {"the id of a link"},
    # The account belongs to the shop.
    ("auth.user", "username"): {"a name"},
}


def _column_values(row: Model) -> Iterator[tuple[str, str]]:
    """Yield each column as text. Unpack the tasks of a queue."""
    for column in row._meta.concrete_fields:
        value = getattr(row, column.attname)
        if isinstance(row, OrmQ) and column.attname == "payload":
            value = SignedPackage.loads(value)
        yield column.attname, str(value)


def stored_values() -> Iterator[tuple[str, str, str]]:
    """Yield table, column and text of all values in tables, sessions and the cache."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        for row in model._base_manager.all():
            for name, text in _column_values(row):
                yield row._meta.label_lower, name, text
    store = import_module(active.SESSION_ENGINE).SessionStore
    for session in apps.get_model("sessions", "Session")._base_manager.all():
        yield "a session", "data", str(store(session_key=session.pk).load())
    for key, value in cache._cache.items():  # type: ignore[attr-defined] # the local-memory cache
        yield "the cache", key, str(value)


def find_values(data: ShopperData) -> set[tuple[str, str, str]]:
    """Return table, column and meaning of each identifying value that should not be stored any more."""
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in data.values))
    found = set()
    for table, name, text in stored_values():
        for match in pattern.findall(text):
            what = data.values[match]
            if what not in MAY_STAY.get((table, name), set()):
                found.add((table, name, what))
    return found


def find_references(user_pk: Any, shoppers: set[int]) -> set[tuple[str, str]]:
    """Return table and column of each row that refers to the user or one of the shoppers."""
    found = set()
    for model in apps.get_app_config("vton").get_models(include_auto_created=True):
        for column in () if model._meta.proxy else model._meta.concrete_fields:
            targets = {User: {user_pk}, Shopper: shoppers}.get(column.related_model or model, set())
            if column.is_relation and model._base_manager.filter(**{f"{column.name}__in": targets}).exists():
                found.add((model._meta.label_lower, column.name))
    return found


def create_shopper_data(
    shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker, files: StoredFiles, vton: Vton
) -> ShopperData:
    """Data of a shopper who used every feature, first as a guest and then with an account."""
    vton(IN_FLIGHT=90, QUOTA="90/day", ENQUEUE=None)
    browser = Client(SERVER_NAME=HOST, REMOTE_ADDR=ADDRESS)
    user, coat = User.objects.create_user(NAME, password="x"), make_product("coat", Kind.TOP)
    coat.photo.save("coat.jpg", ContentFile(phone_photo(shade=90)))
    data = ShopperData(browser, user, shirt, coat, house_model, phone_photo, files)
    _use_as_guest(data)
    _reach_every_state(data)
    _use_other_features(data)
    _add_row_values(data, Shopper.objects.get(user=user))
    data.add_values("a name", NAME)
    return data
